package delivery

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// peer is a server that is not ours.
type peer struct {
	addr string

	mu       sync.Mutex
	messages []message
	open     int // connections now
	most     int // connections at once
	total    int
}

type message struct {
	from string
	mail smtp.MailOptions
	to   []string
	rcpt []smtp.RcptOptions
	body []byte
}

func startPeer(t testing.TB, change func(*smtp.Server)) *peer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return servePeer(t, l, change)
}

func servePeer(t testing.TB, l net.Listener, change func(*smtp.Server)) *peer {
	p := &peer{addr: l.Addr().String()}
	s := smtp.NewServer(smtp.BackendFunc(p.session))
	s.Domain = "mx.new.example"
	s.MaxLineLength = 1 << 20
	s.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableSMTPUTF8, s.EnableDSN = true, true
	if change != nil {
		change(s)
	}
	served := make(chan struct{})
	go func() { defer close(served); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-served })
	return p
}

func (p *peer) session(*smtp.Conn) (smtp.Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total++
	p.open++
	p.most = max(p.most, p.open)
	return &peerSession{p: p}, nil
}

func (p *peer) got() []message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.messages)
}

type peerSession struct {
	p *peer
	m message
}

func (s *peerSession) Reset() { s.m = message{} }

func (s *peerSession) Logout() error {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.open--
	return nil
}

func (s *peerSession) Mail(from string, o *smtp.MailOptions) error {
	s.m.from, s.m.mail = from, *o
	return nil
}

func (s *peerSession) Rcpt(to string, o *smtp.RcptOptions) error {
	if to == "nobody@new.example" {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "unknown"}
	}
	s.m.to = append(s.m.to, to)
	s.m.rcpt = append(s.m.rcpt, *o)
	return nil
}

func (s *peerSession) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.m.body = body
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.messages = append(s.p.messages, s.m)
	return nil
}

// LMTPData refuses the second recipient.
func (s *peerSession) LMTPData(r io.Reader, status smtp.StatusCollector) error {
	err := s.Data(r)
	for i, to := range s.m.to {
		if i == 1 && err == nil {
			status.SetStatus(to, &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "full"})
			continue
		}
		status.SetStatus(to, err)
	}
	return err
}

