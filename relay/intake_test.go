package relay_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
	"posthouse/relay"
)

// answer is what a recipient is told: "ok", the refusal's code, or "error".
func answer(err error) string {
	var refused *relay.Refusal
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &refused):
		return fmt.Sprintf("%d %d.%d.%d", refused.Code, refused.Enhanced[0], refused.Enhanced[1], refused.Enhanced[2])
	}
	return "error"
}

func TestRecipient(t *testing.T) {
	tests := []struct{ name, recipient, incomplete, complete string }{
		{"mailbox", "anna@example.com", "ok", "ok"},
		{"group", "all@example.com", "ok", "ok"},
		{"postmaster", "postmaster@example.com", "ok", "ok"},
		{"postmaster without a domain", "Postmaster", "ok", "ok"},
		{"abuse", "abuse@example.com", "ok", "ok"},
		{"unknown", "nobody@example.com", "451 4.1.1", "550 5.1.1"},
		{"not ours", "anna@outside.example", "550 5.7.1", "550 5.7.1"},
		{"postmaster elsewhere", "postmaster@outside.example", "550 5.7.1", "550 5.7.1"},
		{"without a domain", "anna", "ok", "ok"},
		{"unknown without a domain", "nobody", "451 4.1.1", "550 5.1.1"},
		{"quoted without a domain", `"x@outside.example"`, "451 4.1.1", "550 5.1.1"},
		{"percent without a domain", "x%outside.example", "451 4.1.1", "550 5.1.1"},
		{"no address", "no body", "553 5.1.3", "553 5.1.3"},
		{"injection without a domain", "anna> NOTIFY=NEVER", "553 5.1.3", "553 5.1.3"},
		{"open quote without a domain", `x"`, "553 5.1.3", "553 5.1.3"},
		{"open quote after a domain", `x@outside.example"`, "553 5.1.3", "553 5.1.3"},
		{"empty", "", "553 5.1.3", "553 5.1.3"},
		{"command injection", "anna@example.com>\r\nRCPT TO:<x@outside.example", "553 5.1.3", "553 5.1.3"},
		{"quoted route", `"anna@example.com"@outside.example`, "550 5.7.1", "550 5.7.1"},
	}
	for _, complete := range []bool{false, true} {
		cfg := house()
		cfg.Complete = complete
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(cfg)}, relay.CourierConfig{})
		for _, tt := range tests {
			want := tt.incomplete
			if complete {
				want = tt.complete
			}
			t.Run(fmt.Sprintf("%s, complete %v", tt.name, complete), func(t *testing.T) {
				if got := answer(b.intake.Recipient(t.Context(), relay.Peer{}, tt.recipient)); got != want {
					t.Errorf("%q: %s, want %s", tt.recipient, got, want)
				}
			})
		}
	}
}

// TestUnknownRecipientsAreListed: those of our domains, folded, counted, and only while the list is not complete.
func TestUnknownRecipientsAreListed(t *testing.T) {
	b := planBed(t, relay.Plan{})
	for _, r := range []string{"ghost@example.com", "GHOST@example.com", "other@example.com", "anna@example.com", "x@outside.example"} {
		b.intake.Recipient(t.Context(), relay.Peer{}, r)
	}
	cfg := house()
	cfg.Complete = true
	b.intake.SetDirectory(relay.NewDirectory(cfg))
	b.intake.Recipient(t.Context(), relay.Peer{}, "late@example.com")
	unknown, err := b.ledger.UnknownRecipients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counts := map[cutover.Address]int{}
	for _, u := range unknown {
		counts[u.Address] = u.Count
	}
	equal(t, "unknown", counts, map[cutover.Address]int{"ghost@example.com": 2, "other@example.com": 1})
}

// TestUnknownThatCannotBeNoted is no refusal: it is unforeseen, and the listener makes it temporary.
func TestUnknownThatCannotBeNoted(t *testing.T) {
	b := planBed(t, relay.Plan{})
	b.ledger.Close()
	equal(t, "unknown", answer(b.intake.Recipient(t.Context(), relay.Peer{}, "ghost@example.com")), "error")
	equal(t, "known", answer(b.intake.Recipient(t.Context(), relay.Peer{}, "anna@example.com")), "ok")
}

