package bridge_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/ledger"
)

var sentFolder = cutover.FolderPath{"Sent"}

// withSent is a world whose mailbox has a Sent folder on both sides, of other names.
func withSent(t *testing.T) *world {
	w := newWorld(t, memstore.Options{}, memstore.Options{})
	w.old().AddFolder(cutover.Folder{Path: cutover.FolderPath{"Gesendet"}, Name: "Gesendet", Role: cutover.Sent})
	w.new().AddFolder(cutover.Folder{Path: sentFolder, Name: "Sent", Role: cutover.Sent})
	return w
}

func (w *world) fileSent(raw []byte) (bridge.Sighting, error) {
	return w.bridge.FileSent(w.t.Context(), anna.ID, cutover.IdentityOf(raw), time.Now(), memstore.NewContent(raw))
}

// What a user has sent lies in Sent once, read: whether his program puts a copy there too, before, after or at the same moment.
func TestSentIsFiledOnce(t *testing.T) {
	for name, program := range map[string]time.Duration{"never": -1, "before": 0, "at the same moment": time.Minute, "a little later": time.Minute + time.Millisecond, "after": 2 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := withSent(t)
				w.start()
				defer w.stop()
				raw := mail("sent", "hello")
				if program >= 0 {
					time.AfterFunc(program, func() {
						w.old().Deliver(cutover.FolderPath{"Gesendet"}, memstore.Message{Raw: raw, Date: time.Now(), Flags: cutover.Flags{`\Seen`}})
					})
				}
				time.Sleep(time.Minute)
				for range 2 {
					seen, err := w.fileSent(raw)
					for errors.Is(err, bridge.ErrBusy) {
						time.Sleep(time.Second)
						seen, err = w.fileSent(raw)
					}
					if err != nil || !slices.Equal(seen.Folder, sentFolder) {
						t.Errorf("%v, %v", seen, err)
					}
				}
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				all := w.new().Messages(sentFolder)
				if len(all) != 1 || !all[0].Flags.Has(`\Seen`) {
					t.Errorf("%+v", all)
				}
				if n := len(w.new().Messages(inbox)); n != 0 {
					t.Errorf("%d in INBOX", n)
				}
			})
		})
	}
}

// slowPut is a cloud that takes a second for each put: time enough for others to look meanwhile.
type slowPut struct{ bridge.Store }

func (s slowPut) Put(ctx context.Context, f cutover.Folder, items iter.Seq[bridge.PutItem], report func(bridge.Outcome)) error {
	time.Sleep(time.Second)
	return s.Store.Put(ctx, f, items, report)
}

// Who puts into Sent and who looks there take turns: a slow put of the one is not missed by the other.
func TestSentIsFiledOnceBySlowServers(t *testing.T) {
	for _, program := range []time.Duration{-500 * time.Millisecond, 0, 500 * time.Millisecond} {
		inBubble(t, func(t *testing.T) {
			w := withSent(t)
			w.glass = func(s bridge.Store) bridge.Store { return slowPut{s} }
			w.start()
			defer w.stop()
			raw := mail("sent", "hello")
			time.AfterFunc(time.Minute+program, func() {
				w.old().Deliver(cutover.FolderPath{"Gesendet"}, memstore.Message{Raw: raw, Date: time.Now()})
			})
			time.Sleep(time.Minute)
			for {
				_, err := w.fileSent(raw)
				if err == nil {
					break
				}
				if !errors.Is(err, bridge.ErrBusy) {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
			time.Sleep(10 * time.Minute)
			if n := len(w.new().Messages(sentFolder)); n != 1 {
				t.Errorf("%v: %d copies", program, n)
			}
		})
	}
}

// Two that a user has sent are two, and a received one like it is another thing.
func TestSentIsNotReceived(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := withSent(t)
		w.start()
		defer w.stop()
		raw := mail("to myself", "hello")
		w.old().Deliver(inbox, memstore.Message{Raw: raw, Date: time.Now()})
		time.Sleep(10 * time.Minute)
		for _, one := range [][]byte{raw, mail("another", "hello")} {
			if _, err := w.fileSent(one); err != nil {
				t.Error(err)
			}
		}
		if in, sent := len(w.new().Messages(inbox)), len(w.new().Messages(sentFolder)); in != 1 || sent != 2 {
			t.Errorf("%d received, %d sent", in, sent)
		}
		if _, err := w.bridge.FileSent(t.Context(), "nobody@example.com", cutover.IdentityOf(raw), time.Now(), memstore.NewContent(raw)); !errors.Is(err, ledger.ErrNotFound) {
			t.Error(err)
		}
	})
}
