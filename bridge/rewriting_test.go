package bridge_test

import (
	"fmt"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/internal/testserver"
	"posthouse/ledger"
)

// anew is what a server makes of a message that renders mail anew, tags subjects, invents what is missing, and loses our trace.
func anew(raw []byte) []byte {
	r := testserver.Rendering{Body: true, Subject: "[EXTERN] ", MessageID: true, Date: true, Drop: []string{cutover.TraceField}}
	return r.Render(raw, time.Now())
}

// bare is a message without a Message-ID, and without a Date where none is given.
func bare(date, body string) []byte {
	return fmt.Appendf(nil, "From: a@x.example\r\nTo: anna@example.com\r\nSubject: alarm\r\n%s\r\n%s\r\n", date, body)
}

const someDate = "Date: Fri, 27 Nov 2026 10:00:00 +0000\r\n"

// says counts the messages of a folder that say what a message says.
func says(b *memstore.Mailbox, raw []byte) (n int) {
	text := func(raw []byte) cutover.Digest {
		d := cutover.NewTextDigester()
		d.Write(raw)
		return d.Digest()
	}
	for _, m := range b.Messages(inbox) {
		if text(m.Raw) == text(raw) {
			n++
		}
	}
	return n
}

// verified demands that nothing is missing or extra.
func (w *world) verified() {
	w.t.Helper()
	r, err := w.bridge.Verify(w.t.Context(), anna.ID)
	if err != nil || len(r.Missing)+len(r.Extra)+len(r.Removed)+len(r.Altered) > 0 {
		w.t.Errorf("verify: %v, missing %v, extra %v, removed %v, altered %v", err, r.Missing, r.Extra, r.Removed, r.Altered)
	}
}

// The old server renders the tee anew and loses its trace; other mail with its Message-ID, and a second copy of it, come to the old server by themselves. Each lies in the cloud once, whether
// the cloud renders mail anew or not.
func TestCapturesBesideServersThatRewrite(t *testing.T) {
	same := func(raw []byte) []byte { return raw }
	for name, servers := range map[string]struct{ legacy, cloud func([]byte) []byte }{
		"the old server": {anew, same}, "the cloud": {same, anew}, "both": {anew, anew},
	} {
		for kind, test := range map[string]struct{ captured, other []byte }{
			"with a key":                 {mail("one", "first"), mail("one", "second")},
			"without Message-ID":         {bare(someDate, "door open"), bare(someDate, "door shut")},
			"without Message-ID or Date": {bare("", "door open"), bare("", "door shut")},
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					w := newWorld(t, memstore.Options{}, memstore.Options{Render: servers.cloud})
					w.start()
					capture(t, w.ledger, captureID, test.captured, cutover.Cloud, true)
					now := captureID.Time().Truncate(time.Second)
					traced := w.traced(captureID, test.captured)
					w.new().Deliver(inbox, memstore.Message{Raw: servers.cloud(traced), Date: now})
					for _, raw := range [][]byte{traced, test.captured, test.other} {
						w.old().Deliver(inbox, memstore.Message{Raw: servers.legacy(raw), Date: now})
						time.Sleep(time.Minute)
					}
					if one, two := says(w.new(), test.captured), says(w.new(), test.other); one != 2 || two != 1 {
						t.Errorf("in the cloud lie %d and %d, want two and one", one, two)
					}
					w.verified()
					w.stop()
				})
			})
		}
	}
}

// Replies are lost, by a cloud that makes another message of what it was given.
func TestLostRepliesOfACloudThatRewrites(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{Batch: 4}, memstore.Options{Render: anew})
		all := [][]byte{bare("", "one"), bare(someDate, "two"), bare("", "three"), mail("x", "four"), mail("x", "five"), mail("y", "six"), mail("y", "six")}
		for i, raw := range all {
			w.old().Deliver(inbox, memstore.Message{Raw: raw, Date: captureID.Time().Add(time.Duration(i/2) * time.Hour).Truncate(time.Second)})
		}
		lost := 0
		w.new().SetFault(func(op string, _ int) error {
			if op == memstore.OpReply && lost < 9 {
				lost++
				return bridge.ErrUnknown
			}
			return nil
		})
		w.start()
		time.Sleep(time.Hour)
		for _, raw := range all {
			if old, now := says(w.old(), raw), says(w.new(), raw); old != now {
				t.Errorf("%q: %d times on the old side, %d in the cloud", raw, old, now)
			}
		}
		w.verified()
		w.stop()
	})
}

