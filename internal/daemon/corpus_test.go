package daemon_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
	"posthouse/internal/testserver/corpus"
	"posthouse/test/neighbour"
)

// malformed are messages that no writer of mail should make, and some do.
var malformed = []string{
	"From: a@x.example\r\n\r\nbare\nLF\r\n", "From: a@x.example\r\n\r\nbare\rCR\r\n", "From: a@x.example\r\n\r\nends with CR\r", "From: a@x.example\r\n\r\nends with LF\n",
	"From: a@x.example\n\nLF alone\n", "From: a@x.example\r\n\r\nCR CR LF\r\r\n", "From: a@x.example\r\n\r\nLF CR\n\r", "From: a@x.example\r\n\r\nno end of line",
	"From: a@x.example\r\n\r\nNUL \x00 and \x1a\r\n", "From: a@x.example\r\n\r\n\xff\xfe\x80 no charset\r\n", "From: a@x.example\r\nSubject: gr\xfc\xdfe\r\n\r\nraw header\r\n",
	"no header at all\r\n", "\r\nno header, a body\r\n", ": no name\r\n\r\nx\r\n", "From: a@x.example\r\n folded\r\n\t\r\n \r\n\r\nx\r\n", "From: a@x.example\r\n\r\n.\r\n..\r\n.leading\r\n...\r\n",
	"From: a@x.example\r\n\r\n\r\n\r\n.\r\n\r\n", "X: " + strings.Repeat("long ", 3000) + "\r\n\r\nx\r\n", "From: a@x.example\r\n\r\n" + strings.Repeat("x", 100_000) + "\r\n", "\r\n", "a", ".", ".\r\n",
	"X-Posthouse-Trace: forged.0000\r\nFrom: a@x.example\r\n\r\nnot ours\r\n", "From: a@x.example\r\n\r\n" + strings.Repeat(".\r\n", 40_000),
	"From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nnever closed", strings.Repeat("Received: from a by b; Mon, 23 Nov 2026 10:00:00 +0000\r\n", 20) + "\r\nfar travelled\r\n",
}

// letters are the corpus and what is malformed, each once.
func letters() (all [][]byte) {
	g := corpus.New(214)
	g.MaxSize = 300 << 10
	seen := map[[32]byte]bool{}
	for len(all) < 230 {
		m := g.Next().Bytes
		if sum := sha256.Sum256(m); !seen[sum] {
			seen[sum] = true
			all = append(all, m)
		}
	}
	for _, text := range malformed {
		all = append(all, []byte(text))
	}
	return all
}

// fitForData reports whether DATA can carry a message as it is: lines that end with CRLF, and nothing else of either.
func fitForData(m []byte) bool {
	rest := bytes.ReplaceAll(m, []byte("\r\n"), nil)
	return bytes.HasSuffix(m, []byte("\r\n")) && !bytes.ContainsAny(rest, "\r\n")
}

// asSent is a message without what was prepended to it: all up to our trace, with that.
func asSent(t *testing.T, m []byte) string {
	t.Helper()
	_, rest, ours := bytes.Cut(m, []byte("\r\nX-Posthouse-Trace: "))
	_, rest, whole := bytes.Cut(rest, []byte("\r\n"))
	if !ours || !whole {
		t.Errorf("without our trace: %.200q", m)
	}
	return string(rest)
}

// TestCorpusByEitherVerb: whatever is in a message, it lies at the far end octet by octet: by BDAT; by DATA, or in the mailbox where DATA cannot carry it; or it is held, and whole.
func TestCorpusByEitherVerb(t *testing.T) {
	for _, c := range []struct {
		name   string
		mx     testserver.SMTPConfig
		relay  string
		fit    func([]byte) bool // leaves by SMTP
		rescue bool
	}{
		{name: "BDAT", fit: func([]byte) bool { return true }},
		{name: "DATA, else the mailbox path", mx: without("CHUNKING", "BINARYMIME"), fit: fitForData, rescue: true},
		{name: "DATA, else held", mx: without("CHUNKING", "BINARYMIME"), relay: "rescue = false", fit: fitForData},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			all := letters()
			var bySMTP, otherwise []string
			for _, m := range all {
				if c.fit(m) {
					bySMTP = append(bySMTP, string(m))
				} else {
					otherwise = append(otherwise, string(m))
				}
			}
			c.mx.Deliver = func(*testserver.Envelope) error { return nil } // what the far end got is in its record
			b := newBed(t, layout{mx: c.mx, relay: c.relay})
			b.startBeside(t)
			for i, m := range all {
				r, err := testserver.Sender{BDAT: true, Chunk: 1 + i*997%40_000}.Send(t.Context(), b.listener(), "x@sender.example", []string{"anna@example.com"}, m)
				if err != nil || !r.Final.OK() {
					t.Fatalf("%.60q: %+v, %v", m, r, err)
				}
			}
			b.until("all to leave", func(s control.Status) bool {
				return s.Queue.Due+s.Queue.Sending+s.Queue.InDoubt == 0 && b.mx.Accepted() >= len(bySMTP) && (c.rescue || s.Queue.Held == len(otherwise))
			})
			var got, put []string
			for _, e := range b.mx.Received() {
				got = append(got, asSent(t, e.Data))
			}
			sameLetters(t, "by SMTP", got, bySMTP)
			switch {
			case c.rescue:
				sameLetters(t, "in the mailbox", b.inboxOf(t, "anna@example.com"), otherwise)
			default:
				for _, q := range b.queued(control.QueueFilter{States: []string{"held"}}) {
					put = append(put, asSent(t, b.export(q.Waiting.Capture)))
				}
				sameLetters(t, "held", put, otherwise)
			}
			if n := b.mx.Violations(); n != 0 {
				t.Errorf("%d breaches of the protocol", n)
			}
		})
	}
}

