package relay_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/internal/clock"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
	"posthouse/relay"
	"posthouse/relay/sendercheck"
)

// records is a DNS of TXT records that answers once it may.
type records struct {
	txt map[string]string
	may chan struct{} // nil: at once
}

func (r records) LookupTXT(ctx context.Context, name string) ([]string, error) {
	if r.may != nil {
		select {
		case <-r.may:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if text, ok := r.txt[strings.TrimSuffix(name, ".")]; ok {
		return []string{text}, nil
	}
	return nil, &net.DNSError{Name: name, IsNotFound: true}
}

var errNone = &net.DNSError{IsNotFound: true}

func (records) LookupMX(context.Context, string) ([]*net.MX, error)        { return nil, errNone }
func (records) LookupIPAddr(context.Context, string) ([]net.IPAddr, error) { return nil, errNone }
func (records) LookupAddr(context.Context, string) (all []string, _ error) { return nil, errNone }

// strict is where outside.example has mail from 192.0.2.1 alone, and wants all other refused.
func strict() map[string]string {
	return map[string]string{"outside.example": "v=spf1 ip4:192.0.2.1 -all", "_dmarc.outside.example": "v=DMARC1; p=reject"}
}

// examined is a bed with an examiner, and what it told.
type examined struct {
	*bed
	settings relay.ExaminerConfig
	examiner *relay.Examiner
	mu       sync.Mutex
	pending  []evidence.Observation
	told     []evidence.Observation
}

func newExamined(t *testing.T, dns records, room int, l ledger.Captures, courier relay.CourierConfig) *examined {
	t.Helper()
	x := &examined{bed: newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house()), LegacyNets: nets("10.0.0.0/8")}, courier)}
	if l == nil {
		l = x.ledger
	}
	x.settings = relay.ExaminerConfig{
		Ledger: l, Checker: sendercheck.New(sendercheck.Config{DNS: dns}), Workers: 2, Room: room, Fronts: nets("198.51.100.128/25"), Hint: x.courier.Hint, Clock: clock.Real(), Log: x.logger,
		Recorded: func(o evidence.Observation) { x.mu.Lock(); x.told = append(x.told, o); x.mu.Unlock() },
	}
	x.config.Captured = func(o evidence.Observation) { x.mu.Lock(); x.told = append(x.told, o); x.mu.Unlock() }
	x.config.Examined = func(o evidence.Observation) { x.mu.Lock(); x.pending = append(x.pending, o); x.mu.Unlock() }
	x.examine()
	return x
}

// examine begins to look, as the settings say.
func (x *examined) examine() {
	x.t.Helper()
	x.examiner = relay.NewExaminer(x.settings)
	x.t.Cleanup(x.examiner.Stop)
	x.config.Examiner = x.examiner
	x.attach(x.courier)
}

func checked(m message) message { m.peer.Checks = relay.SenderChecks{Record: true}; return m }
func added(m message) message   { m.peer.Checks = relay.SenderChecks{Record: true, Add: true}; return m }

// The commit waits for no answer of DNS; what is found out is recorded, and makes what nobody can want unwanted.
func TestSendersAreExaminedAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := records{strict(), make(chan struct{})}
		x := newExamined(t, dns, 10, nil, relay.CourierConfig{})
		start := time.Now()
		good, bad := x.captured(checked(to("anna@example.com"))), x.captured(checked(to("anna@example.com")).from("198.51.100.9"))
		x.mustTake(checked(to("anna@example.com")).from("10.0.0.9")) // the old server's
		if time.Since(start) > 0 || len(x.pending) != 2 || len(x.told) != 1 {
			t.Errorf("took %v; %d pending, %d told", time.Since(start), len(x.pending), len(x.told))
		}
		close(dns.may)
		synctest.Wait()
		for _, c := range []struct {
			id       cutover.CaptureID
			results  string
			unwanted bool
		}{
			{good.ID, "spf=pass smtp.mailfrom=outside.example; dkim=none; dmarc=pass (p=reject) header.from=outside.example", false},
			{bad.ID, "spf=fail smtp.mailfrom=outside.example; dkim=none; dmarc=fail (p=reject) header.from=outside.example", true},
		} {
			got, err := x.ledger.Capture(t.Context(), c.id)
			if err != nil || got.Results != c.results || got.Unwanted != c.unwanted || string(got.Prefix) != string(map[bool][]byte{false: good.Prefix, true: bad.Prefix}[c.unwanted]) {
				t.Errorf("%+v, %v", got, err)
			}
		}
		classes := map[evidence.Class]int{}
		for _, o := range x.told {
			classes[o.Class]++
		}
		equal(t, "told", fmt.Sprint(classes), "map[unwanted:1 wanted:2]")
		stored := map[evidence.Class]int{}
		err := x.ledger.Observations(t.Context(), time.Time{}, func(o evidence.Observation) bool { stored[o.Class]++; return true })
		equal(t, "stored", fmt.Sprint(stored, err), "map[unwanted:1 wanted:2] <nil>")
	})
}

