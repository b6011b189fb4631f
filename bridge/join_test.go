package bridge_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

const captureID = cutover.CaptureID("01JD9F3K7Q0000000000000000")

// capture stores a message as the listener does, on its way to one side, with or without a tee for the old server.
func capture(t *testing.T, l ledger.Captures, id cutover.CaptureID, raw []byte, side cutover.Side, tee bool) {
	t.Helper()
	body, err := l.NewBody(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d := cutover.NewBodyDigester()
	if _, err := io.MultiWriter(body, d).Write(raw); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c := ledger.Capture{ID: id, At: now, Route: cutover.Arriving, Size: int64(len(raw)), Digest: d.Digest(), Identity: d.Identity(), Sum: sha256.Sum256(raw)}
	to := func(side cutover.Side, required bool) ledger.Delivery {
		return ledger.Delivery{Recipient: anna.Primary, Original: anna.Primary, Mailbox: anna.ID, Destination: string(side) + ":smtp", Side: side, Required: required, State: ledger.Accepted, Next: now, Since: now}
	}
	deliveries := []ledger.Delivery{to(side, true)}
	if tee {
		deliveries = append(deliveries, to(cutover.Legacy, false))
	}
	if _, err := body.Commit(t.Context(), c, deliveries, evidence.Observation{At: now, Channel: evidence.Arriving, Class: evidence.Wanted, Source: "mx"}); err != nil {
		t.Fatal(err)
	}
}

// traced is a message as we send it on.
func (w *world) traced(id cutover.CaptureID, raw []byte) []byte {
	w.t.Helper()
	key, err := w.ledger.TraceKey(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.Concat([]byte(cutover.TraceField+": "+string(cutover.NewTrace(key, id))+"\r\n"), raw)
}

func TestWhatTheListenerCapturedIsNotPut(t *testing.T) {
	for name, test := range map[string]struct {
		side   cutover.Side
		traced bool
		body   string
		want   int // copies in the cloud
		older  time.Duration
	}{
		"its tee, by trace":                    {cutover.Cloud, true, "hello", 0, 0},
		"by the old route too":                 {cutover.Cloud, false, "hello", 0, 0},
		"another mail with the same ID":        {cutover.Cloud, false, "other", 1, 0},
		"captured for a mailbox at home there": {cutover.Legacy, true, "hello", 1, 0},
		"the same mail of years before":        {cutover.Cloud, false, "hello", 1, 5 * 365 * 24 * time.Hour},
		"the same mail of the week before":     {cutover.Cloud, false, "hello", 1, 7 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{}, memstore.Options{})
				w.start()
				capture(t, w.ledger, captureID, mail("late", "hello"), test.side, false)
				raw := mail("late", test.body)
				if test.traced {
					raw = w.traced(captureID, raw)
				}
				w.old().Deliver(inbox, memstore.Message{Raw: raw, Date: captureID.Time().Add(-test.older).Truncate(time.Second)})
				time.Sleep(10 * time.Second)
				w.stop()
				if n := len(w.new().Messages(inbox)); n != test.want {
					t.Errorf("%d copies in the cloud, want %d", n, test.want)
				}
			})
		})
	}
}

// A program on the old side answers a captured message into a mailbox there, and keeps our trace: that is another message.
func TestAnAnswerThatKeptTheTraceIsCopied(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.start()
		capture(t, w.ledger, captureID, mail("question", "hello"), cutover.Cloud, true)
		w.old().Deliver(inbox, memstore.Message{Raw: w.traced(captureID, mail("answer", "hello")), Date: captureID.Time()})
		w.old().Deliver(inbox, memstore.Message{Raw: w.traced(captureID, mail("question", "hello")), Date: captureID.Time()})
		time.Sleep(time.Minute)
		w.stop()
		w.start()
		defer w.stop()
		question := w.traced(captureID, mail("question", "hello"))
		if seen, err := w.bridge.Find(t.Context(), anna.ID, cutover.Cloud, []cutover.Identity{cutover.IdentityOf(question)}); err != nil || len(seen) != 0 {
			t.Errorf("the answer was taken for the question: %v, %v", seen, err)
		}
		if all := w.new().Messages(inbox); len(all) != 1 || cutover.IdentityOf(all[0].Raw).MessageID != "<answer>" {
			t.Errorf("%d copies in the cloud, want the answer's", len(all))
		}
	})
}

// A message without a Message-ID was captured, and the old server invented one for its copy.
func TestACopyThatWasGivenAMessageIDJoins(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.start()
		raw := []byte("Date: Fri, 27 Nov 2026 10:00:00 +0000\r\nFrom: a@x.example\r\nTo: anna@example.com\r\nSubject: alarm\r\n\r\ndoor open\r\n")
		capture(t, w.ledger, captureID, raw, cutover.Cloud, false)
		w.old().Deliver(inbox, memstore.Message{Raw: slices.Concat([]byte("Message-ID: <added@old.example>\r\n"), raw), Date: captureID.Time()})
		time.Sleep(10 * time.Second)
		w.stop()
		if n := len(w.new().Messages(inbox)); n != 0 {
			t.Errorf("%d copies were put beside the delivery", n)
		}
	})
}

