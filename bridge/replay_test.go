package bridge_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/internal/testserver"
)

func nameless(body string) []byte {
	return fmt.Appendf(nil, "From: a@x.example\r\nTo: anna@example.com\r\nSubject: alarm\r\n\r\n%s\r\n", body)
}

// replays are messages that were given the trace of a captured one.
var replays = map[string]struct{ captured, replay []byte }{
	"with another Message-ID":        {mail("one", "hello"), mail("two", "hello")},
	"with the same Message-ID":       {mail("one", "hello"), mail("one", "pay me")},
	"without Message-ID":             {mail("one", "hello"), nameless("pay me")},
	"of a message without any":       {nameless("door open"), mail("one", "door shut")},
	"of one without, without either": {nameless("door open"), nameless("door shut")},
}

// Anybody who received a message that we sent on can put its trace on one of his own: that is another message, and is copied, whatever else it takes over.
func TestAReplayedTraceSuppressesNothing(t *testing.T) {
	for name, test := range replays {
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

// A replay is copied before the captured message itself is brought into the cloud: its copy has the trace, and is no reason to think that the message is there.
func TestTheCopyOfAReplayIsNotTheCapture(t *testing.T) {
	for name, test := range replays {
		for server, render := range map[string]func([]byte) []byte{
			"keeps bytes":  bytes.Clone,
			"renders anew": anew,
			"renders all but the trace anew": func(raw []byte) []byte {
				r := testserver.Rendering{Body: true, Subject: "[EXTERN] ", MessageID: true, Date: true}
				return r.Render(raw, time.Now())
			},
			"adds a footer": func(raw []byte) []byte { return slices.Concat(raw, []byte("-- \r\nscanned\r\n")) },
		} {
			t.Run(name+", a cloud that "+server, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					w := newWorld(t, memstore.Options{}, memstore.Options{Render: render})
					w.start()
					capture(t, w.ledger, captureID, test.captured, cutover.Cloud, true)
					traced := w.traced(captureID, test.captured)
					for _, raw := range [][]byte{traced, w.traced(captureID, test.replay)} {
						w.old().Deliver(inbox, memstore.Message{Raw: raw, Date: captureID.Time()})
						time.Sleep(time.Minute)
					}
					id := cutover.IdentityOf(traced)
					seen, err := w.bridge.Find(t.Context(), anna.ID, cutover.Cloud, []cutover.Identity{id})
					if len(seen) > 0 || err != nil {
						t.Errorf("before it is there it was seen at %v, %v", seen, err)
					}
					at, err := w.bridge.Deposit(t.Context(), anna.ID, id, captureID.Time(), memstore.NewContent(traced))
					if err != nil {
						t.Fatal(err)
					}
					w.settle(captureID, at.String())
					if a, b := says(w.new(), render(test.captured)), says(w.new(), render(test.replay)); a < 1 || b < 1 || len(w.new().Messages(inbox)) != 2 {
						t.Errorf("the captured message %d times and the replay %d times in the cloud, of %d messages, want both", a, b, len(w.new().Messages(inbox)))
					}
					seen, err = w.bridge.Find(t.Context(), anna.ID, cutover.Cloud, []cutover.Identity{id})
					if len(seen) != 1 || seen[0].String() != at.String() || err != nil {
						t.Errorf("it was put at %s, and seen at %v, %v", at, seen, err)
					}
					w.stop()
				})
			})
		}
	}
}

// While nobody knows whether the replay was put, nobody knows whose copy it is that lies there.
func TestTheCopyOfAReplayInDoubt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.start()
		raw := mail("one", "hello")
		capture(t, w.ledger, captureID, raw, cutover.Cloud, true)
		traced := w.traced(captureID, raw)
		lost := w.loseReply(bridge.ErrConnection)
		w.old().Deliver(inbox, memstore.Message{Raw: traced, Date: captureID.Time()})
		time.Sleep(time.Minute)
		w.old().Deliver(inbox, memstore.Message{Raw: w.traced(captureID, mail("one", "pay me")), Date: captureID.Time()})
		for range 100 {
			if synctest.Wait(); !lost() {
				time.Sleep(100 * time.Millisecond)
			}
		}
		deposit := func() error {
			_, err := w.bridge.Deposit(t.Context(), anna.ID, cutover.IdentityOf(traced), captureID.Time(), memstore.NewContent(traced))
			return err
		}
		if err := deposit(); !errors.Is(err, bridge.ErrBusy) || !lost() {
			t.Errorf("in doubt: %v (a reply was lost: %t)", err, lost())
		}
		time.Sleep(time.Minute)
		if err := deposit(); err != nil || says(w.new(), raw) != 1 || len(w.new().Messages(inbox)) != 2 {
			t.Errorf("afterwards: %v, %d messages in the cloud", err, len(w.new().Messages(inbox)))
		}
		w.stop()
	})
}