// Who is in front of us is not asked about, and what comes by it is no worse for it.
func TestFrontsAreNotAskedAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExamined(t, records{txt: strict()}, 10, nil, relay.CourierConfig{})
		id := x.mustTake(checked(to("anna@example.com")).from("198.51.100.200"))
		synctest.Wait()
		if c, err := x.ledger.Capture(t.Context(), id); err != nil || c.Results != "" || c.Unwanted {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

// What was sent without results goes without them for ever, also in the next process.
func TestResultsAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var sent []string
		out := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
			mu.Lock()
			defer mu.Unlock()
			octets, _ := readBody(c.Body)
			if sent = append(sent, string(octets)); len(sent) < 3 {
				return answers(c, later)
			}
			return answers(c, yes)
		})
		x := newExamined(t, records{strict(), make(chan struct{})}, 10, nil, settings(toCloud(out), nil))
		x.start(x.courier)
		id := x.mustTake(added(to("anna@example.com")))
		x.examiner.Stop()
		time.Sleep(30 * time.Second)
		if err := x.courier.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		late := ledger.Check{Capture: id, Results: "spf=pass", Fields: []byte("Authentication-Results: late\r\n")}
		if err := x.ledger.Checked(t.Context(), time.Now(), late); err != nil {
			t.Error(err)
		}
		x.restart(settings(toCloud(out), nil))
		time.Sleep(time.Hour)
		mu.Lock()
		defer mu.Unlock()
		if len(sent) != 3 || !strings.HasPrefix(sent[0], "Received: ") || sent[1] != sent[0] || sent[2] != sent[0] {
			t.Errorf("sent %q", sent)
		}
	})
}

// First attempts wait for results that are to go out, no longer than it takes; and all attempts are the same.
func TestResultsGoOut(t *testing.T) {
	for _, silent := range []bool{false, true} {
		t.Run(fmt.Sprint("silent ", silent), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dns := records{strict(), make(chan struct{})}
				var mu sync.Mutex
				var sent []string
				var at []time.Duration
				start := time.Now()
				out := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
					octets, err := readBody(c.Body)
					if err != nil || int64(len(octets)) != c.Body.Size() {
						t.Errorf("%d octets of %d, %v", len(octets), c.Body.Size(), err)
					}
					mu.Lock()
					defer mu.Unlock()
					sent, at = append(sent, string(octets)), append(at, time.Since(start))
					if len(sent) < 3 {
						return answers(c, later)
					}
					return answers(c, yes)
				})
				x := newExamined(t, dns, 10, nil, settings(toCloud(out), nil))
				x.start(x.courier)
				x.mustTake(added(to("anna@example.com")))
				time.Sleep(3 * time.Second)
				mu.Lock()
				if len(sent) != 0 {
					t.Error("sent before the results were there")
				}
				mu.Unlock()
				if !silent {
					close(dns.may)
				}
				time.Sleep(time.Hour)
				mu.Lock()
				defer mu.Unlock()
				if len(sent) != 3 || sent[0] != sent[1] || sent[1] != sent[2] {
					t.Fatalf("sent %q", sent)
				}
				const want = "Authentication-Results: posthouse.example.com;\r\n\tspf=pass smtp.mailfrom=outside.example;\r\n\tdkim=none;\r\n\tdmarc=pass (p=reject) header.from=outside.example\r\nReceived: "
				const unknown = "Authentication-Results: posthouse.example.com;\r\n\tspf=temperror smtp.mailfrom=outside.example;\r\n\tdkim=none;\r\n\tdmarc=temperror header.from=outside.example\r\nReceived: "
				if !silent && (!strings.HasPrefix(sent[0], want) || at[0] > 4*time.Second) || silent && (!strings.HasPrefix(sent[0], unknown) || at[0] > 11*time.Second) {
					t.Errorf("after %v: %q", at[0], sent[0])
				}
			})
		})
	}
}

// deaf is a ledger that records no results.
type deaf struct{ *sqlite.Ledger }

func (deaf) Checked(context.Context, time.Time, ...ledger.Check) error { return errors.New("full") }