// A sender's second copy of a captured message comes to the old server by itself, beside the tee: it is one more message, whatever was seen first.
func TestATrueDuplicateBesideATeeIsCopied(t *testing.T) {
	for name, order := range map[string][]string{
		"the duplicate first": {"duplicate", "", "tee"},
		"the tee first":       {"tee", "", "duplicate"},
		"both at once":        {"duplicate", "tee"},
		"after another's tee": {"another's tee", "", "duplicate", "", "tee"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				const another = cutover.CaptureID("01JD9F3K7Q0000000000000001")
				w := newWorld(t, memstore.Options{}, memstore.Options{})
				w.start()
				raw := mail("twice", "hello")
				capture(t, w.ledger, another, mail("another", "hello"), cutover.Cloud, true)
				capture(t, w.ledger, captureID, raw, cutover.Cloud, true)
				messages := map[string][]byte{"duplicate": raw, "tee": w.traced(captureID, raw), "another's tee": w.traced(another, mail("another", "hello"))}
				// The copies that the deliveries bring.
				for _, what := range []string{"tee", "another's tee"} {
					w.new().Deliver(inbox, memstore.Message{Raw: messages[what], Date: captureID.Time()})
				}
				for _, what := range order {
					if what == "" {
						time.Sleep(5 * time.Second)
						continue
					}
					w.old().Deliver(inbox, memstore.Message{Raw: messages[what], Date: captureID.Time()})
				}
				time.Sleep(time.Minute)
				w.stop()
				if n := len(w.new().Messages(inbox)); n != 3 {
					t.Errorf("%d copies in the cloud, want the two captures' and the duplicate's", n)
				}
				w.start()
				defer w.stop()
				report, err := w.bridge.Verify(t.Context(), anna.ID)
				if err != nil || len(report.Missing)+len(report.Extra) > 0 {
					t.Errorf("verify: %v, missing %v, extra %v", err, report.Missing, report.Extra)
				}
			})
		})
	}
}

// A capture is stored between the bridge's look for captures and its intent: whoever delivers it has seen no intent, so the bridge must see it.
func TestACaptureStoredJustBeforeTheIntentIsSeen(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.start()
		time.Sleep(5 * time.Second)
		raw := mail("late", "hello")
		stored := false
		w.new().SetFault(func(op string, _ int) error { // the cloud is asked for its state between the two
			if op == memstore.OpState && !stored && len(w.old().Messages(inbox)) > 0 {
				stored = true
				capture(t, w.ledger, captureID, raw, cutover.Cloud, false)
			}
			return nil
		})
		w.old().Deliver(inbox, memstore.Message{Raw: raw, Date: captureID.Time()})
		time.Sleep(5 * time.Minute)
		w.stop()
		if n := len(w.new().Messages(inbox)); !stored || n != 0 {
			t.Errorf("captured: %v; %d copies were put beside the delivery", stored, n)
		}
	})
}

// asleep is a legacy mailbox that nothing is heard of, so that its worker does nothing.
type asleep struct{ bridge.Store }

func (asleep) Folders(ctx context.Context) ([]cutover.Folder, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// While a legacy item with the same key is being put, nobody can tell whose copy it is that lies in the cloud without a trace: the deposit waits.
func TestDepositBesideALikeness(t *testing.T) {
	raw := mail("alike", "hello")
	old := captureID.Time().Add(-3 * time.Hour).Truncate(time.Second)
	for name, test := range map[string]struct {
		row  cutover.Disposition // of the legacy item like it; none if empty
		date time.Time           // of the copy that lies there
		busy bool
		want int // copies in the end
	}{
		"its row is not settled":  {cutover.Intended, old, true, 1},
		"its row is settled":      {cutover.Copied, old, false, 2},
		"nobody's, of years ago":  {"", old.AddDate(-3, 0, 0), false, 2},
		"nobody's, since capture": {"", captureID.Time().Add(time.Minute), false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{}, memstore.Options{})
				w.lens = func(s bridge.Store) bridge.Store { return asleep{s} }
				w.start()
				defer w.stop()
				w.new().Deliver(inbox, memstore.Message{Raw: raw, Date: test.date})
				if test.row != "" {
					w.recorded(raw, test.row)
				}
				id := cutover.IdentityOf(w.traced(captureID, raw))
				_, err := w.bridge.Deposit(t.Context(), anna.ID, id, time.Now(), memstore.NewContent(w.traced(captureID, raw)))
				if errors.Is(err, bridge.ErrBusy) != test.busy || (err != nil) != test.busy {
					t.Errorf("depositing: %v", err)
				}
				if n := len(w.new().Messages(inbox)); n != test.want {
					t.Errorf("%d copies in the cloud, want %d", n, test.want)
				}
			})
		})
	}
}

// recorded writes the row of a legacy item whose copy is the first message of the cloud's INBOX.
func (w *world) recorded(raw []byte, d cutover.Disposition) {
	w.t.Helper()
	p, err := w.ledger.Pair(w.t.Context(), ledger.FolderPair{Mailbox: anna.ID, Kind: cutover.Mail, Role: cutover.Inbox, Legacy: inbox, Cloud: inbox})
	if err != nil {
		w.t.Fatal(err)
	}
	store := w.cloud.Open(string(anna.ID))
	defer store.Close()
	folder, err := store.EnsureFolder(w.t.Context(), cutover.Folder{Path: inbox, Kind: cutover.Mail, Role: cutover.Inbox})
	if err != nil {
		w.t.Fatal(err)
	}
	state, err := store.State(w.t.Context(), folder)
	if err != nil {
		w.t.Fatal(err)
	}
	row := ledger.Item{Folder: p.ID, Legacy: ledger.Place{Validity: "1", Ref: "1"}, Identity: cutover.IdentityOf(raw), Disposition: d}
	if d != cutover.Intended {
		for item, err := range store.Scan(w.t.Context(), folder, "") {
			if err != nil {
				w.t.Fatal(err)
			}
			row.Cloud = ledger.Place{Validity: state.Validity, Ref: item.Ref}
		}
	}
	if _, err := w.ledger.Settle(w.t.Context(), p.ID, []ledger.Item{row}, nil); err != nil {
		w.t.Fatal(err)
	}
}
