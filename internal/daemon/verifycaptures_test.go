package daemon_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// verify looks for what the listeners took as well: what lies in the cloud is counted, what its owner removed is named as removed, what nobody has seen and what was not delivered is missing,
// each with its capture. Spam is missed by nobody, nor is what a person dropped.
func TestVerifyCoversCaptures(t *testing.T) {
	var b *bed
	refuse := map[string]*testserver.Reply{
		"held@sender.example": testserver.Refuse(550, "5.7.26 unauthenticated"), "spam@sender.example": testserver.Refuse(550, "5.7.1 spam"),
	}
	b = newBed(t, layout{mx: testserver.SMTPConfig{
		Script: func(c testserver.SMTPCall) *testserver.Reply {
			if c.Stage == testserver.AtMail {
				return refuse[c.Arg]
			}
			return nil
		},
		Deliver: func(e *testserver.Envelope) error {
			if e.From == "lost@sender.example" {
				return nil
			}
			return b.cloud.DeliverEnvelope(e)
		},
	}})
	clock := b.startSettable(t)
	b.until("the copy", copied)
	var removed []byte
	for _, name := range []string{"kept", "removed", "lost", "held", "spam"} {
		msg := b.send(name, name+"@sender.example", "anna@example.com")
		if name == "removed" {
			removed = msg
		}
	}
	b.until("all to have their end", func(s control.Status) bool {
		q := s.Queue
		return q.Settled == 2 && q.Accepted == 1 && q.Held == 1 && q.Quiet == 1
	})
	if v := b.verify("anna@example.com")["anna@example.com"]; v.Captured != 2 || len(v.Missing)+len(v.Removed)+len(v.Extra) != 0 || v.Error != "" {
		t.Errorf("at once: %+v", v)
	}
	folder, uid, _ := strings.Cut(b.holding(b.cloud, "anna@example.com", removed)[0], ":")
	var n uint32
	_, err := fmt.Sscan(uid, &n)
	must(t, err)
	must(t, b.cloud.Remove("anna@example.com", folder, n))
	clock.Set(7 * time.Hour)
	v := b.verify("anna@example.com")["anna@example.com"]
	if v.Captured != 1 || len(v.Missing) != 2 || len(v.Removed) != 1 || v.Error != "" {
		t.Fatalf("after seven hours: %+v", v)
	}
	for i, want := range []string{"5.7.26", "in no folder"} {
		if f := v.Missing[i]; !strings.Contains(f.Why, want) || f.Ref == "" || f.Folder != "captured" {
			t.Errorf("missing: %+v", f)
		}
	}
	if f := v.Removed[0]; !strings.Contains(f.Why, "removed there since") {
		t.Errorf("removed: %+v", f)
	}
	b.act(control.Deed{Do: "drop"}, control.QueueFilter{From: "held@sender.example"})
	if v := b.verify("anna@example.com")["anna@example.com"]; len(v.Missing) != 1 || !strings.Contains(v.Missing[0].Why, "in no folder") {
		t.Errorf("what was dropped is missed: %+v", v.Missing)
	}
	if other := b.verify("bob@example.com")["bob@example.com"]; other.Captured != 0 || other.Error != "" {
		t.Errorf("%+v", other)
	}
}

// The old server got its copy of what the cloud then refused as spam: that copy is not brought over, and not missed.
func TestSpamOnTheOldServerIsNotMissed(t *testing.T) {
	b := newBed(t, layout{mx: refusing(testserver.AtBody, 550, "5.7.1 rejected as spam"), to: "to = [\"home:smtp\"]\ntee = true"})
	b.start()
	msg := b.send("spam", "x@sender.example", "anna@example.com")
	b.until("it to be kept", func(s control.Status) bool { return s.Queue.Quiet == 1 })
	b.eventually("the copy on the old server", func() bool { return len(b.holding(b.legacy, "anna@example.com", msg)) == 1 })
	b.again()
	v := b.verify("anna@example.com")["anna@example.com"]
	if len(v.Missing) != 0 || v.Skipped != 1 || v.Error != "" || len(b.holding(b.cloud, "anna@example.com", msg)) != 0 {
		t.Errorf("%+v", v)
	}
}
