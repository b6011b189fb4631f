package imapstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

const benchItems = 3000

// body8K is about 8 KiB.
var body8K = strings.Repeat(strings.Repeat("x", 70)+"\r\n", 8<<10/72)

func benchItem(n int) bridge.PutItem {
	raw := fmt.Sprintf("Message-ID: <%d.bench@example.com>\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\nFrom: a@example.com\r\nSubject: %d\r\n\r\n%s", n, n, body8K)
	return bridge.PutItem{ID: n, Flags: cutover.Flags{`\Seen`}, Date: time.Unix(1500000000, 0), Content: octets(raw)}
}

// benchmark runs measure against a real Dovecot, without delay and with a round trip of 30 ms, and reports items per second.
func benchmark(b *testing.B, settings string, prepare, measure func(b *testing.B, store bridge.Store)) {
	for _, trip := range []time.Duration{0, 30 * time.Millisecond} {
		b.Run(fmt.Sprintf("rtt=%v", trip), func(b *testing.B) {
			server := neighbour.StartDovecot(b, neighbour.DovecotConfig{Name: "dovecot", Format: "mdbox", Users: people(200), Settings: settings})
			proxy := testserver.NewProxy(server.IMAP)
			proxy.Set(testserver.ProxyFaults{Delay: trip / 2})
			if err := proxy.Start(""); err != nil {
				b.Fatal(err)
			}
			defer proxy.Stop()
			n := 0
			var spent time.Duration
			for b.Loop() {
				n++
				o := imapstore.Options{Address: server.IMAP, TLS: imapstore.NoTLS, SASL: plainAs(fmt.Sprintf("%s%d", user, n)), TempDir: b.TempDir()}
				direct := imapstore.New(o)
				prepare(b, direct)
				direct.Close()
				o.Address = proxy.Addr()
				store := imapstore.New(o)
				begun := time.Now()
				measure(b, store)
				spent += time.Since(begun)
				store.Close()
			}
			b.ReportMetric(float64(n*benchItems)/spent.Seconds(), "items/s")
		})
	}
}

func putBench(b *testing.B, store bridge.Store) {
	stored := 0
	err := store.Put(b.Context(), inbox, func(yield func(bridge.PutItem) bool) {
		for n := range benchItems {
			if !yield(benchItem(n)) {
				return
			}
		}
	}, func(o bridge.Outcome) {
		if o.Err == nil {
			stored++
		}
	})
	if err != nil || stored != benchItems {
		b.Fatalf("%d stored, %v", stored, err)
	}
}

func nothing(*testing.B, bridge.Store) {}

func BenchmarkPutMulti(b *testing.B) { benchmark(b, "", nothing, putBench) }

// BenchmarkPutPipelined is what remains on Microsoft 365, which has LITERAL+ and no MULTIAPPEND.
func BenchmarkPutPipelined(b *testing.B) {
	benchmark(b, "imap_capability = IMAP4rev1 LITERAL+ UIDPLUS IDLE\n", nothing, putBench)
}

// BenchmarkPutSync is what remains on a server that has neither.
func BenchmarkPutSync(b *testing.B) {
	benchmark(b, "imap_capability = IMAP4rev1\n", nothing, putBench)
}

// BenchmarkRead follows a folder from the beginning and reads every body, one batch after the other.
func BenchmarkRead(b *testing.B) {
	benchmark(b, "", putBench, func(b *testing.B, store bridge.Store) {
		read := 0
		batch, err := store.Next(b.Context(), inbox, "")
		for err == nil && len(batch.Changes) > 0 {
			var refs []cutover.Ref
			for _, c := range batch.Changes {
				refs = append(refs, c.Item.Ref)
			}
			if err = store.Fetch(b.Context(), inbox, refs, func(got bridge.Fetched) error { read++; return got.Content.Close() }); err == nil {
				batch, err = store.Next(b.Context(), inbox, batch.After)
			}
		}
		if err != nil || read != benchItems {
			b.Fatalf("%d read, %v", read, err)
		}
	})
}

// BenchmarkScan reads the identities of a folder.
func BenchmarkScan(b *testing.B) {
	benchmark(b, "", putBench, func(b *testing.B, store bridge.Store) {
		seen := 0
		for _, err := range store.Scan(b.Context(), inbox, "") {
			if err != nil {
				b.Fatal(err)
			}
			seen++
		}
		if seen != benchItems {
			b.Fatalf("%d seen", seen)
		}
	})
}
