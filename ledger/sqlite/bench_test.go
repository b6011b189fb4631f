package sqlite_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
)

func openBench(b *testing.B) *sqlite.Ledger {
	l, err := sqlite.Open(b.Context(), b.TempDir(), sqlite.Options{Reserve: 1 << 20})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l
}

// realisticCapture has random keys, as hashes are: what costs is their place in the indices.
func realisticCapture(n int64, size int) ledger.Capture {
	sum := sha256.Sum256(fmt.Append(nil, n))
	return ledger.Capture{
		ID: cutover.CaptureID(fmt.Sprintf("01HQ%022d", n)), At: time.UnixMicro(1.7e15 + n), Route: cutover.Arriving, Listener: "mx",
		Client: ledger.Client{Addr: "192.0.2.7", Name: "mail.example.net", TLS: "TLS1.3"},
		Envelope: ledger.Envelope{From: "bounce-4711@news.example.net", Body: "8BITMIME",
			Recipients: []ledger.Recipient{{Address: "anna@example.com", ORcpt: "rfc822;anna@example.com"}}},
		Prefix: make([]byte, 300), Size: int64(size), Sum: sum, Repeat: sha256.Sum256(sum[:]), Digest: sum,
		Identity: cutover.Identity{Key: cutover.Key(sum[:16]), Loose: cutover.Key(sum[16:])}, Hops: 2,
	}
}

func commitOne(b *testing.B, l *sqlite.Ledger, n int64, octets []byte) ledger.Delivery {
	place, err := l.NewBody(b.Context())
	if err != nil {
		b.Error(err)
		return ledger.Delivery{}
	}
	defer place.Abort()
	place.Write(octets)
	c := realisticCapture(n, len(octets))
	d := ledger.Delivery{Recipient: "anna@example.com", Original: "anna@example.com", Mailbox: "anna@example.com", Destination: "cloud:smtp",
		Side: cutover.Cloud, Required: true, State: ledger.Sending, Since: c.At}
	o := evidence.Observation{At: c.At, Channel: evidence.Arriving, Class: evidence.Wanted, Source: "listener mx", Sender: "mail.example.net",
		From: c.Envelope.From, Mailbox: "anna@example.com", Message: string(c.ID)}
	stored, err := place.Commit(b.Context(), c, []ledger.Delivery{d}, o)
	if err != nil {
		b.Error(err)
		return ledger.Delivery{}
	}
	return stored[0]
}

// BenchmarkCapture is what the listener costs the disk: body, envelope, one delivery and one observation, durable.
func BenchmarkCapture(b *testing.B) {
	for _, c := range []struct{ callers, size int }{{1, 4 << 10}, {20, 4 << 10}, {100, 4 << 10}, {1, 256 << 10}, {20, 256 << 10}} {
		b.Run(fmt.Sprintf("callers=%d/size=%dK", c.callers, c.size>>10), func(b *testing.B) {
			l := openBench(b)
			octets := make([]byte, c.size)
			rand.Read(octets)
			b.SetBytes(int64(c.size))
			run(b, c.callers, func(n int64) { commitOne(b, l, n, octets) })
		})
	}
}

// BenchmarkRelay adds the settlement: what a message costs from arrival to the end.
func BenchmarkRelay(b *testing.B) {
	for _, callers := range []int{1, 20, 100} {
		b.Run(fmt.Sprintf("callers=%d/size=4K", callers), func(b *testing.B) {
			l := openBench(b)
			octets := make([]byte, 4<<10)
			rand.Read(octets)
			run(b, callers, func(n int64) {
				d := commitOne(b, l, n, octets)
				d.State, d.Attempts, d.Reply = ledger.Accepted, 1, "250 2.0.0 Ok: queued as 4711"
				if err := l.Update(b.Context(), d); err != nil {
					b.Error(err)
				}
			})
		})
	}
}

// run divides b.N calls among callers and reports calls per second.
func run(b *testing.B, callers int, call func(n int64)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				call(n)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

// BenchmarkItems writes each row twice, as the bridge does: intended, then settled with the cursor. An op is one batch.
func BenchmarkItems(b *testing.B) {
	for _, size := range []int{100, 500} {
		for _, phase := range []string{"intend", "settle", "adopt", "lookup"} {
			b.Run(fmt.Sprintf("%s/batch=%d", phase, size), func(b *testing.B) { benchItems(b, phase, size) })
		}
	}
}

func benchItems(b *testing.B, phase string, size int) {
	l := openBench(b)
	p, err := l.Pair(b.Context(), ledger.FolderPair{Mailbox: "anna@example.com", Kind: cutover.Mail, Legacy: cutover.FolderPath{"INBOX"}})
	if err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	for n := 0; n < b.N; n++ {
		rows := benchRows(p.ID, 1<<30-n*size, size)
		if phase == "intend" || phase == "adopt" {
			b.StartTimer()
		}
		if phase != "adopt" {
			rows, err = l.Intend(b.Context(), rows)
		}
		for i := range rows {
			rows[i].Disposition, rows[i].Cloud = cutover.Copied, ledger.Place{Validity: "1690000000", Ref: rows[i].Legacy.Ref}
		}
		if phase == "intend" {
			b.StopTimer()
		}
		if phase == "settle" {
			b.StartTimer()
		}
		cursor := ledger.Cursor(fmt.Sprint("1700000000 ", n))
		_, err2 := l.Settle(b.Context(), p.ID, rows, &cursor)
		b.StopTimer()
		if phase == "lookup" {
			lookUp(b, l, p.ID, rows)
		}
		if err != nil || err2 != nil {
			b.Fatal(err, err2)
		}
	}
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "rows/s")
}

