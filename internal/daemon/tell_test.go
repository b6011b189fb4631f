package daemon_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// Senders outside are told what they asked to be told: that a message waits, that it was given up, that it was handed on. What the next hop tells is its affair.
func TestSendersAreTold(t *testing.T) {
	var up atomic.Bool
	without := []string{"DSN"}
	b := newBed(t, layout{relay: "retry = [\"1s\"]\nrescue = false\nnotifications = true", mx: testserver.SMTPConfig{
		Without: without, Deliver: func(*testserver.Envelope) error { return nil },
		Script: func(c testserver.SMTPCall) *testserver.Reply {
			if c.Stage == testserver.AtRcpt && c.Arg == "bob@example.com" && !up.Load() {
				return testserver.Refuse(452, "4.2.2 Mailbox full")
			}
			return nil
		},
	}})
	clock := b.startSettable(t)
	told := func(action string) func() bool {
		return func() bool {
			return slices.ContainsFunc(b.mx.Received(), func(e *testserver.Envelope) bool {
				return e.From == "" && slices.Equal(e.Recipients(), []string{"x@sender.example"}) && strings.Contains(string(e.Data), "\r\nAction: "+action+"\r\n")
			})
		}
	}
	b.sender.RcptParams = "NOTIFY=SUCCESS,DELAY,FAILURE"
	b.send("to Anna", "x@sender.example", "anna@example.com")
	b.eventually("the handing on to be told", func() bool { clock.Set(time.Second); return told("relayed")() })
	b.send("to Bob", "x@sender.example", "bob@example.com")
	b.until("it to be put off", func(s control.Status) bool { return len(s.Queue.Waiting) == 1 && s.Queue.Waiting[0].Attempts > 0 })
	clock.Set(25 * time.Hour)
	b.eventually("the delay to be told", func() bool { clock.Set(time.Second); return told("delayed")() })
	if got := b.act(control.Deed{Do: "drop", Notify: true, Why: "Bob has left"}, control.QueueFilter{To: "bob@example.com"}); len(got) != 1 || !strings.Contains(got[0].Why, "its sender is told") {
		t.Fatalf("%+v", got)
	}
	b.eventually("the failure to be told", func() bool { clock.Set(time.Second); return told("failed")() })
	clock.Set(time.Hour)
	b.until("all to be settled", func(s control.Status) bool { return s.Queue.Due+s.Queue.Sending+s.Queue.InDoubt+s.Queue.Held == 0 })
	n := map[bool]int{}
	for _, e := range b.mx.Received() {
		n[e.From == ""]++
	}
	if n[true] != 3 || n[false] != 1 {
		t.Errorf("%s", fmt.Sprint(n))
	}
}
