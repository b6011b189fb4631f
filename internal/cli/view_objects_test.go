package cli

import (
	"strings"
	"testing"
	"time"

	"posthouse/internal/control"
)

func TestCalendarsAreShown(t *testing.T) {
	s := sampleStatus()
	s.Copy.Events, s.Copy.EventsTotal, s.Copy.Contacts, s.Copy.ContactsTotal = 41_000, 41_902, 61_004, 61_004
	s.Mailboxes[3].Objects = &control.Objects{State: "following", Events: 12, EventsTotal: 12, Contacts: 3, ContactsTotal: 3, Caught: before(4 * time.Second)}
	s.Mailboxes[1].Objects = &control.Objects{State: "problem", Events: 2, EventsTotal: 9, Error: "connection lost: refused", Next: sampleNow.Add(time.Minute)}
	s.Mailboxes[0].Objects = &control.Objects{State: "problem", Error: "login refused at 09:30, next try 09:40: 401", Next: sampleNow.Add(10 * time.Minute)}
	s.Mailboxes[2].Objects = &control.Objects{State: "waiting", Wait: "slow down", Next: sampleNow.Add(time.Minute)}
	var all strings.Builder
	for _, l := range mailboxesView(s, newSpeeds(time.Minute), time.UTC, false) {
		all.WriteString(l.String() + "\n")
	}
	for _, want := range []string{"12/12 events   3/3 contacts   up to date", "2/9 events   calendars: connection lost: refused"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("not shown: %s in\n%s", want, all.String())
		}
	}
	for what, lines := range map[string][]line{"the status": problemsView(s, sampleNow), "mailboxes": mailboxesView(s, newSpeeds(time.Minute), time.UTC, false)} {
		text := ""
		for _, l := range lines {
			text += l.String() + "\n"
		}
		for _, want := range []string{"calendars: connection lost: refused, next try", "calendars: login refused at 09:30, next try 09:40: 401\n", ": slow down\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", what, want, text)
			}
		}
	}
	if text := newCopied(s, rate{}).text(); !strings.Contains(text, "41,000/41,902 events   61,004/61,004 contacts") {
		t.Errorf("the sum is %q", text)
	}
	sum := verifySum{Equal: 1, Items: 15, Events: 12, Contacts: 1, Edited: 2}
	if text := verifySumView(sum)[0].String(); !strings.Contains(text, "15 items on both sides (2 messages, 12 events, 1 contact)   2 changed in the cloud since") {
		t.Errorf("%q", text)
	}
	text := ""
	for _, l := range backfillView(backfillSum{Mailboxes: 1, Done: 1, Events: 3, Repaired: 1, Refused: 2}, nil, naming{}) {
		text += l.String() + "\n"
	}
	if !strings.Contains(text, "1 item was repaired") || !strings.Contains(text, "2 items were refused by the cloud") {
		t.Errorf("%q", text)
	}
	r := control.Verified{Mailbox: "bob@example.com", Equal: 3, Noted: []control.Finding{{Folder: "Calendars / Work", MessageID: "uid-1", Why: "changed on both sides"}}}
	text = ""
	for _, l := range verifiedView(r, naming{domains: []string{"example.com"}}) {
		text += l.String() + "\n"
	}
	if !strings.Contains(text, "bob@") || !strings.Contains(text, "Calendars / Work   uid-1   changed on both sides") {
		t.Errorf("noted: %s", text)
	}
}

// What a server lost is told by property: it loses the same of many.
func TestLossesAreShown(t *testing.T) {
	r := control.Verified{Mailbox: "bob@example.com", Equal: 5}
	for _, uid := range []string{"d", "b", "c", "a"} {
		r.Lost = append(r.Lost, control.Loss{Finding: control.Finding{Folder: "Address books / People", MessageID: uid}, Properties: []string{"PHOTO"}})
	}
	r.Lost[3].Title = "Anna \x1b Smith, the whole of " + strings.Repeat("x", 40)
	r.Lost[1].Properties = []string{"NOTE", "PHOTO"}
	text := ""
	for _, l := range verifiedView(r, naming{domains: []string{"example.com"}}) {
		text += l.String() + "\n"
	}
	for _, want := range []string{
		"bob@   the cloud's server lost a part of 4 events and contacts, or changed it\n",
		"PHOTO   4   Address books / People \"Anna \\x1b Smith, the whole of xxxxxxxxxxxx…\", Address books / People b, Address books / People c and 1 more: --json\n",
		"NOTE    1   Address books / People b\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Index(text, "PHOTO") > strings.Index(text, "NOTE") {
		t.Errorf("what most lack is not first:\n%s", text)
	}
	var sum verifySum
	sum.add(r, true)
	if lines := verifySumView(sum); sum.Equal != 1 || len(lines) != 2 || !strings.Contains(lines[1].String(), "lost a part of 4 events and contacts") || !strings.Contains(lines[1].String(), "; only a few were read: posthouse verify --full reads all (docs/") {
		t.Errorf("%+v: %s", sum, lines)
	}
	sum.full = true
	if text := verifySumView(sum)[1].String(); strings.Contains(text, "few") {
		t.Errorf("all were read: %s", text)
	}
}
