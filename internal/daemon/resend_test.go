package daemon_test

import (
	"strings"
	"testing"
	"time"

	"posthouse/internal/control"
)

// resend sends again what a message's deliveries brought, and demands that it is done.
func (b *bed) resend(deed control.Deed, f control.QueueFilter) []control.Acted {
	b.t.Helper()
	deed.Do = "resend"
	all := b.act(deed, f)
	for _, a := range all {
		if a.Error != "" || a.State != "due" {
			b.t.Errorf("%+v", a)
		}
	}
	return all
}

// What was delivered is sent once more on a person's word, by SMTP and into the mailbox, and is there twice then; both have their story, and the copy of the old side stays one.
func TestResend(t *testing.T) {
	for _, way := range []string{"smtp", "mailbox"} {
		t.Run(way, func(t *testing.T) {
			b := newBed(t, layout{to: `to = ["home:` + way + `"]`, mailboxes: "anna@example.com,,person,cloud\nbob@example.com,,person,cloud\ncarl@example.com,,person,legacy\n"})
			b.start()
			msg := b.send("hello", "x@sender.example", "anna@example.com", "bob@example.com")
			b.until("it to arrive", settled(2))
			_, err := b.legacy.Append("anna@example.com", "INBOX", msg, nil, time.Now()) // the old server has it, too
			must(t, err)
			b.again()
			hello := control.QueueFilter{Captures: []string{"<hello@sender.example>"}, To: "anna@example.com"}
			second := b.resend(control.Deed{}, hello)
			b.until("the second copy", settled(3))
			b.again()
			if found := b.holding(b.cloud, "anna@example.com", msg); len(found) != 2 {
				t.Errorf("anna has it at %v", found)
			}
			b.once(b.cloud, "bob@example.com", msg)
			stories := b.trace("<hello@sender.example>")
			if len(stories.Messages) != 2 || stories.Messages[0].Capture != second[0].Capture || !stories.Messages[0].Safe || !stories.Messages[1].Safe {
				t.Fatalf("%+v", stories)
			}
			act := "sent again by root: " + stories.Messages[1].Capture + " as " + second[0].Capture
			for _, m := range stories.Messages {
				told := 0
				for _, s := range m.Steps {
					if s.Act == act {
						told++
					}
				}
				if told != 1 {
					t.Errorf("%d steps tell of it: %+v", told, m.Steps)
				}
			}
			if v := b.verify("anna@example.com"); len(v["anna@example.com"].Missing)+len(v["anna@example.com"].Extra) > 0 {
				t.Errorf("%+v", v)
			}
			first := control.QueueFilter{Captures: []string{stories.Messages[1].Capture}}
			// To somebody else, who gets one for both; his home is the old server.
			all := b.act(control.Deed{Do: "resend", Recipient: "carl@example.com"}, first)
			if len(all) != 2 || all[0].Error != "" || all[0].Destination != "legacy:smtp" || !strings.Contains(all[1].Error, "carl@example.com gets one copy") {
				t.Errorf("%+v", all)
			}
			b.eventually("Carl's copy", func() bool { return len(b.holding(b.legacy, "carl@example.com", msg)) == 1 })
			if all := b.act(control.Deed{Do: "resend", By: "nowhere:smtp"}, first); !strings.Contains(all[0].Error, "does not lead to") {
				t.Errorf("%+v", all)
			}
			if err := b.daemon.Queued(t.Context(), hello, nil); err == nil || !strings.Contains(err.Error(), "names more than one message") {
				t.Errorf("two of one Message-ID: %v", err)
			}
		})
	}
}

// The old server's own copy, brought over since, stands for the first alone: whoever asked for another one gets it.
func TestResendOfWhatTheOldServerHad(t *testing.T) {
	b := newBed(t, layout{mailboxes: "anna@example.com,,person,legacy\n"})
	b.start()
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	b.until("it to be settled", settled(1))
	b.eventually("its copy in the cloud", func() bool { return len(b.holding(b.cloud, "anna@example.com", msg)) == 1 })
	b.layout.mailboxes = "anna@example.com,,person,cloud\n"
	b.reload()
	b.resend(control.Deed{}, control.QueueFilter{Captures: []string{"<hello@sender.example>"}})
	b.until("the second copy", settled(2))
	if found := b.holding(b.cloud, "anna@example.com", msg); len(found) != 2 {
		t.Errorf("anna has it at %v", found)
	}
	b.again()
	b.once(b.legacy, "anna@example.com", msg)
}

// What was dropped is sent again from what is kept; when that is gone the person is told where the copy lies.
func TestResendOfTheDropped(t *testing.T) {
	b := newBed(t, layout{mx: refusing("rcpt", 550, "5.1.1 no such user"), relay: "retention = \"1h\""})
	j := b.startSettable(t)
	b.send("hello", "x@sender.example", "anna@example.com")
	b.until("it to be held", held(1))
	id := b.queued(control.QueueFilter{})[0].Waiting.Capture
	f := control.QueueFilter{Captures: []string{id}}
	if all := b.act(control.Deed{Do: "resend"}, f); all[0].Next != "posthouse queue release "+id {
		t.Errorf("%+v", all)
	}
	b.act(control.Deed{Do: "drop"}, f)
	b.resend(control.Deed{}, f)
	b.until("the second to be held", held(1))
	j.Set(3 * time.Hour)
	b.stop()
	b.start() // prunes
	b.eventually("the first to be pruned", func() bool { return !b.trace(id).Messages[0].Kept })
	if sum := b.trace(id).Messages[0].SHA256; sum != "" {
		t.Errorf("of what is gone %q", sum)
	}
	all := b.act(control.Deed{Do: "resend"}, f)
	if !strings.Contains(all[0].Error, "is kept no more, its retention is over: dropped by root; its copy is ") || all[0].Next != "posthouse trace "+id {
		t.Errorf("%+v", all)
	}
}