func TestReload(t *testing.T) {
	b := planBed(t, relay.Plan{})
	cfg := house()
	cfg.Mailboxes = append(cfg.Mailboxes, mailbox("new"))
	b.intake.SetDirectory(relay.NewDirectory(cfg))
	equal(t, "answer", answer(b.intake.Recipient(t.Context(), relay.Peer{}, "new@example.com")), "ok")
	equal(t, "plan", b.plan(to("new@example.com")), []string{"new@example.com new:smtp due"})
}

// TestPostmasterWithoutDomain reaches the postmaster of our first domain.
func TestPostmasterWithoutDomain(t *testing.T) {
	cfg := house()
	cfg.Postmaster = "anna@example.com"
	b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(cfg)}, relay.CourierConfig{})
	equal(t, "plan", b.plan(to("POSTMASTER")), []string{"anna@example.com new:smtp due"})
}

// TestWithoutDomain: a bare local part is in our first domain, as sender and as recipient.
func TestWithoutDomain(t *testing.T) {
	b := planBed(t, relay.Plan{})
	for from, want := range map[string]string{
		"root": "root@example.com", "": "", `"a@b"`: `"a@b"@example.com`, "x@outside.example": "x@outside.example", `"a@b"@outside.example`: `"a@b"@outside.example`,
	} {
		m := b.complete(to("anna"))
		m.env.From = from
		a, err := b.intake.Begin(t.Context(), m.peer, m.env)
		if err != nil {
			t.Fatal(err)
		}
		id, err := a.Commit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := b.ledger.Capture(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "sender", c.Envelope.From, want)
		equal(t, "recipient", c.Envelope.Recipients[0].Address, cutover.Address("anna@example.com"))
	}
}

// TestCapturedIsTold: who wrote to whom and by which Message-ID the sender knows it stand in the log, of many recipients a few.
func TestCapturedIsTold(t *testing.T) {
	b := planBed(t, relay.Plan{})
	b.mustTake(to("anna@example.com", "all@example.com").with("Message-ID: <1@outside.example>\r\n\r\nhello\r\n"))
	told := b.log.LastEntry()
	equal(t, "line", told.Message, "captured")
	equal(t, "from", told.Data["from"], any("sender@outside.example"))
	equal(t, "to", told.Data["to"], any("anna@example.com, all@example.com"))
	equal(t, "message_id", told.Data["message_id"], any("<1@outside.example>"))
	many := to()
	for i := range 1000 {
		many.env.Recipients = append(many.env.Recipients, ledger.Recipient{Address: cutover.Address(fmt.Sprintf("anna+%d%s@example.com", i, strings.Repeat("x", 1000)))})
	}
	b.mustTake(many.with("Message-ID: <" + strings.Repeat("y", 9000) + ">\r\n\r\nhello\r\n"))
	told = b.log.LastEntry()
	if list := told.Data["to"].(string); len(list) > 4000 || !strings.HasSuffix(list, ", 990 more") || len(told.Data["message_id"].(string)) > 400 {
		t.Errorf("%.100s... of %d octets, %.100s", list, len(list), told.Data["message_id"])
	}
}

// TestBeginLeavesTheEnvelopeAlone: the session may use its own again.
func TestBeginLeavesTheEnvelopeAlone(t *testing.T) {
	b := planBed(t, relay.Plan{})
	m := to("postmaster")
	b.mustTake(m)
	equal(t, "recipient", m.env.Recipients[0].Address, cutover.Address("postmaster"))
}

func TestBeginRefusesNonsense(t *testing.T) {
	b := planBed(t, relay.Plan{})
	if _, err := b.take(to("no address")); err == nil {
		t.Error("taken")
	}
}

// watched is a bed that notes what Captured is told.
func watched(t *testing.T, cfg relay.IntakeConfig) (*bed, *[]evidence.Observation) {
	t.Helper()
	var told []evidence.Observation
	cfg.Directory = relay.NewDirectory(house())
	cfg.Captured = func(o evidence.Observation) { told = append(told, o) }
	return newBed(t, cfg, relay.CourierConfig{}), &told
}