// benchRows counts references down, as a backfill from the newest does.
func benchRows(f ledger.FolderID, top, size int) []ledger.Item {
	rows := make([]ledger.Item, size)
	for i := range rows {
		sum := sha256.Sum256(fmt.Append(nil, top-i))
		rows[i] = ledger.Item{
			Folder: f, Legacy: ledger.Place{Validity: "1700000000", Ref: cutover.Ref(fmt.Sprint(top - i))},
			Identity: cutover.Identity{Key: cutover.Key(sum[:16]), Loose: cutover.Key(sum[16:])}, Size: 40000, Digest: sum,
			Flags: cutover.Flags{`\Seen`}, Version: "123456", Tail: "1234567",
		}
	}
	return rows
}

// lookUp asks what the bridge asks before it puts: references, keys, expected captures.
func lookUp(b *testing.B, l *sqlite.Ledger, f ledger.FolderID, rows []ledger.Item) {
	refs, keys := make([]cutover.Ref, len(rows)), make([]cutover.Key, len(rows))
	for i, r := range rows {
		refs[i], keys[i] = r.Legacy.Ref, r.Identity.Key
	}
	b.StartTimer()
	known, err := l.Known(b.Context(), f, "1700000000", refs)
	if err != nil || len(known) != len(rows) {
		b.Fatal(len(known), err)
	}
	if found, err := l.ByKey(b.Context(), "anna@example.com", keys); err != nil || len(found) != len(rows) {
		b.Fatal(len(found), err)
	}
	if _, err := l.Expected(b.Context(), "anna@example.com", keys, nil); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
}

// BenchmarkDue is one scan of the courier with 50,000 deliveries waiting.
func BenchmarkDue(b *testing.B) {
	l := openBench(b)
	const waiting = 50000
	var deliveries []ledger.Delivery
	for n := range 100 {
		deliveries = append(deliveries, ledger.Delivery{Recipient: "anna@example.com", Destination: "cloud:smtp", Required: true, State: ledger.Due,
			Next: time.UnixMicro(1.7e15 + int64(n))})
	}
	for n := range int64(waiting / 100) {
		place, err := l.NewBody(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := place.Commit(b.Context(), realisticCapture(n, 0), deliveries, evidence.Observation{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for b.Loop() {
		due, _, err := l.DueDeliveries(b.Context(), "cloud:smtp", ledger.Due, time.UnixMicro(1.8e15), time.UnixMicro(1.9e15), 100)
		if err != nil || len(due) != 100 {
			b.Fatal(len(due), err)
		}
	}
}

// BenchmarkStatus is what a look at the service asks of a queue of 50,000.
func BenchmarkStatus(b *testing.B) {
	l := openBench(b)
	var wg sync.WaitGroup
	for part := range int64(100) {
		wg.Go(func() {
			for n := range int64(500) {
				place, err := l.NewBody(b.Context())
				if err != nil {
					b.Error(err)
					return
				}
				c := realisticCapture(part*500+n, 0)
				d := ledger.Delivery{Recipient: "anna@example.com", Destination: "cloud:smtp", Required: true, State: ledger.Due, Next: c.At, Since: c.At}
				if _, err := place.Commit(b.Context(), c, []ledger.Delivery{d}, evidence.Observation{}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	open := []ledger.DeliveryState{ledger.Due, ledger.Sending, ledger.InDoubt, ledger.Held}
	for name, ask := range map[string]func() (int, error){
		"backlog": func() (int, error) { all, err := l.Backlog(b.Context()); return all[ledger.Due] - 50_000, err },
		"late": func() (int, error) {
			return l.CountDeliveries(b.Context(), ledger.DeliveryFilter{States: open, Required: true, Captured: time.UnixMicro(1.6e15)})
		},
		"first": func() (int, error) {
			all, err := l.Deliveries(b.Context(), ledger.DeliveryFilter{States: open, Required: true, Limit: 20})
			return len(all) - 20, err
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if n, err := ask(); err != nil || n != 0 {
					b.Fatal(n, err)
				}
			}
		})
	}
}