// startBeside starts the daemon of a test that runs beside others: not all goroutines end with it.
func (b *bed) startBeside(t *testing.T) {
	t.Helper()
	b.daemon = b.new()
	must(t, b.daemon.Start(t.Context()))
	t.Cleanup(func() { _ = b.daemon.Stop(context.Background()) })
}

func (b *bed) inboxOf(t *testing.T, user string) (all []string) {
	t.Helper()
	folders, err := b.cloud.Dump(user)
	must(t, err)
	for _, f := range folders {
		for _, m := range f.Messages {
			data, err := b.cloud.Bytes(user, f.Path, m.UID)
			must(t, err)
			all = append(all, asSent(t, data))
		}
	}
	return all
}

// sameLetters compares bags of messages.
func sameLetters(t *testing.T, where string, got, want []string) {
	t.Helper()
	bag := map[string]int{}
	for _, m := range want {
		bag[m]++
	}
	for _, m := range got {
		bag[m]--
	}
	for m, n := range bag {
		if n != 0 {
			t.Errorf("%s: %d too few of %s", where, n, fmt.Sprintf("%.80q (%d octets)", m, len(m)))
		}
	}
}

// TestSignaturesSurvive: what others' implementations say of the DKIM signature of a message, simple canonicalization in header and body, they say of it behind us, by either verb and with the sender rewritten.
func TestSignaturesSurvive(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	must(t, err)
	dns := zone{"d._domainkey.sender.example": "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)}
	var all [][]byte
	g := corpus.New(376)
	g.Large = 0
	for len(all) < 40 {
		m := g.Next()
		if i := bytes.Index(m.Bytes, []byte("\r\n\r\n")); i < 0 || bytes.Count(bytes.ToLower(m.Bytes[:i]), []byte("\nfrom:")) > 1 {
			continue
		}
		var b bytes.Buffer
		if err := dkim.Sign(&b, bytes.NewReader(m.Bytes), &dkim.SignOptions{Domain: "sender.example", Selector: "d", Signer: key, HeaderKeys: []string{"From", "To", "Subject"}}); err == nil && fitForData(b.Bytes()) {
			all = append(all, b.Bytes())
		}
	}
	behind := map[string]string{}
	for verb, mx := range map[string]testserver.SMTPConfig{"BDAT": {}, "DATA": without("CHUNKING", "BINARYMIME")} {
		b := newBed(t, layout{mx: mx, to: "to = [\"home:smtp\"]\nsrs = true", rest: "[relay.srs]\ndomain = \"srs.example\"\nsecret = \"file:srs\""})
		must(t, os.WriteFile(filepath.Join(b.dir, "srs"), []byte("secret\n"), 0o600))
		b.start()
		for i, m := range all {
			behind[fmt.Sprint(verb, " ", i)] = b.relayed(b.mx, "x@sender.example", m)
		}
		if from := b.mx.Received()[0].From; !strings.HasPrefix(from, "SRS0=") {
			t.Errorf("sender %q", from)
		}
		b.stop()
	}
	before := map[string]string{}
	for i, m := range all {
		before[fmt.Sprint(i)] = string(m)
	}
	for name, peer := range map[string]func(testing.TB, map[string]string) *neighbour.Signatures{"python3-dkim": neighbour.DKIMPy, "libmail-dkim-perl": neighbour.MailDKIM} {
		t.Run(name, func(t *testing.T) {
			p := peer(t, dns)
			sent, got := p.Verify(before), p.Verify(behind)
			passed := 0
			for i := range all {
				was := sent[fmt.Sprint(i)].DKIM
				if was == "pass" {
					passed++
				}
				for _, verb := range []string{"BDAT", "DATA"} {
					if is := got[fmt.Sprint(verb, " ", i)]; is.DKIM != was {
						t.Errorf("message %d by %s: %+v, and was %s", i, verb, is, was)
					}
				}
			}
			if passed < len(all)*9/10 {
				t.Errorf("only %d of %d verified before", passed, len(all))
			}
		})
	}
}