// What was about to be put, and surely was not, does not take an equal capture's copy for its own, though both are of one second.
func TestAnAcceptedCaptureKeepsItsCopy(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{Render: anew})
		w.start()
		raw, now := mail("x", "hello"), captureID.Time().Truncate(time.Second)
		capture(t, w.ledger, captureID, raw, cutover.Cloud, true)
		failed := false
		w.new().SetFault(func(op string, _ int) error {
			if op == memstore.OpPut && !failed {
				failed = true
				w.new().Deliver(inbox, memstore.Message{Raw: anew(raw), Date: now})
				return bridge.ErrUnknown
			}
			return nil
		})
		for range 2 {
			w.old().Deliver(inbox, memstore.Message{Raw: anew(raw), Date: now})
		}
		time.Sleep(10 * time.Minute)
		if n := says(w.new(), raw); n != 2 || !failed {
			t.Errorf("%d in the cloud, want the capture's and one more", n)
		}
		w.verified()
		w.stop()
	})
}

// Of two equal captures the later one was seen, and where: the copy that is left is the other's, and none is a legacy item's.
func TestEqualCapturesKeepTheirCopies(t *testing.T) {
	const second = cutover.CaptureID("01JD9F3K7Q0000000000000001")
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{Render: anew})
		w.open()
		raw, now := mail("x", "hello"), captureID.Time().Truncate(time.Second)
		for _, id := range []cutover.CaptureID{captureID, second} {
			capture(t, w.ledger, id, raw, cutover.Cloud, true)
			w.new().Deliver(inbox, memstore.Message{Raw: anew(raw), Date: now.Add(-time.Duration(len(w.new().Messages(inbox))) * time.Second)})
		}
		w.settle(second, "INBOX UID 1")
		for range 3 {
			w.old().Deliver(inbox, memstore.Message{Raw: anew(raw), Date: now})
		}
		w.bridge.Start()
		time.Sleep(time.Minute)
		if n := says(w.new(), raw); n != 3 {
			t.Errorf("%d in the cloud, want the captures' and one more", n)
		}
		w.stop()
	})
}

// The other way round: what was put, and whose reply was lost, is not taken for an equal capture's copy, which lies there too.
func TestALostReplyBesideAnEqualCapture(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{Render: anew})
		w.start()
		raw, now := mail("x", "hello"), captureID.Time().Truncate(time.Second)
		capture(t, w.ledger, captureID, raw, cutover.Cloud, true)
		w.new().Deliver(inbox, memstore.Message{Raw: anew(raw), Date: now})
		lost := w.loseReply(bridge.ErrUnknown)
		for range 2 {
			w.old().Deliver(inbox, memstore.Message{Raw: anew(raw), Date: now})
		}
		time.Sleep(10 * time.Minute)
		if n := says(w.new(), raw); n != 2 || !lost() {
			t.Errorf("%d in the cloud, want the capture's and one more", n)
		}
		w.verified()
		w.stop()
	})
}

// Somebody put mail into the cloud before us, and it renders anew: what says the same was copied, whatever became of its date; what says something else is another message with that Message-ID.
func TestAdoptsWhatACloudRendered(t *testing.T) {
	for body, want := range map[string]int{"hello": 1, "something else": 2} {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, memstore.Options{}, memstore.Options{Render: anew})
			w.new().Deliver(inbox, memstore.Message{Raw: anew(mail("x", "hello")), Date: captureID.Time().Add(-time.Hour).Truncate(time.Second)})
			w.old().Deliver(inbox, memstore.Message{Raw: mail("x", body), Date: captureID.Time().Truncate(time.Second)})
			w.start()
			time.Sleep(time.Minute)
			if n := len(w.new().Messages(inbox)); n != want {
				t.Errorf("%s: %d in the cloud, want %d", body, n, want)
			}
			w.stop()
		})
	}
}