func TestObservation(t *testing.T) {
	b, told := watched(t, relay.IntakeConfig{Plans: map[cutover.Route]relay.Plan{cutover.Arriving: {}, cutover.Devices: {}, cutover.Submission: {}}})
	for _, route := range []cutover.Route{cutover.Arriving, cutover.Devices, cutover.Submission} {
		m := to("anna@example.com").from("2001:db8::1")
		m.peer.Route, m.peer.Client.Name = route, "printer"
		c := b.captured(m)
		channel := evidence.Sending
		if route == cutover.Arriving {
			channel = evidence.Arriving
		}
		want := evidence.Observation{
			At: c.At, Channel: channel, Class: evidence.Wanted, Source: "mx", Sender: "printer", Client: netip.MustParseAddr("2001:db8::1"),
			From: "sender@outside.example", Mailbox: "anna@example.com", Message: string(c.ID),
		}
		equal(t, "told", (*told)[len(*told)-1], want)
	}
	equal(t, "stored", b.observations(), *told)
}

func (b *bed) observations() []evidence.Observation {
	b.t.Helper()
	var all []evidence.Observation
	err := b.ledger.Observations(b.t.Context(), time.Time{}, func(o evidence.Observation) bool {
		all = append(all, o)
		return true
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

func TestObservationOfANamelessClient(t *testing.T) {
	b, told := watched(t, relay.IntakeConfig{})
	b.mustTake(to("anna@example.com"))
	equal(t, "sender", (*told)[0].Sender, "192.0.2.1")
}

// TestWhatComesBackIsNoNewUse: our own mail, seen again, must not keep the old server alive.
func TestWhatComesBackIsNoNewUse(t *testing.T) {
	b, told := watched(t, relay.IntakeConfig{})
	first := b.mustTake(to("anna@example.com"))
	b.mustTake(b.again(first, to("anna@example.com")))
	equal(t, "class", (*told)[1].Class, evidence.Unwanted)
	b.mustTake(b.traced(first, to("anna@example.com"), ticket))
	equal(t, "class of a new message that kept our field", (*told)[2].Class, evidence.Wanted)
}

// TestRepeatIsAnsweredAndRecorded: the same id, no second capture, no second delivery, one more observation.
func TestRepeatIsAnsweredAndRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		l := openLedger(t, folder)
		b, told := watched(t, relay.IntakeConfig{Ledger: l, Testimony: l})
		b.ledger = l
		m := b.complete(to("anna@example.com"))
		first := b.mustTake(m)
		time.Sleep(5*day - time.Second)
		if second := b.mustTake(m); second != first {
			t.Errorf("answered %s, the first was %s", second, first)
		}
		equal(t, "deliveries", len(b.deliveries(ledger.DeliveryFilter{})), 1)
		equal(t, "stored", b.observations(), *told)
		if len(*told) != 2 || (*told)[1].Message != string(first) || (*told)[1].Detail == "" {
			t.Errorf("told %+v", *told)
		}
		if !b.logged("transaction repeated") {
			t.Error("the log does not say so")
		}
		time.Sleep(2 * time.Second)
		if third := b.mustTake(m); third == first {
			t.Error("a repeat after five days is not new")
		}
	})
}

// TestRepeatWithoutTestimony is in the log alone.
func TestRepeatWithoutTestimony(t *testing.T) {
	b, told := watched(t, relay.IntakeConfig{})
	m := b.complete(to("anna@example.com"))
	first := b.mustTake(m)
	equal(t, "id", b.mustTake(m), first)
	equal(t, "told", len(*told), 1)
}

// closedTestimony cannot be written.
type closedTestimony struct{ ledger.Testimony }

func (closedTestimony) Testify(context.Context, []evidence.Observation, []evidence.Coverage, *ledger.Offset, ...evidence.LocalDelivery) error {
	return ledger.ErrNoSpace
}

// TestRepeatThatCannotBeRecorded is answered all the same: the message is safe.
func TestRepeatThatCannotBeRecorded(t *testing.T) {
	b, told := watched(t, relay.IntakeConfig{Testimony: closedTestimony{}})
	m := b.complete(to("anna@example.com"))
	first := b.mustTake(m)
	equal(t, "id", b.mustTake(m), first)
	equal(t, "told", len(*told), 1)
}