func clientFor(t testing.TB, addr string, change func(*Destination)) *Client {
	d := Destination{Name: "peer", Address: addr, TLS: TLS{Mode: Plaintext}}
	if change != nil {
		change(&d)
	}
	c, err := New(Config{Hello: "gate.old.example", Destination: d})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

func accepted(t testing.TB, outs []Outcome, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outs {
		if o.Kind != Accepted {
			t.Fatalf("%s, %s", o.Kind, o.Reply)
		}
	}
}

// randomBody is rich in what could go wrong: dots at line starts, line ends on
// the edges of chunks, 8-bit bytes; with bare CR and LF if bare.
func randomBody(r *rand.Rand, size int, bare bool) []byte {
	pieces := []string{".", "..", "\r\n", "\r\n.", "\r\n.\r\n", "a", "Grüße", "\x00", "a longer run of text", " "}
	if bare {
		pieces = append(pieces, "\r", "\n", "\n.\n", "\r.\r", "\r\r\n")
	}
	b := make([]byte, 0, size+32)
	for len(b) < size-2 {
		b = append(b, pieces[r.IntN(len(pieces))]...)
	}
	if b = b[:max(size-2, 0)]; !bare && bytes.HasSuffix(b, []byte("\r")) {
		b[len(b)-1] = 'x'
	}
	if size >= 2 {
		b = append(b, "\r\n"...)
	}
	return b
}

var bodySizes = []int{0, 2, 3, 5, 100, 4096, chunkSize - 1, chunkSize, chunkSize + 1, chunkSize + 2, bufferSize, 2*chunkSize - 1, 2 * chunkSize, 2*chunkSize + 1, 300_000}

func TestBytesArriveIdentical(t *testing.T) {
	for _, way := range []struct {
		name   string
		bare   bool
		ignore []string
	}{
		{"pipelined BDAT", true, nil},
		{"BDAT", true, []string{"PIPELINING"}},
		{"pipelined DATA", false, []string{"CHUNKING"}},
		{"DATA", false, []string{"CHUNKING", "PIPELINING"}},
	} {
		t.Run(way.name, func(t *testing.T) {
			p := startPeer(t, nil)
			c := clientFor(t, p.addr, func(d *Destination) { d.Ignore = way.ignore })
			r := rand.New(rand.NewPCG(1, uint64(len(way.name))))
			for _, size := range bodySizes {
				env := oneRecipient
				env.EightBit, env.BareNewline = true, way.bare
				body := newBody(string(randomBody(r, size, way.bare)))
				outs, err := c.Send(t.Context(), env, body)
				accepted(t, outs, err)
				got := p.got()
				if last := got[len(got)-1].body; !bytes.Equal(last, body.bytes) {
					t.Fatalf("size %d: %d bytes arrived changed", len(body.bytes), len(last))
				}
			}
			if len(p.got()) != len(bodySizes) || p.total != 1 {
				t.Errorf("%d messages on %d connections", len(p.got()), p.total)
			}
		})
	}
}

// A line in a body that looks like the end of it is the classic way to smuggle.
func TestNothingIsSmuggled(t *testing.T) {
	p := startPeer(t, nil)
	c := clientFor(t, p.addr, nil)
	strict := clientFor(t, p.addr, func(d *Destination) { d.Ignore = []string{"CHUNKING"} })
	inner := "MAIL FROM:<evil@x>\r\nRCPT TO:<victim@x>\r\nDATA\r\nforged\r\n.\r\n"
	for i, dot := range []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\n.\r\n"} {
		body := newBody("a" + dot + inner)
		env := oneRecipient
		env.BareNewline = dot != "\r\n.\r\n"
		outs, err := c.Send(t.Context(), env, body)
		accepted(t, outs, err)
		if got := p.got(); len(got) != i+1 || !bytes.Equal(got[i].body, body.bytes) {
			t.Fatalf("%q: %d messages", dot, len(got))
		}
		if dot == "\r\n.\r\n" {
			continue
		}
		env.BareNewline = false // a caller that did not look
		outs, err = strict.Send(t.Context(), env, body)
		var unfit *Unfit
		if !errors.As(err, &unfit) || unfit.Reason != BareNewline || outs[0].Kind != NotFit {
			t.Errorf("%q by DATA: %s, %v", dot, outs[0].Kind, err)
		}
	}
}

