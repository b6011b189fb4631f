package daemon_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"posthouse/evidence"
	"posthouse/ledger/sqlite"
)

// formerly is a message that an old server took from outside on a day.
func formerly(at time.Time, host, from, to string) []byte {
	hop := fmt.Sprintf("Return-Path: <%s>\r\nReceived: from %s (%s [198.51.100.7])\r\n\tby mail.old.example with ESMTPS; %s\r\n", from, host, host, at.Format(time.RFC1123Z))
	return append([]byte(hop), message(fmt.Sprint(host, " ", at.Unix()), from, to)...)
}

// oldMailBed is two old mailboxes: a sender who writes on the third of each month to both, whose messages are kept in several folders, and others who do not count. The switch was a day ago.
func oldMailBed(t *testing.T) *bed {
	b := newBed(t, layout{
		speed: 3600, mailboxes: "anna@example.com,,person,cloud\nbob@example.com,,person,cloud\n", bridge: "poll_interval = \"10m\"\nsettle_time = \"500ms\"", verdict: "mx_switched = 2026-11-01T12:00:00Z",
	})
	put := func(to, folder, host, from string, at time.Time) {
		must(t, second(b.legacy.Append(to, folder, formerly(at, host, from, to), nil, at)))
	}
	must(t, b.legacy.CreateFolder("anna@example.com", "Kept", ""))
	must(t, b.legacy.CreateFolder("anna@example.com", "Sent", `\Sent`))
	must(t, b.legacy.CreateFolder("anna@example.com", "Spam", `\Junk`))
	for month := range 10 {
		at := time.Date(2026, time.January+time.Month(month), 3, 9, 0, 0, 0, time.UTC)
		folder := []string{"INBOX", "Kept"}[month%2]
		put("anna@example.com", folder, "mx4.supplier.example", "bills@supplier.example", at)
		put("anna@example.com", "Kept", "mx4.supplier.example", "bills@supplier.example", at) // the same message once more
		put("bob@example.com", "INBOX", "mx4.supplier.example", "bills@supplier.example", at) // and to another
		put("anna@example.com", "Spam", "mx.junk.example", "x@junk.example", at)
		put("anna@example.com", "Sent", "mx.sent.example", "x@sent.example", at)
		put("bob@example.com", "INBOX", "dsl7.provider.example", "anna@example.com", at)
	}
	put("anna@example.com", "INBOX", "mx.ancient.example", "x@ancient.example", time.Date(2025, 1, 3, 9, 0, 0, 0, time.UTC))
	put("anna@example.com", "INBOX", "mx.late.example", "x@late.example", time.Date(2026, 11, 2, 7, 0, 0, 0, time.UTC)) // after the switch
	return b
}

func (b *bed) past() (counts bool, read int) {
	b.t.Helper()
	e, err := b.daemon.Evidence(b.t.Context())
	must(b.t, err)
	return e.Past.Counts, e.Past.Read
}

// monthly demands that the book knows the monthly sender, and nobody else.
func (b *bed) monthly(uses int) {
	b.t.Helper()
	all := b.senders().Senders
	i := slices.IndexFunc(all, func(s evidence.Sender) bool { return s.Called("supplier.example") })
	if len(all) != 1 || i != 0 {
		b.t.Fatalf("the book knows %+v", all)
	}
	if s := all[i]; s.Name != "mx*.supplier.example" || s.Uses != uses || s.State != "unseen" || s.Rhythm != "monthly" {
		b.t.Errorf("the monthly sender is %+v", s)
	}
}