// TestRepeatOfASettledCapture is not delivered again.
func TestRepeatOfASettledCapture(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o), o), func(t *testing.T, b *bed) {
		m := b.complete(to("anna@example.com"))
		for range 3 {
			b.mustTake(m)
			time.Sleep(10 * time.Minute)
		}
		equal(t, "attempts", o.attempts(), []string{"[anna]"})
	})
}

// TestEqualTransactionsAtOnce: one is stored, all hear its id.
func TestEqualTransactionsAtOnce(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o), o), func(t *testing.T, b *bed) {
		m := b.complete(to("anna@example.com", "room@example.com"))
		ids := make([]cutover.CaptureID, 20)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() {
				a, err := b.intake.Begin(t.Context(), m.peer, m.env)
				if err != nil {
					t.Error(err)
					return
				}
				a.Write([]byte(m.body))
				if ids[i], err = a.Commit(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, id := range ids {
			if id != ids[0] || id == "" {
				t.Fatalf("ids %v", ids)
			}
		}
		time.Sleep(10 * time.Second)
		equal(t, "deliveries", words(b.deliveries(ledger.DeliveryFilter{})), []string{"anna@example.com new:smtp settled", "room@example.com new:smtp settled"})
		equal(t, "attempts", o.attempts(), []string{"[anna room]"})
	})
}

// TestEqualTransactionThatGivesUpWaiting: a client that left need not wait for the other.
func TestEqualTransactionThatGivesUpWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := planBed(t, relay.Plan{})
		stuck := &stuckRepeated{Captures: b.ledger, proceed: make(chan struct{})}
		b.config.Ledger = stuck
		b.attach(b.courier)
		m := b.complete(to("anna@example.com"))
		var first error
		go func() { _, first = b.take(m) }()
		synctest.Wait()
		a, err := b.intake.Begin(t.Context(), m.peer, m.env)
		if err != nil {
			t.Fatal(err)
		}
		a.Write([]byte(m.body))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.Commit(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		close(stuck.proceed)
		synctest.Wait()
		if first != nil {
			t.Error(first)
		}
		equal(t, "deliveries", len(b.deliveries(ledger.DeliveryFilter{})), 1)
	})
}

// stuckRepeated waits before it looks.
type stuckRepeated struct {
	ledger.Captures
	proceed chan struct{}
}

func (l *stuckRepeated) Repeated(ctx context.Context, d cutover.Digest, since time.Time) (cutover.CaptureID, bool, error) {
	<-l.proceed
	return l.Captures.Repeated(ctx, d, since)
}

func TestAbortLeavesNothing(t *testing.T) {
	b := planBed(t, relay.Plan{})
	m := b.complete(to("anna@example.com"))
	a, err := b.intake.Begin(t.Context(), m.peer, m.env)
	if err != nil {
		t.Fatal(err)
	}
	a.Write(make([]byte, 200<<10)) // large enough for a file
	a.Abort()
	equal(t, "deliveries", len(b.deliveries(ledger.DeliveryFilter{})), 0)
	equal(t, "observations", len(b.observations()), 0)
	b.mustTake(m) // and is no earlier transaction
	equal(t, "deliveries", len(b.deliveries(ledger.DeliveryFilter{})), 1)
}

