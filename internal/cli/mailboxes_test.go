package cli

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/internal/control"
)

// sampleMailboxes are those of the sample, one that cannot be followed, an empty one, and one with a folder that is left out.
func sampleMailboxes() (control.Status, *speeds) {
	s := sampleStatus()
	s.Mailboxes = append(s.Mailboxes,
		control.Mailbox{Address: "room@example.com", State: stateUnfollowed, Error: "no IMAP server is configured on the legacy side"},
		control.Mailbox{Address: "new@example.com", State: stateFollowing, Folders: 1, Caught: before(10 * time.Second)})
	s.Mailboxes[1].Skipped = []control.Skipped{{Folder: "Public / Sales", Why: "outside the personal namespace"}, {Folder: "All", Why: "virtual"}}
	s.Mailboxes[1].LeftOut = []control.LeftOut{{Folder: "INBOX", Keyword: "$forwarded", Messages: 12}, {Folder: "INBOX", Keyword: "later", Messages: 1}}
	p := newSpeeds(time.Minute)
	p.add(sampleNow, s)
	s.Copy.Messages += 12_300
	s.Copy.Bytes += 94_000_000
	s.Mailboxes[1].Done += 50
	s.Mailboxes[1].Bytes += 61_000_000
	p.add(sampleNow.Add(10*time.Second), s)
	return s, p
}

func TestMailboxesView(t *testing.T) {
	s, p := sampleMailboxes()
	golden(t, "mailboxes", mailboxesView(s, p, time.UTC, false))
	golden(t, "mailboxes-named", mailboxesView(s, p, time.UTC, true))
	o := mailboxesShow{zone: time.UTC}
	golden(t, "mailboxes-watch", o.block(s, p, 0, 6))
	golden(t, "mailboxes-watch-text", []line{{{plain, o.text(s, p)}}})
}

// A mailbox that waits because a server asked to is shown with the server's words and the time when it goes on, wherever mailboxes are shown, and needs no attention.
func TestMailboxesThatAServerAskedToWait(t *testing.T) {
	s, p := sampleMailboxes()
	s.Copy.Waiting = 1
	s.Mailboxes[2].Wait, s.Mailboxes[2].Next = "cloud says BAD Request is throttled. Suggested Backoff Time: 299892 milliseconds", sampleNow.Add(5*time.Minute)
	golden(t, "waiting-mailboxes", mailboxesView(s, p, time.UTC, false))
	golden(t, "waiting-progress", progressView(s, p, time.UTC, 9))
	golden(t, "waiting-status", statusView(s, p.all.rate(), time.UTC, 0))
	golden(t, "waiting-text", []line{{{plain, progressText(s, p.all.rate())}}})
	s.Mailboxes = s.Mailboxes[2:3]
	if err := (mailboxesShow{}).code(s); err != nil {
		t.Error(err)
	}
}

// A mailbox whose sides were not both configured needs no attention; one that is tried again after a failure does.
func TestMailboxesThatNeedAttention(t *testing.T) {
	for _, c := range []struct {
		m    control.Mailbox
		want bool
	}{
		{control.Mailbox{State: stateFollowing}, false},
		{control.Mailbox{State: stateProblem, Error: "login refused"}, true},
		{control.Mailbox{State: stateCopying, Error: "connection lost"}, true},
		{control.Mailbox{State: stateUnfollowed, Error: "no mailbox server on that side"}, false},
	} {
		err := mailboxesShow{}.code(control.Status{Mailboxes: []control.Mailbox{{State: stateWaiting}, c.m}})
		if got := errors.Is(err, status(exitSome)); got != c.want {
			t.Errorf("%+v: %v", c.m, err)
		}
	}
}

func TestWatchMailboxes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := &vt{}
		tr := newTrial()
		tr.out = printerOn(term)
		tr.out.terminal = true // its size is not known: nothing is cut
		later := sampleStatus()
		later.Mailboxes[0].Error, later.Mailboxes[0].State = "", stateFollowing
		later.Mailboxes[1].Done += 1000
		go func() {
			time.Sleep(1500 * time.Millisecond)
			tr.told <- syscall.SIGINT
		}()
		q := questions{answers: []any{sampleStatus(), later}}
		if err := tr.watch(t.Context(), q.ask, mailboxesShow{zone: time.UTC}); err != nil {
			t.Errorf("nothing needed attention in the end, got %v", err)
		}
		rows := term.shows()
		shown := strings.Join(rows, "\n")
		if !strings.HasPrefix(shown, "  all      ███") || !strings.HasPrefix(rows[1], "  copying  anna@     ██") || !strings.Contains(rows[1], "9,120/10,020") || !strings.Contains(rows[1], "ETA ") ||
			strings.Contains(shown, "problem") {
			t.Errorf("after the second look:\n%s", shown)
		}
	})
}