// Who wrote to the old mailboxes before the switch is known from what lies there, and how often. A restart does not read it again, and knows it at once.
func TestOldMail(t *testing.T) {
	b := oldMailBed(t)
	b.start()
	b.eventually("the old mail", func() bool { counts, _ := b.past(); return counts })
	b.monthly(10)
	e, err := b.daemon.Evidence(t.Context())
	must(t, err)
	if p := e.Past; p.Mailboxes != 2 || p.Read != 2 || p.Messages != 10 || p.Systems != 1 {
		t.Errorf("the evidence tells %+v", p)
	}
	// What comes there after the switch does not count, after a restart neither.
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	must(t, second(b.legacy.Append("anna@example.com", "INBOX", formerly(at, "mx4.supplier.example", "bills@supplier.example", "anna@example.com"), nil, at)))
	b.again()
	b.monthly(10)
	b.stop()
	b.start()
	if counts, read := b.past(); !counts || read != 2 {
		t.Errorf("after a restart: counts %v, read %d", counts, read)
	}
	b.monthly(10)
	b.again()
	b.monthly(10)
}

// A process that died before everything was read: what it had found is there, the rest is read, and nothing counts twice.
func TestOldMailAfterAKill(t *testing.T) {
	b := oldMailBed(t)
	b.start()
	b.eventually("the old mail", func() bool { counts, _ := b.past(); return counts })
	b.stop()
	facts := func(change func(get func(string) string, set func(name, value string))) {
		t.Helper()
		l, err := sqlite.Open(t.Context(), filepath.Join(b.dir, "state"), sqlite.Options{})
		must(t, err)
		change(func(name string) string {
			text, err := l.Fact(t.Context(), name)
			must(t, err)
			return text
		}, func(name, value string) { must(t, l.SetFact(t.Context(), name, value)) })
		must(t, l.Close())
	}
	facts(func(get func(string) string, set func(name, value string)) {
		var anna map[string]json.RawMessage
		must(t, json.Unmarshal([]byte(get("past/anna@example.com")), &anna))
		delete(anna, "read")
		var folders map[string]json.RawMessage
		must(t, json.Unmarshal(anna["folders"], &folders))
		if len(folders) < 2 {
			t.Fatalf("places of %v", folders)
		}
		delete(folders, "Kept")
		text, err := json.Marshal(folders)
		must(t, err)
		anna["folders"] = text
		text, err = json.Marshal(anna)
		must(t, err)
		set("past/anna@example.com", string(text))
	})
	b.start()
	b.eventually("all mailboxes", func() bool { _, read := b.past(); return read == 2 })
	b.monthly(10)
}

// As long as one mailbox cannot be read nothing counts: a book that knows a part of the senders would take that for all.
func TestOldMailCountsOnceAllIsRead(t *testing.T) {
	b := oldMailBed(t)
	must(t, b.legacy.SetPassword("bob@example.com", "another secret"))
	b.start()
	b.eventually("the first mailbox", func() bool { _, read := b.past(); return read == 1 })
	if counts, _ := b.past(); counts {
		t.Error("half of it counts")
	}
	if all := b.senders().Senders; len(all) != 0 {
		t.Errorf("the book knows %+v", all)
	}
	b.stop()
	must(t, b.legacy.SetPassword("bob@example.com", "old secret"))
	b.start()
	b.eventually("all mailboxes", func() bool { counts, _ := b.past(); return counts })
	b.monthly(10)
}

// A mailbox that comes after everything was read, and forgotten but for the facts, is read beside the others: what it has of theirs does not count again.
func TestOldMailOfANewMailbox(t *testing.T) {
	b := oldMailBed(t)
	both := b.layout.mailboxes
	b.layout.mailboxes = "anna@example.com,,person,cloud\n"
	b.start()
	b.eventually("the old mail", func() bool { counts, _ := b.past(); return counts })
	b.monthly(10)
	b.layout.mailboxes = both
	b.reload()
	b.eventually("the new mailbox", func() bool { _, read := b.past(); return read == 2 })
	b.monthly(10)
	e, err := b.daemon.Evidence(t.Context())
	must(t, err)
	if p := e.Past; p.Messages != 10 || p.Systems != 1 {
		t.Errorf("the evidence tells %+v", p)
	}
}