// A cloud loses our trace. What was captured is found there by what it is: its copy is no other capture's, and no other message's.
func TestFindWithoutTraces(t *testing.T) {
	const second = cutover.CaptureID("01JD9F3K7Q0000000000000001")
	for name, test := range map[string]struct {
		captured, other []byte // other is captured first, and was seen
		there           [][]byte
		want            bool
	}{
		"its copy":                         {mail("x", "hello"), nil, [][]byte{mail("x", "hello")}, true},
		"its copy, that was given an ID":   {bare(someDate, "hello"), nil, [][]byte{bare(someDate, "hello")}, true},
		"its copy, that was given a Date":  {bare("", "hello"), nil, [][]byte{bare("", "hello")}, true},
		"another with its Message-ID":      {mail("x", "hello"), nil, [][]byte{mail("x", "good bye")}, false},
		"another from the same sender":     {bare("", "hello"), nil, [][]byte{bare("", "good bye")}, false},
		"an equal one's copy":              {mail("x", "hello"), mail("x", "hello"), [][]byte{mail("x", "hello")}, false},
		"an equal one's copy, and its own": {mail("x", "hello"), mail("x", "hello"), [][]byte{mail("x", "hello"), mail("x", "hello")}, true},
		"its twin's copy, and its own":     {mail("x", "hello"), mail("x", "bye"), [][]byte{mail("x", "bye"), mail("x", "hello")}, true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{}, memstore.Options{})
				w.open()
				if test.other != nil {
					capture(t, w.ledger, second, test.other, cutover.Cloud, false)
					w.settle(second, "INBOX UID 1")
				}
				capture(t, w.ledger, captureID, test.captured, cutover.Cloud, false)
				w.doubt(captureID)
				for _, raw := range test.there {
					w.new().Deliver(inbox, memstore.Message{Raw: anew(raw), Date: captureID.Time()})
				}
				id := cutover.IdentityOf(w.traced(captureID, test.captured))
				id.MessageID = "" // the ledger keeps none
				seen, err := w.bridge.Find(t.Context(), anna.ID, cutover.Cloud, []cutover.Identity{id})
				if _, found := seen[0]; err != nil || found != test.want {
					t.Errorf("found: %v, %v", seen, err)
				}
				w.stop()
			})
		})
	}
}

// Two equal captures are deposited one after the other, the later one first, and the ledger knows of neither copy yet.
func TestDepositsOfEqualCaptures(t *testing.T) {
	const second = cutover.CaptureID("01JD9F3K7Q0000000000000001")
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{Render: anew})
		w.open()
		raw := mail("x", "hello")
		for _, id := range []cutover.CaptureID{captureID, second} {
			capture(t, w.ledger, id, raw, cutover.Cloud, false)
			w.change(id, func(d *ledger.Delivery) { d.State = ledger.Sending })
		}
		for n, id := range []cutover.CaptureID{second, captureID, second} { // the last one is asked once more
			traced := w.traced(id, raw)
			if _, err := w.bridge.Deposit(t.Context(), anna.ID, cutover.IdentityOf(traced), captureID.Time(), memstore.NewContent(traced)); err != nil {
				t.Fatal(err)
			}
			if got, want := says(w.new(), raw), min(n+1, 2); got != want {
				t.Errorf("deposit %d: %d copies in the cloud, want %d", n+1, got, want)
			}
		}
		w.stop()
	})
}

// doubt makes a capture's deliveries doubtful.
func (w *world) doubt(id cutover.CaptureID) {
	w.change(id, func(d *ledger.Delivery) { d.State = ledger.InDoubt })
}

// settle settles them.
func (w *world) settle(id cutover.CaptureID, where string) {
	w.change(id, func(d *ledger.Delivery) { d.State, d.Seen = ledger.Settled, where })
}

func (w *world) change(id cutover.CaptureID, change func(*ledger.Delivery)) {
	w.t.Helper()
	all, err := w.ledger.Deliveries(w.t.Context(), ledger.DeliveryFilter{Capture: id})
	for i := range all {
		change(&all[i])
	}
	if err != nil || w.ledger.Update(w.t.Context(), all...) != nil {
		w.t.Fatal(err)
	}
}
