package daemon_test

import (
	"fmt"
	"slices"
	"testing"

	"posthouse/evidence"
)

// received is a message as the cloud has it from a sender outside.
func received(subject, host, from, to string) []byte {
	hop := fmt.Sprintf("Return-Path: <%s>\r\nReceived: from mx.cloud.example by mx.cloud.example with LMTP; Mon, 23 Nov 2026 10:00:01 +0000\r\n"+
		"Received: from %s (%s [198.51.100.7])\r\n\tby mx.cloud.example with ESMTPS; Mon, 23 Nov 2026 10:00:00 +0000\r\n", from, host, host)
	return append([]byte(hop), message(subject, from, to)...)
}

// Who writes to the cloud by himself has moved. What came there by us, or was copied, shows nothing.
func TestNewSide(t *testing.T) {
	b := newBed(t, layout{speed: 3600, mailboxes: "anna@example.com,,person,cloud\n", bridge: "poll_interval = \"10m\"\nsettle_time = \"500ms\"", verdict: "mx_switched = 2020-01-01T00:00:00Z"})
	must(t, second(b.legacy.Deliver("anna@example.com", received("old", "mx.copied.example", "x@copied.example", "anna@example.com"))))
	b.start()
	b.until("the copy", copied)
	b.send("late", "x@sender.example", "anna@example.com")
	b.until("the delivery", settled(1))
	find := func(name string) (evidence.Sender, bool) {
		all := b.senders().Senders
		i := slices.IndexFunc(all, func(s evidence.Sender) bool { return s.Called(name) })
		if i < 0 {
			return evidence.Sender{}, false
		}
		return all[i], true
	}
	n := 0
	b.eventually("somebody who was seen on the new side", func() bool {
		n++ // until the first look has marked where it begins
		must(t, second(b.cloud.Deliver("anna@example.com", received(fmt.Sprint("by itself ", n), "mx4.supplier.example", "post@supplier.example", "anna@example.com"))))
		s, found := find("supplier.example")
		return found && s.State == "switched" && !s.LastNew.IsZero()
	})
	must(t, second(b.legacy.Deliver("anna@example.com", received("a copy", "mx.copied.example", "x@copied.example", "anna@example.com"))))
	b.again()
	count := func() int { s, _ := find("supplier.example"); return s.Uses }
	before := count()
	must(t, second(b.cloud.Deliver("anna@example.com", received("another", "mx5.supplier.example", "post@supplier.example", "anna@example.com"))))
	b.eventually("another message", func() bool { return count() > before })
	if s, found := find("copied.example"); found && !s.LastNew.IsZero() {
		t.Errorf("a copy of ours counts as sent to the new side: %+v", s)
	}
	if s, found := find("sender.example"); !found || !s.LastNew.IsZero() || s.State != "stale" {
		t.Errorf("captured mail counts as sent to the new side: %+v", s)
	}
	// A restart goes on where it ended.
	had := count()
	b.stop()
	must(t, second(b.cloud.Deliver("anna@example.com", received("while away", "mx6.supplier.example", "post@supplier.example", "anna@example.com"))))
	b.start()
	b.eventually("what came while nobody ran", func() bool { return count() > had })
}

func second[T any](_ T, err error) error { return err }