// What is found out and cannot be recorded does not go out, and keeps no mail back for long.
func TestResultsThatAreNotRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var sent []string
		out := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
			mu.Lock()
			defer mu.Unlock()
			octets, _ := readBody(c.Body)
			sent = append(sent, string(octets))
			return answers(c, yes)
		})
		x := newExamined(t, records{txt: strict()}, 10, deaf{}, settings(toCloud(out), nil))
		x.start(x.courier)
		x.mustTake(added(to("anna@example.com")))
		time.Sleep(20 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if len(sent) != 1 || !strings.HasPrefix(sent[0], "Received: ") {
			t.Errorf("sent %q", sent)
		}
	})
}

// Where more comes than can be looked at, the rest goes on at once, and counts as wanted.
func TestExaminerFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := records{strict(), make(chan struct{})}
		var sent atomic.Int64
		out := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome { sent.Add(1); return answers(c, yes) })
		wide := settings(toCloud(out), nil)
		wide.Workers = 20
		x := newExamined(t, dns, 4, nil, wide)
		x.start(x.courier)
		for range 10 {
			x.mustTake(added(to("anna@example.com")))
		}
		synctest.Wait()
		if sent.Load() != 6 || len(x.told) != 6 || len(x.pending) != 4 || !x.logged("senders were not checked") {
			t.Errorf("%d sent, %d told, %d pending", sent.Load(), len(x.told), len(x.pending))
		}
		close(dns.may)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if sent.Load() != 10 || len(x.told) != 10 {
			t.Errorf("%d sent, %d told", sent.Load(), len(x.told))
		}
		x.mustTake(added(to("anna@example.com"))) // there are seats again
		synctest.Wait()
		if len(x.pending) != 5 {
			t.Errorf("%d pending", len(x.pending))
		}
	})
}

// A flood is looked at in part: so much at once, and then at a pace.
func TestExaminerInAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExamined(t, records{txt: strict()}, 4, nil, relay.CourierConfig{})
		x.settings.Rate = 2
		x.examiner.Stop()
		x.examine()
		for i, want := range []int{4, 6, 10} {
			for range 10 {
				x.mustTake(checked(to("anna@example.com")))
				synctest.Wait()
			}
			if len(x.pending) != want {
				t.Errorf("flood %d: %d looked at, want %d", i, len(x.pending), want)
			}
			time.Sleep(time.Duration(i*100+1) * time.Second)
		}
	})
}

// Who is stopped leaves what it did not look at as it was.
func TestExaminerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExamined(t, records{strict(), make(chan struct{})}, 10, nil, relay.CourierConfig{})
		var all []cutover.CaptureID
		for range 5 {
			all = append(all, x.mustTake(checked(to("anna@example.com"))))
		}
		x.examiner.Stop()
		for _, id := range all {
			if c, err := x.ledger.Capture(t.Context(), id); err != nil || c.Results != "" {
				t.Errorf("%q, %v", c.Results, err)
			}
		}
	})
}

// What a stranger wrote in our name does not go out; the body stays as it came, and what the old server wrote goes out.
func TestForgedResultsStay(t *testing.T) {
	const forged, other, rest = "Authentication-Results: posthouse.example.com; dmarc=pass\r\n", "Authentication-Results: x.example; dmarc=pass\r\n", "From: a@outside.example\r\n\r\nAuthentication-Results: posthouse.example.com\r\n"
	long := strings.Repeat("x", 200<<10) + "\r\n"
	for what, c := range map[string]struct {
		m    message
		want string
	}{
		"from outside":     {checked(to("anna@example.com")).with(forged + other + forged + rest), other + rest},
		"large":            {checked(to("anna@example.com")).with(other + forged + rest + long), other + rest + long},
		"all of it":        {checked(to("anna@example.com")).with(forged), ""},
		"the old server's": {checked(to("anna@example.com")).with(forged + rest).from("10.0.0.9"), forged + rest},
		"not asked for":    {to("anna@example.com").with(forged + rest), forged + rest},
	} {
		x := newExamined(t, records{txt: strict()}, 10, nil, relay.CourierConfig{})
		capture := x.captured(c.m)
		out := relay.Message(x.ledger, capture)
		got, err := readBody(out)
		if got != string(capture.Prefix)+c.want || err != nil || out.Size() != int64(len(got)) {
			t.Errorf("%s: %d octets, says %d: %.300q, %v", what, len(got), out.Size(), got, err)
		}
		if capture.Sum != sumOf(c.m.body) || capture.Size != int64(len(c.m.body)) {
			t.Errorf("%s: what is stored is not what came", what)
		}
	}
	x := newExamined(t, records{txt: strict()}, 10, nil, relay.CourierConfig{})
	if _, err := x.take(checked(to("anna@example.com")).with(strings.Repeat(forged+other, 2000) + rest)); err == nil {
		t.Error("very many were taken")
	}
}