func TestPeerUnderstandsParameters(t *testing.T) {
	p := startPeer(t, nil)
	c := clientFor(t, p.addr, nil)
	env := Envelope{
		From: "jörg@old.example", EightBit: true, Ret: "HDRS", EnvID: "id+1=2 3",
		Recipients: []Recipient{
			{Address: "bob@new.example", Notify: []string{"FAILURE", "DELAY"}, ORcpt: "rfc822;b+b=b@old.example"},
			{Address: "nobody@new.example"},
			{Address: "jürgen@new.example", ORcpt: "utf-8;jürgen@old.example"},
			{Address: `"odd one"@new.example`, Notify: []string{"NEVER"}},
		},
	}
	outs, err := c.Send(t.Context(), env, newBody("Subject: x\r\n\r\nGrüße\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Kind{Accepted, RefusedPermanent, Accepted, Accepted} {
		if outs[i].Kind != want {
			t.Errorf("%s: %s, %s", env.Recipients[i].Address, outs[i].Kind, outs[i].Reply)
		}
	}
	m := p.got()[0]
	if m.from != env.From || !m.mail.UTF8 || m.mail.Body != smtp.Body8BitMIME || m.mail.Return != smtp.DSNReturnHeaders || m.mail.EnvelopeID != env.EnvID || m.mail.Size == 0 {
		t.Errorf("MAIL arrived as %+v", m.mail)
	}
	if r := m.rcpt[0]; len(r.Notify) != 2 || r.OriginalRecipient != "b+b=b@old.example" || r.OriginalRecipientType != smtp.DSNAddressTypeRFC822 {
		t.Errorf("first RCPT arrived as %+v", r)
	}
	if r := m.rcpt[1]; r.OriginalRecipient != "jürgen@old.example" || r.OriginalRecipientType != smtp.DSNAddressTypeUTF8 {
		t.Errorf("third RCPT arrived as %+v", r)
	}
}

func TestLMTPPeer(t *testing.T) {
	for _, ignore := range [][]string{nil, {"CHUNKING"}} {
		p := startPeer(t, func(s *smtp.Server) { s.LMTP = true })
		c := clientFor(t, p.addr, func(d *Destination) { d.Protocol, d.Ignore = LMTP, ignore })
		env := Envelope{Recipients: []Recipient{{Address: "a@new.example"}, {Address: "nobody@new.example"}, {Address: "b@new.example"}, {Address: "c@new.example"}}}
		for _, size := range []int{10, 200_000} {
			body := newBody(string(randomBody(rand.New(rand.NewPCG(1, 2)), size, false)))
			env.EightBit = true
			outs, err := c.Send(t.Context(), env, body)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range []Kind{Accepted, RefusedPermanent, RefusedTemporary, Accepted} {
				if outs[i].Kind != want {
					t.Errorf("ignore %v, size %d, %s: %s, %s", ignore, size, env.Recipients[i].Address, outs[i].Kind, outs[i].Reply)
				}
			}
			if got := p.got(); !bytes.Equal(got[len(got)-1].body, body.bytes) {
				t.Errorf("ignore %v, size %d: arrived changed", ignore, size)
			}
		}
		if p.total != 1 {
			t.Errorf("ignore %v: %d connections", ignore, p.total)
		}
	}
}

func TestLMTPOnASocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lmtp")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	p := servePeer(t, l, func(s *smtp.Server) { s.LMTP = true })
	c := clientFor(t, "unix:"+path, func(d *Destination) { d.Protocol = LMTP })
	for range 2 {
		outs, err := c.Send(t.Context(), oneRecipient, newBody(smallBody))
		accepted(t, outs, err)
	}
	if got := p.got(); len(got) != 2 || string(got[1].body) != smallBody || p.total != 1 {
		t.Errorf("%d messages on %d sessions", len(got), p.total)
	}
}

// With TLS 1.3 the server writes session tickets unasked; they must not make
// every idle connection look as if the server had spoken.
func TestTLSSessionsAreReused(t *testing.T) {
	pki := testPKI(t)
	pki.server.SessionTicketsDisabled = false
	p := startPeer(t, func(s *smtp.Server) { s.TLSConfig = pki.server })
	c := clientFor(t, p.addr, func(d *Destination) {
		d.TLS = TLS{ServerName: "mx.new.example", Roots: pki.roots}
	})
	for range 5 {
		outs, err := c.Send(t.Context(), oneRecipient, newBody(smallBody))
		accepted(t, outs, err)
	}
	found, err := c.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found.TLS == nil || found.TLS.Version != tls.VersionTLS13 || found.Greeting.Code != 220 {
		t.Errorf("probe found %+v", found)
	}
	if _, ok := found.Extensions["CHUNKING"]; !ok {
		t.Errorf("extensions %v", found.Extensions)
	}
	// A STARTTLS session counts twice with this server.
	if got := len(p.got()); got != 5 || p.total != 4 {
		t.Errorf("%d messages on %d sessions", got, p.total)
	}
}

func TestManyAtOnce(t *testing.T) {
	p := startPeer(t, nil)
	c := clientFor(t, p.addr, func(d *Destination) { d.MaxConnections, d.MaxMessages = 3, 7 })
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			for j := range 10 {
				body := newBody(fmt.Sprintf("Subject: %d.%d\r\n\r\n", i, j))
				outs, err := c.Send(t.Context(), oneRecipient, body)
				if err != nil || outs[0].Kind != Accepted {
					t.Errorf("%d.%d: %s, %v", i, j, outs[0].Kind, err)
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, m := range p.got() {
		seen[string(m.body)] = true
	}
	if len(p.got()) != 200 || len(seen) != 200 {
		t.Errorf("%d messages, %d different", len(p.got()), len(seen))
	}
	// One more session may be saying goodbye per session in use.
	if p.most > 6 {
		t.Errorf("%d connections at once", p.most)
	}
}