// TestFailedCommit: whatever fails, the sender gets an error, nothing is stored, nothing is delivered, and the room that was taken is given back.
func TestFailedCommit(t *testing.T) {
	ended := func(t *testing.T) context.Context {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return ctx
	}
	tests := []struct {
		name string
		ctx  func(*testing.T) context.Context
		fail string // the call that fails
		want error
	}{
		{"full disk at the commit", (*testing.T).Context, "Commit", ledger.ErrNoSpace},
		{"no answer about repeats", (*testing.T).Context, "Repeated", ledger.ErrClosed},
		{"no answer about an earlier capture", (*testing.T).Context, "Deliveries", ledger.ErrClosed},
		{"an earlier capture that cannot be read", (*testing.T).Context, "Capture", ledger.ErrClosed},
		{"client has left", ended, "", context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice()
			cfg := settings(toCloud(o), nil)
			cfg.Workers = 1
			running(t, cfg, func(t *testing.T, b *bed) {
				first := b.mustTake(to("room@example.com"))
				synctest.Wait()
				m := b.complete(b.again(first, to("anna@example.com")))
				failing := &broken{Captures: b.ledger, call: tt.fail, err: tt.want}
				b.config.Ledger = failing
				b.attach(b.courier)
				a, err := b.intake.Begin(t.Context(), m.peer, m.env)
				if err != nil {
					t.Fatal(err)
				}
				a.Write([]byte(m.body))
				id, err := a.Commit(tt.ctx(t))
				if id != "" || !errors.Is(err, tt.want) {
					t.Errorf("got %q, %v", id, err)
				}
				var refused *relay.Refusal
				if errors.As(err, &refused) {
					t.Errorf("a failure of ours is answered as a refusal: %v", refused)
				}
				time.Sleep(time.Minute)
				equal(t, "deliveries", len(b.deliveries(ledger.DeliveryFilter{})), 1)
				equal(t, "attempts", o.attempts(), []string{"[room]"})
				failing.call = ""
				taken := b.mustTake(m)
				synctest.Wait()
				equal(t, "the same once more", b.states(taken), []string{"anna settled"})
			})
		})
	}
}

// broken is a ledger in which one call fails.
type broken struct {
	ledger.Captures
	call string
	err  error
}

func (l *broken) NewBody(ctx context.Context) (ledger.Body, error) {
	body, err := l.Captures.NewBody(ctx)
	return brokenBody{body, l}, err
}

func (l *broken) Repeated(ctx context.Context, d cutover.Digest, since time.Time) (cutover.CaptureID, bool, error) {
	if l.call == "Repeated" {
		return "", false, l.err
	}
	return l.Captures.Repeated(ctx, d, since)
}

func (l *broken) Deliveries(ctx context.Context, f ledger.DeliveryFilter) ([]ledger.Delivery, error) {
	if l.call == "Deliveries" {
		return nil, l.err
	}
	return l.Captures.Deliveries(ctx, f)
}

func (l *broken) Capture(ctx context.Context, id cutover.CaptureID) (ledger.Capture, error) {
	if l.call == "Capture" {
		return ledger.Capture{}, l.err
	}
	return l.Captures.Capture(ctx, id)
}

type brokenBody struct {
	ledger.Body
	l *broken
}

func (b brokenBody) Commit(ctx context.Context, c ledger.Capture, d []ledger.Delivery, o evidence.Observation) ([]ledger.Delivery, error) {
	if b.l.call == "Commit" {
		b.Abort()
		return nil, b.l.err
	}
	return b.Body.Commit(ctx, c, d, o)
}

// TestClosedLedger: every step fails in good order.
func TestClosedLedger(t *testing.T) {
	b := planBed(t, relay.Plan{})
	m := b.complete(to("anna@example.com"))
	a, err := b.intake.Begin(t.Context(), m.peer, m.env)
	if err != nil {
		t.Fatal(err)
	}
	a.Write([]byte(m.body))
	b.ledger.Close()
	if _, err := a.Commit(t.Context()); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("Commit: %v", err)
	}
	if _, err := b.take(m); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("Begin: %v", err)
	}
}

// TestReserveOfTheDisk: a disk without room for a body refuses before the body comes, and the error tells why.
func TestReserveOfTheDisk(t *testing.T) {
	l, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Reserve: 1 << 60})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house()), Ledger: l}, relay.CourierConfig{})
	if _, err := b.take(to("anna@example.com")); !errors.Is(err, ledger.ErrNoSpace) {
		t.Errorf("got %v", err)
	}
}

// TestFailedWrite: a body that cannot be written is told at once.
func TestFailedWrite(t *testing.T) {
	b := planBed(t, relay.Plan{})
	m := b.complete(to("anna@example.com"))
	a, err := b.intake.Begin(t.Context(), m.peer, m.env)
	if err != nil {
		t.Fatal(err)
	}
	a.Abort()
	if _, err := a.Write([]byte("x")); err == nil {
		t.Error("written after Abort")
	}
	if _, err := a.Commit(t.Context()); err == nil {
		t.Error("committed after Abort")
	}
	equal(t, "deliveries", len(b.deliveries(ledger.DeliveryFilter{})), 0)
}
