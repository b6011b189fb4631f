package bridge_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

// Anybody who received a message that we sent on can put its trace on one of his own: that is another message, and is copied, whatever else it takes over.
func TestAReplayedTraceSuppressesNothing(t *testing.T) {
	nameless := func(body string) []byte {
		return fmt.Appendf(nil, "From: a@x.example\r\nTo: anna@example.com\r\nSubject: alarm\r\n\r\n%s\r\n", body)
	}
	for name, test := range map[string]struct{ captured, replay []byte }{
		"with another Message-ID":        {mail("one", "hello"), mail("two", "hello")},
		"with the same Message-ID":       {mail("one", "hello"), mail("one", "pay me")},
		"without Message-ID":             {mail("one", "hello"), nameless("pay me")},
		"of a message without any":       {nameless("door open"), mail("one", "door shut")},
		"of one without, without either": {nameless("door open"), nameless("door shut")},
	} {
		for _, order := range []string{"after the tee", "with the tee", "with the tee, before it"} {
			t.Run(name+", "+order, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					w := newWorld(t, memstore.Options{}, memstore.Options{})
					w.start()
					capture(t, w.ledger, captureID, test.captured, cutover.Cloud, true)
					now := captureID.Time()
					tee := memstore.Message{Raw: w.traced(captureID, test.captured), Date: now}
					replay := memstore.Message{Raw: w.traced(captureID, test.replay), Date: now}
					w.new().Deliver(inbox, tee)
					all := []memstore.Message{tee, replay}
					if order == "with the tee, before it" {
						slices.Reverse(all)
					}
					for _, m := range all {
						w.old().Deliver(inbox, m)
						if order == "after the tee" {
							time.Sleep(time.Minute)
						}
					}
					time.Sleep(time.Minute)
					w.stop()
					if n := len(w.new().Messages(inbox)); n != 2 {
						t.Errorf("%d messages in the cloud, want the capture and the replay", n)
					}
				})
			})
		}
	}
}
