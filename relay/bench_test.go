package relay_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
	"posthouse/relay"
	"posthouse/relay/sendercheck"
)

// BenchmarkRelay is a message's whole way through intake, ledger and courier: 4 KiB in, one commit, out to a destination that reads it and answers at
// once. One operation is one message; the time ends when the last one is settled.
func BenchmarkRelay(b *testing.B) {
	for _, senders := range []int{1, 20} {
		b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) { relayed(b, senders, relay.SenderChecks{}) })
	}
	b.Run("senders=20,checked", func(b *testing.B) { relayed(b, 20, relay.SenderChecks{Record: true}) })
}

func relayed(b *testing.B, senders int, checks relay.SenderChecks) {
	l, err := sqlite.Open(b.Context(), b.TempDir(), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	var out atomic.Int64
	courier, in := benched(b, l, &out)
	b.SetBytes(4 << 10)
	b.ReportAllocs()
	b.ResetTimer()
	begun := time.Now()
	sendAll(b, in, senders, checks)
	taken := time.Since(begun)
	for open := (map[ledger.DeliveryState]int{}); open[ledger.Settled] != b.N; time.Sleep(time.Millisecond) {
		if open, err = l.Backlog(b.Context()); err != nil || b.Failed() || time.Since(begun) > taken+time.Minute {
			b.Fatalf("of %d: %v, %v", b.N, open, err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/taken.Seconds(), "accepted/s")
	b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "settled/s")
	if out.Load() != int64(b.N) {
		b.Errorf("%d attempts for %d messages", out.Load(), b.N)
	}
	if err := courier.Stop(b.Context()); err != nil {
		b.Error(err)
	}
}

// benched is a running courier and its intake.
func benched(b *testing.B, l *sqlite.Ledger, out *atomic.Int64) (*relay.Courier, *relay.Intake) {
	b.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	instant := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
		if _, err := readBody(c.Body); err != nil {
			b.Error(err)
		}
		out.Add(1)
		return answers(c, yes)
	})
	cfg := settings(toCloud(instant), nil)
	cfg.Ledger, cfg.Clock, cfg.Log, cfg.Workers = l, clock.Real(), log, 20
	courier, err := relay.NewCourier(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	if err := courier.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	examiner := relay.NewExaminer(relay.ExaminerConfig{
		Ledger: l, Checker: sendercheck.New(sendercheck.Config{DNS: records{txt: strict()}}), Workers: 32, Room: 2048, Hint: courier.Hint, Clock: clock.Real(), Log: log,
	})
	b.Cleanup(examiner.Stop)
	in, err := relay.NewIntake(b.Context(), relay.IntakeConfig{
		Ledger: l, Directory: relay.NewDirectory(house()), Courier: courier, Examiner: examiner, Clock: clock.Real(), Log: log,
		Plans: map[cutover.Route]relay.Plan{cutover.Arriving: {}},
	})
	if err != nil {
		b.Fatal(err)
	}
	return courier, in
}

func sendAll(b *testing.B, in *relay.Intake, senders int, checks relay.SenderChecks) {
	filler := strings.Repeat(strings.Repeat("x", 76)+"\r\n", 50)
	var next atomic.Int64
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if err := sendOne(b.Context(), in, n, filler, checks); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

func sendOne(ctx context.Context, in *relay.Intake, n int64, filler string, checks relay.SenderChecks) error {
	peer := relay.Peer{
		Listener: "mx", Hostname: "posthouse.example.com", Route: cutover.Arriving, Protocol: "ESMTP",
		Client: ledger.Client{Addr: "192.0.2.1", Name: "mx.outside.example"}, Checks: checks,
	}
	env := ledger.Envelope{From: "sender@outside.example", Recipients: []ledger.Recipient{{Address: "anna@example.com"}}}
	a, err := in.Begin(ctx, peer, env)
	if err != nil {
		return err
	}
	header := fmt.Sprintf("Message-ID: <%d@outside.example>\r\nDate: Mon, 02 Mar 2026 12:00:00 +0000\r\nFrom: sender@outside.example\r\n\r\n", n)
	if _, err := io.WriteString(a, header+filler); err != nil {
		a.Abort()
		return err
	}
	_, err = a.Commit(ctx)
	return err
}
