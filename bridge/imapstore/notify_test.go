package imapstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/bridge/storetest"
	"posthouse/cutover"
	"posthouse/test/neighbour"
)

// hinted waits for a hint; no more than ten seconds pass before one comes.
func hinted(t *testing.T, store *imapstore.Store, what string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	begun := time.Now()
	if err := store.WaitAny(ctx); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	t.Logf("%s: hinted at after %v", what, time.Since(begun))
}

// quiet takes the hints that are still to come, which a server may send one by one.
func quiet(t *testing.T, store *imapstore.Store) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 800*time.Millisecond)
		err := store.WaitAny(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestNotifyDovecot: one connection hears of whatever happens in any folder, and of nothing else.
func TestNotifyDovecot(t *testing.T) {
	server := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "dovecot", Users: people(1)})
	box := onDovecot(server, user+"1", func(*imapstore.Options) {})
	work := cutover.FolderPath{"Work"}
	box.AddFolder(t, work)
	store := box.Open(t).(*imapstore.Store)
	defer store.Close()
	hinted(t, store, "connecting")
	quiet(t, store)
	for n := range 3 {
		box.Deliver(t, work, storetest.Message{Raw: []byte(numbered(n))})
		hinted(t, store, "mail in another folder than INBOX")
		quiet(t, store)
	}
	box.Deliver(t, inbox.Path, storetest.Message{Raw: []byte(numbered(8))})
	hinted(t, store, "mail in INBOX")
	quiet(t, store)
	box.SetFlags(t, inbox.Path, "1", `\Seen`)
	hinted(t, store, "flags in INBOX")
	quiet(t, store)
	box.Remove(t, work, "2")
	hinted(t, store, "a removal")
	quiet(t, store)
	box.AddFolder(t, cutover.FolderPath{"Later"})
	hinted(t, store, "a new folder")
	quiet(t, store)
	box.Deliver(t, cutover.FolderPath{"Later"}, storetest.Message{Raw: []byte(numbered(9))})
	hinted(t, store, "mail in the new folder")
}

// TestNotifyAbsent: what the server does not offer, or refuses, is not supported.
func TestNotifyAbsent(t *testing.T) {
	for _, dialog := range []string{"notify-absent", "notify-refused"} {
		store := imapstore.New(serve(t, dialog))
		if err := store.WaitAny(t.Context()); !errors.Is(err, bridge.ErrUnsupported) {
			t.Errorf("%s: %v", dialog, err)
		}
		store.Close()
	}
}

// TestNotifyOverflow: a server that knows fewer events is asked for those; one that has stopped telling is asked again; one that hangs up at once is not connected to again at once.
func TestNotifyOverflow(t *testing.T) {
	store := imapstore.New(serve(t, "notify-overflow"))
	defer store.Close()
	var err error
	hints := 0 // one for the connection, the overflow and the news each; those that come before anybody waits for them are one
	for ; err == nil; hints++ {
		err = store.WaitAny(t.Context())
	}
	if hints < 2 || !errors.Is(err, bridge.ErrConnection) {
		t.Errorf("after %d hints: %v", hints-1, err)
	}
}

// TestNotifyStaysAlive: the server hears of us before it forgets us, and one that answers nothing any more is connected to anew.
func TestNotifyStaysAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var signs atomic.Int32
		o := options(t, "legacy:143")
		o.Dial = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go answerUntil(theirs, 50*time.Minute, func(line string) {
				if line == "DONE" {
					signs.Add(1)
				}
			})
			return ours, nil
		}
		store := imapstore.New(o)
		defer store.Close()
		if err := store.WaitAny(t.Context()); err != nil { // connecting
			t.Fatal(err)
		}
		begun := time.Now()
		if err := store.WaitAny(t.Context()); err != nil || time.Since(begun) < 50*time.Minute || time.Since(begun) > time.Hour {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		if n := signs.Load(); n < 5 {
			t.Errorf("%d signs of life", n)
		}
		if err := store.WaitAny(t.Context()); err != nil {
			t.Errorf("connecting again: %v", err)
		}
	})
}

// answerUntil is a server that says OK to everything for a while, and then nothing.
func answerUntil(nc net.Conn, span time.Duration, hear func(string)) {
	begun := time.Now()
	defer nc.Close()
	fmt.Fprint(nc, "* PREAUTH [CAPABILITY IMAP4rev1 IDLE NOTIFY] hello\r\n")
	idling := ""
	lines := bufio.NewScanner(nc)
	for lines.Scan() {
		hear(lines.Text())
		if time.Since(begun) > span {
			continue
		}
		tag, command, _ := strings.Cut(lines.Text(), " ")
		switch {
		case command == "IDLE":
			idling = tag
			fmt.Fprint(nc, "+ idling\r\n")
		case tag == "DONE":
			fmt.Fprintf(nc, "%s OK done\r\n", idling)
		default:
			fmt.Fprintf(nc, "%s OK done\r\n", tag)
		}
	}
}
