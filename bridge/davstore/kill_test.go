package davstore_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"posthouse/bridge/storetest"
	"posthouse/cutover"
	"posthouse/internal/testserver"
)

// wire is what a process reaches servers by: nothing, once it is dead.
type wire struct{ of *storetest.Killed }

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.of.Dead() {
		return nil, storetest.ErrKilled
	}
	return http.DefaultTransport.RoundTrip(r)
}

// Whichever write the process dies after while changes of all kinds are on their way: in the end each item lies in the cloud once, in its last version or as its owner left it, and nobody was told anything.
func TestKilledWhileEditsFlow(t *testing.T) {
	picky := func(raw []byte) string {
		if bytes.Contains(raw, []byte("Standard Time")) {
			return "valid-calendar-data"
		}
		return ""
	}
	for name, cloud := range map[string]testserver.DAVConfig{
		"usual": {Schedules: true, Refuse: picky}, "no tokens, no MOVE": {NoSync: true, NoMove: true, Refuse: picky},
		"rewriting": {Schedules: true, Refuse: picky, Rewrite: func(raw []byte) []byte { return bytes.Replace(raw, []byte("DTSTAMP:2026"), []byte("DTSTAMP:2027"), 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n, died := 1, true; died; n++ {
				k := newKill(t, cloud)
				m := storetest.KillAfter(n)
				k.of, k.oldVia, k.newVia = m.Ledger, wire{m}, wire{m}
				k.again()
				_ = k.try() // whatever becomes of it
				died = m.Dead()
				k.change("twice", "third")
				k.of, k.oldVia, k.newVia = nil, nil, nil
				k.again()
				k.follow()
				if k.check(); t.Failed() {
					t.Fatalf("after write %d", n)
				}
			}
		})
	}
}

type kill struct{ *across }

// newKill has copied a calendar, of which then much is changed.
func newKill(t *testing.T, cloud testserver.DAVConfig) *kill {
	k := &kill{newAcross(t, testserver.DAVConfig{Schedules: cloud.Schedules, NoSync: cloud.NoSync}, cloud)}
	k.deletions = 1000
	k.again()
	k.old.AddCollection("anna", "work", testserver.DAVCalendar, "Work")
	for _, uid := range []string{"stays", "old", "twice", "both", "mine", "removed", "renamed", "moved", "repaired", "invites", "deleted"} {
		k.change(uid, "first")
	}
	k.follow()
	for _, uid := range []string{"old", "twice", "both", "removed", "repaired", "invites", "new1", "new2"} {
		k.change(uid, "second")
	}
	for _, uid := range []string{"both", "mine"} {
		name, _ := k.cloud(home, "UID:"+uid+"\r")
		k.new.Put("anna", home, name, meeting(uid, "SUMMARY:the user's"))
	}
	name, _ := k.cloud(home, "UID:removed\r")
	k.new.Remove("anna", home, name)
	k.old.Remove("anna", home, "deleted")
	k.old.Rename("anna", home, "renamed", "elsewhere")
	k.old.Put("anna", home, "elsewhere", meeting("renamed", "SUMMARY:second"))
	k.old.Remove("anna", home, "moved")
	k.old.Put("anna", "work", "moved", meeting("moved", "SUMMARY:second"))
	k.old.Put("anna", home, "clash", meeting("old", "SUMMARY:another"))
	k.old.Put("anna", home, "bare", bytes.Replace(meeting("", "SUMMARY:bare"), []byte("UID:\r\n"), nil, 1))
	return k
}

func (k *kill) change(uid, text string) {
	lines := []string{"SUMMARY:" + text}
	switch {
	case uid == "repaired" && text == "second", uid == "new2":
		lines = append(lines, "DTEND;TZID=Tokyo Standard Time:20300101T210000")
	case uid == "invites" || uid == "new1":
		lines = append(lines, "ORGANIZER:mailto:anna@example.com", "ATTENDEE:mailto:bob@example.com")
	}
	k.old.Put("anna", home, uid, meeting(uid, lines...))
}

// again is another process.
func (k *kill) again() {
	if err := k.bridge.Stop(context.Background()); err != nil {
		k.Error(err)
	}
	k.restart()
}

func (k *kill) check() {
	k.Helper()
	want := map[string]string{
		"stays": "first", "old": "second", "twice": "third", "both": "the user's", "mine": "the user's", "renamed": "second", "repaired": "second", "invites": "second", "new1": "second", "new2": "second",
	}
	for uid, text := range want {
		if _, raw := k.cloud(home, "UID:"+uid+"\r"); !bytes.Contains(raw, []byte("SUMMARY:"+text+"\r")) {
			k.Errorf("%s is %q, want %s", uid, raw, text)
		}
	}
	if _, raw := k.cloud("work", "UID:moved\r"); !bytes.Contains(raw, []byte("second")) {
		k.Errorf("what was moved is %q", raw)
	}
	if n := len(k.new.Objects("anna", home)); n != len(want)+1 { // and the bare one
		k.Errorf("%d objects", n)
	}
	noted := map[string]bool{}
	r := k.verified()
	for _, f := range r.Noted {
		noted[string(f.Ref)] = true
	}
	if !noted["both"] || !noted["removed"] || len(r.Missing) != 1 || r.Missing[0].Ref != "clash" || len(r.Extra)+len(r.Altered) != 0 {
		k.Errorf("%+v", r)
	}
	if sent := append(k.old.Messages(), k.new.Messages()...); len(sent) != 0 {
		k.Errorf("sent: %s", strings.Join(sent, ", "))
	}
	rows := map[cutover.Key]int{}
	for _, row := range k.rows() {
		if row.Disposition == cutover.Intended {
			k.Errorf("%s is still under way", row.Legacy.Ref)
		} else if row.Disposition.InCloud() {
			rows[row.Identity.Match()]++
		}
	}
	for _, n := range rows {
		if n > 1 {
			k.Error(fmt.Sprint("one item has several rows: ", rows))
		}
	}
}
