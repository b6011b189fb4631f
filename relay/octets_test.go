package relay_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
)

// pieces writes a body, which may be empty, in pieces of the given size and returns its capture.
func (b *bed) pieces(m message, size int) ledger.Capture {
	b.t.Helper()
	body := []byte(m.body)
	m = b.complete(m)
	a, err := b.intake.Begin(b.t.Context(), m.peer, m.env)
	if err != nil {
		b.t.Fatal(err)
	}
	for len(body) > 0 {
		n := min(size, len(body))
		if wrote, err := a.Write(body[:n]); err != nil || wrote != n {
			b.t.Fatalf("wrote %d of %d: %v", wrote, n, err)
		}
		body = body[n:]
	}
	id, err := a.Commit(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	c, err := b.ledger.Capture(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func TestWhatACaptureKnowsOfItsOctets(t *testing.T) {
	tests := []struct {
		name, body string
		want       string // bare, 8-bit, hops
	}{
		{"plain", "A: b\r\n\r\nx\r\n", "false false 0"},
		{"empty", "", "false false 0"},
		{"bare LF", "A: b\r\n\r\nx\ny\r\n", "true false 0"},
		{"bare LF first", "\nx\r\n", "true false 0"},
		{"bare CR", "A: b\r\n\r\nx\ry\r\n", "true false 0"},
		{"CR CR LF", "A: b\r\n\r\nx\r\r\n", "true false 0"},
		{"CR last", "A: b\r\n\r\nx\r", "true false 0"},
		{"no line end last", "A: b\r\n\r\nx", "false false 0"},
		{"bare LF in the header", "A: b\nReceived: c\n\nx", "true false 1"},
		{"8-bit", "A: b\r\n\r\n\xe4\r\n", "false true 0"},
		{"8-bit in the header", "A: \xc3\xa4\r\n\r\nx\r\n", "false true 0"},
		{"octet 127 is no 8-bit", "A: b\r\n\r\n\x7f\r\n", "false false 0"},
		{"hops folded", "Received: from a\r\n by b;\r\n\tdate\r\nreceived:x\r\nRECEIVED : y\r\nX-Received: z\r\nSubject: Received: no\r\n Received: nor this\r\n\r\nReceived: in the body\r\n", "false false 3"},
		{"hops of a header without a body", "Received: a\r\nReceived: b\r\n", "false false 2"},
	}
	b := planBed(t, relay.Plan{})
	for _, tt := range tests {
		for _, size := range []int{1, 2, 3, 1 << 20} {
			t.Run(fmt.Sprintf("%s, %d at once", tt.name, size), func(t *testing.T) {
				m := to("anna@example.com")
				m.env.From = fmt.Sprintf("%d@outside.example", size) // else a repeated transaction
				m.body = tt.body
				c := b.pieces(m, size)
				equal(t, "bare, 8-bit, hops", fmt.Sprint(c.Bare, c.EightBit, c.Hops), tt.want)
				if c.Size != int64(len(tt.body)) || c.Sum != sumOf(tt.body) {
					t.Errorf("size %d, sum %x", c.Size, c.Sum)
				}
			})
		}
	}
}

// TestPiecesDoNotMatter compares random bodies written at once with the same in random pieces.
func TestPiecesDoNotMatter(t *testing.T) {
	b := planBed(t, relay.Plan{})
	const octets = "\r\n\r\nab:R \xff"
	for i := range 200 {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		body := make([]byte, 1+random.IntN(60))
		for j := range body {
			body[j] = octets[random.IntN(len(octets))]
		}
		m := to("anna@example.com").with(string(body))
		m.env.From = fmt.Sprintf("%d@outside.example", i)
		whole := b.pieces(m, len(body))
		m.env.From = "again" + m.env.From
		cut := b.pieces(m, 1+random.IntN(5))
		got := fmt.Sprint(cut.Bare, cut.EightBit, cut.Hops, cut.Size, cut.Sum, cut.Digest, cut.Identity)
		want := fmt.Sprint(whole.Bare, whole.EightBit, whole.Hops, whole.Size, whole.Sum, whole.Digest, whole.Identity)
		if got != want {
			t.Fatalf("body %q:\n in pieces %s\n   at once %s", body, got, want)
		}
		text := strings.ReplaceAll(string(body), "\r\n", "")
		if bare := strings.ContainsAny(text, "\r\n"); bare != whole.Bare {
			t.Fatalf("body %q: bare %v, want %v", body, whole.Bare, bare)
		}
	}
}

// TestBodyIsKeptByteForByte: what goes out is the prefix and then exactly what came in.
func TestBodyIsKeptByteForByte(t *testing.T) {
	b := planBed(t, relay.Plan{})
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{1, 4095, 65536, 65537, 1 << 20} {
		body := make([]byte, size)
		for i := range body {
			body[i] = byte(random.Uint32())
		}
		c := b.pieces(to("anna@example.com").with(string(body)), 4096)
		r, err := b.ledger.OpenBody(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d octets came back as %d, %v", size, len(got), err)
		}
	}
}

func TestPrefix(t *testing.T) {
	client := func(name, addr, tls string) ledger.Client { return ledger.Client{Name: name, Addr: addr, TLS: tls} }
	tests := []struct {
		name   string
		client ledger.Client
		to     []cutover.Address
		want   []string // lines of the Received field
	}{
		{"one recipient", client("mx.outside.example", "192.0.2.1", ""), []cutover.Address{"anna@example.com"},
			[]string{"Received: from mx.outside.example ([192.0.2.1])", "\tby posthouse.example.com (posthouse) with ESMTP id ID", "\tfor <anna@example.com>;", "\tDATE"}},
		{"several recipients are nobody's business", client("mx", "192.0.2.1", ""), []cutover.Address{"anna@example.com", "bob@example.com"},
			[]string{"Received: from mx ([192.0.2.1])", "\tby posthouse.example.com (posthouse) with ESMTP id ID;", "\tDATE"}},
		{"the alias that was written, not the person", client("mx", "192.0.2.1", ""), []cutover.Address{"a.smith@example.com"},
			[]string{"Received: from mx ([192.0.2.1])", "\tby posthouse.example.com (posthouse) with ESMTP id ID", "\tfor <a.smith@example.com>;", "\tDATE"}},
		{"IPv6 and TLS", client("mx", "2001:db8::9", "TLS 1.3 TLS_AES_128_GCM_SHA256"), []cutover.Address{"anna@example.com", "bob@example.com"},
			[]string{"Received: from mx ([IPv6:2001:db8::9])", "\t(using TLS 1.3 TLS_AES_128_GCM_SHA256)", "\tby posthouse.example.com (posthouse) with ESMTP id ID;", "\tDATE"}},
		{"a client that gave an address literal", client("[192.0.2.9]", "192.0.2.1", ""), []cutover.Address{"anna@example.com", "bob@example.com"},
			[]string{"Received: from [192.0.2.9] ([192.0.2.1])", "\tby posthouse.example.com (posthouse) with ESMTP id ID;", "\tDATE"}},
		{"a client without a name", client("", "192.0.2.1", ""), []cutover.Address{"anna@example.com", "bob@example.com"},
			[]string{"Received: from unknown ([192.0.2.1])", "\tby posthouse.example.com (posthouse) with ESMTP id ID;", "\tDATE"}},
		{"a name that wants to be a header", client("x)\r\nX-Evil: y;\x00\xff\"<\\", "192.0.2.1", "a)\r\n\r\nb"), []cutover.Address{"anna@example.com", "bob@example.com"},
			[]string{"Received: from x???X-Evil: y?????? ([192.0.2.1])", "\t(using a?????b)", "\tby posthouse.example.com (posthouse) with ESMTP id ID;", "\tDATE"}},
		{"a name without end", client(strings.Repeat("x", 5000), "192.0.2.1", ""), []cutover.Address{"anna@example.com", "bob@example.com"},
			[]string{"Received: from " + strings.Repeat("x", 255) + " ([192.0.2.1])", "\tby posthouse.example.com (posthouse) with ESMTP id ID;", "\tDATE"}},
		{"an address beyond ASCII stays out", client("mx", "192.0.2.1", ""), []cutover.Address{"ännä@example.com"},
			[]string{"Received: from mx ([192.0.2.1])", "\tby posthouse.example.com (posthouse) with ESMTP id ID;", "\tDATE"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := planBed(t, relay.Plan{})
			m := to(tt.to...)
			m.peer.Client = tt.client
			c := b.captured(m)
			want := strings.Join(tt.want, "\r\n") + "\r\n" + fmt.Sprintf("%s: %s\r\n", cutover.TraceField, cutover.NewTrace(b.traceKey(), c.ID))
			want = strings.NewReplacer(" id ID", " id "+string(c.ID), "DATE", c.At.Format(time.RFC1123Z)).Replace(want)
			equal(t, "prefix", fmt.Sprintf("%q", c.Prefix), fmt.Sprintf("%q", want))
		})
	}
}

func TestPrefixOfAClientWithoutAddress(t *testing.T) {
	b := planBed(t, relay.Plan{})
	m := b.complete(to("anna@example.com"))
	m.peer.Client = ledger.Client{Name: "local"}
	a, err := b.intake.Begin(t.Context(), m.peer, m.env)
	if err != nil {
		t.Fatal(err)
	}
	id, err := a.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.ledger.Capture(t.Context(), id)
	if err != nil || !strings.HasPrefix(string(c.Prefix), "Received: from local (address unknown)\r\n") {
		t.Errorf("prefix %q, %v", c.Prefix, err)
	}
}

func (b *bed) traceKey() []byte {
	b.t.Helper()
	key, err := b.ledger.TraceKey(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return key
}

// TestTraceFindsItsCapture: the trace that goes out names the capture to whoever has the key, and to nobody else.
func TestTraceFindsItsCapture(t *testing.T) {
	b := planBed(t, relay.Plan{})
	c := b.captured(to("anna@example.com"))
	trace := cutover.IdentityOf(c.Prefix).Trace
	if id, ok := trace.Verify(b.traceKey()); !ok || id != c.ID {
		t.Errorf("the trace %q names %q, %v; want %q", trace, id, ok, c.ID)
	}
	if _, ok := trace.Verify(make([]byte, 32)); ok {
		t.Error("another key verified it")
	}
}

// TestCaptureIDs: they sort by time, hold 26 characters of Crockford's alphabet, and are never the same twice.
func TestCaptureIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := planBed(t, relay.Plan{})
		seen := map[cutover.CaptureID]bool{}
		var last cutover.CaptureID
		for range 60 {
			var newest cutover.CaptureID
			for range 4 {
				id := b.mustTake(to("anna@example.com"))
				if len(id) != 26 || strings.Trim(string(id), "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != "" || id[0] > '7' {
					t.Fatalf("%q is no ULID", id)
				}
				if seen[id] || id <= last {
					t.Fatalf("%q after %q, seen before: %v", id, last, seen[id])
				}
				seen[id], newest = true, max(newest, id)
			}
			last = newest
			time.Sleep(time.Duration(1+len(seen)*len(seen)) * time.Millisecond)
		}
	})
}

// TestCaptureIDHoldsItsTime decodes the ten characters of the time.
func TestCaptureIDHoldsItsTime(t *testing.T) {
	c := planBed(t, relay.Plan{}).captured(to("anna@example.com"))
	var ms int64
	for _, r := range c.ID[:10] {
		ms = ms<<5 | int64(strings.IndexRune("0123456789ABCDEFGHJKMNPQRSTVWXYZ", r))
	}
	if ms != c.At.UnixMilli() {
		t.Errorf("%s says %d, taken at %d", c.ID, ms, c.At.UnixMilli())
	}
}

func TestRepeatDigest(t *testing.T) {
	b := planBed(t, relay.Plan{})
	base := to("anna@example.com", "bob@example.com").with("Subject: x\r\n\r\nx\r\n")
	first := b.mustTake(base)
	change := func(f func(*message)) message {
		m := to("anna@example.com", "bob@example.com").with(base.body)
		f(&m)
		return m
	}
	tests := []struct {
		name string
		m    message
		same bool
	}{
		{"order of recipients", to("bob@example.com", "anna@example.com").with(base.body), true},
		{"another client", change(func(m *message) { m.peer.Client.Addr = "192.0.2.77" }), true},
		{"fewer recipients", to("anna@example.com").with(base.body), false},
		{"more recipients", to("anna@example.com", "bob@example.com", "room@example.com").with(base.body), false},
		{"another reverse path", change(func(m *message) { m.env.From = "other@outside.example" }), false},
		{"another octet", change(func(m *message) { m.body = "Subject: x\r\n\r\ny\r\n" }), false},
		{"one more Received line", change(func(m *message) { m.body = "Received: x\r\n" + m.body }), false},
		{"TLS all the way", change(func(m *message) { m.env.RequireTLS = true }), false},
		{"the reverse path is not a recipient", change(func(m *message) {
			m.env.From = "anna@example.com"
			m.env.Recipients[0].Address = "sender@outside.example"
		}), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if id := b.mustTake(tt.m); (id == first) != tt.same {
				t.Errorf("answered %s, the first was %s", id, first)
			}
		})
	}
}

// sumOf is what tells these octets apart.
func sumOf(body string) cutover.Digest {
	d := cutover.NewOctetDigester()
	_, _ = d.Write([]byte(body)) // it never fails
	return d.Octets()
}
