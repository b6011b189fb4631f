package imapstore

import (
	"sync"

	"github.com/emersion/go-imap/v2/imapclient"
)

// strays takes what go-imap cannot give to the command that asked for it: FETCH responses whose UID comes after the literal, second responses for the
// same UID, and what the server tells unasked. go-imap drops them silently otherwise, and with them mail.
type strays struct {
	mu     sync.Mutex
	idle   sync.Cond
	active int
	take   func(*imapclient.FetchMessageData)
	hint   func(flags bool) // something changed in the open folder, flags or more
}

func newStrays() *strays {
	st := &strays{}
	st.idle.L = &st.mu
	return st
}

func (st *strays) handler() *imapclient.UnilateralDataHandler {
	return &imapclient.UnilateralDataHandler{
		Fetch:   st.fetch,
		Expunge: func(uint32) { st.changed(false) },
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				st.changed(false)
			}
		},
	}
}

// fetch runs in a goroutine of its own for each stray. While it has not read a stray's literal to the end go-imap reads nothing else, so it counts as
// active before the command it belongs to can end.
func (st *strays) fetch(msg *imapclient.FetchMessageData) {
	st.mu.Lock()
	st.active++
	take := st.take
	st.mu.Unlock()
	if take == nil {
		take = drain
	}
	take(msg)
	st.changed(true)
	st.mu.Lock()
	st.active--
	st.idle.Broadcast()
	st.mu.Unlock()
}

func drain(msg *imapclient.FetchMessageData) {
	for msg.Next() != nil {
		continue // Next reads the literal before it to the end
	}
}

func (st *strays) changed(flags bool) {
	st.mu.Lock()
	hint := st.hint
	st.mu.Unlock()
	if hint != nil {
		hint(flags)
	}
}

// direct sends strays to take until the returned function is called, which waits for those that are being taken.
func (st *strays) direct(take func(*imapclient.FetchMessageData)) (end func()) {
	st.mu.Lock()
	st.take = take
	st.mu.Unlock()
	return func() {
		st.settle()
		st.mu.Lock()
		st.take = nil
		st.mu.Unlock()
	}
}

func (st *strays) settle() {
	st.mu.Lock()
	defer st.mu.Unlock()
	for st.active > 0 {
		st.idle.Wait()
	}
}
