package arc_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"posthouse/relay/arc"
)

var now = time.Unix(1795780800, 0)

// zone are TXT records.
type zone map[string]string

var errNone = errors.New("no such name")

func (z zone) lookup(_ context.Context, name string) ([]string, error) {
	if text, ok := z[name]; ok {
		return []string{text}, nil
	}
	return nil, errNone
}

// keys are made once: RSA takes a while.
var keys = sync.OnceValue(func() map[string]crypto.Signer {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	_, e, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return map[string]crypto.Signer{"rsa": r, "ed25519": e}
})

func published(kind string) string {
	var octets []byte
	switch key := keys()[kind].Public().(type) {
	case *rsa.PublicKey:
		octets, _ = x509.MarshalPKIXPublicKey(key)
	case ed25519.PublicKey:
		octets = key
	}
	return fmt.Sprintf("v=DKIM1; k=%s; p=%s", kind, base64.StdEncoding.EncodeToString(octets))
}

func dns() zone {
	return zone{
		"r._domainkey.one.example": published("rsa"), "r._domainkey.two.example": published("rsa"), "r._domainkey.three.example": published("rsa"),
		"e._domainkey.one.example": published("ed25519"), "e._domainkey.two.example": published("ed25519"), "r._domainkey.sender.example": published("rsa"),
	}
}

// sealer seals for a domain with a key of a kind.
func sealer(t testing.TB, domain, kind string) *arc.Sealer {
	t.Helper()
	s, err := arc.New(arc.Config{Domain: domain, Selector: kind[:1], Key: keys()[kind], AuthServID: "mx." + domain, Lookup: dns().lookup})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// seal puts one set before a message.
func seal(t testing.TB, s *arc.Sealer, message string) string {
	t.Helper()
	set, err := s.Seal(t.Context(), strings.NewReader(message), "spf=pass smtp.mailfrom=sender.example;\r\n\tdkim=none", now)
	if err != nil {
		t.Fatalf("Seal: %v of %q", err, message[:min(len(message), 300)])
	}
	checkForm(t, string(set))
	return string(set) + message
}

// checkForm: three fields, lines not too long, ASCII alone.
func checkForm(t testing.TB, set string) {
	t.Helper()
	for line := range strings.Lines(set) {
		if len(line) > 100 || !strings.HasSuffix(line, "\r\n") || line == "\r\n" {
			t.Errorf("line %q", line)
		}
	}
	if strings.Count(set, "\r\nARC-") != 2 || !strings.HasPrefix(set, "ARC-Seal: i=") || strings.ContainsFunc(set, func(r rune) bool { return r > '~' }) {
		t.Errorf("set\n%s", set)
	}
}

func validate(t testing.TB, message string) arc.Chain {
	t.Helper()
	c, err := arc.Validate(t.Context(), strings.NewReader(message), dns().lookup)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const plain = "From: Alice <alice@sender.example>\r\nTo: bob@one.example\r\nSubject: hello\r\nDate: Fri, 27 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@sender.example>\r\n\r\nHello Bob.\r\n"

// odd are messages in which canonicalization matters, by what is odd about them.
func odd() map[string]string {
	header := func(more string) string {
		return "From: Alice <alice@sender.example>\r\nTo: bob@one.example\r\nDate: Fri, 27 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@sender.example>\r\n" + more + "\r\n"
	}
	return map[string]string{
		"plain":                  plain,
		"no line end at the end": header("Subject: x\r\n") + "first\r\nlast",
		"empty body":             header("Subject: x\r\n"),
		"empty lines alone":      header("Subject: x\r\n") + "\r\n\r\n\r\n",
		"empty lines at the end": header("Subject: x\r\n") + "text\r\n\r\n\r\n",
		"blanks at line ends":    header("Subject: x\r\n") + "text \t \r\n \t\r\n  two   words\t\tthree\r\n \r\n",
		"8-bit body":             header("Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n") + "Grüße \xe4\xf6\xfc \xff\xfe\r\n",
		"8-bit header":           header("Subject: Grüße aus Köln\r\n") + "text\r\n",
		"long lines":             header("Subject: "+strings.Repeat("long ", 180)+"\r\n") + strings.Repeat("x", 5000) + "\r\n" + strings.Repeat("word ", 900) + "\r\n",
		"folded header":          header("Subject: one\r\n two\r\n\tthree   four \t\r\n five\r\nReferences: <a@x>\r\n <b@x>\r\n\t<c@x>\r\n") + "text\r\n",
		"odd spacing":            header("SUBJECT:no blank\r\nReply-To:    many   \t blanks  \r\nMIME-Version: 1.0\r\ncOnTeNt-TyPe:text/plain;charset=utf-8\r\n") + "text\r\n",
		"empty fields":           header("Subject:\r\nReply-To: \r\nCc:\t\r\n") + "text\r\n",
		"repeated fields":        header("Subject: one\r\nSubject: two\r\nReceived: from a by b\r\nReceived: from c by d\r\nTo: carol@one.example\r\n") + "text\r\n",
		"dots":                   header("Subject: x\r\n") + ".\r\n..\r\n.text\r\n",
		"large":                  header("Subject: x\r\n") + strings.Repeat("The quick brown  fox jumps over the lazy dog. \r\n", 20000),
		"no subject":             header("") + "text\r\n",
		"other's signature":      header("Subject: x\r\nDKIM-Signature: v=1; a=rsa-sha256; d=sender.example; s=gone; h=from;\r\n bh=AAAA; b=BBBB\r\nAuthentication-Results: mx.one.example; spf=fail\r\n") + "text\r\n",
		"multipart":              header("Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=\"=_x; y\"\r\n") + "--=_x; y\r\nContent-Type: text/plain\r\n\r\nhello\r\n\r\n--=_x; y--\r\n\r\n",
	}
}

func eachOdd(t *testing.T, f func(t *testing.T, message string)) {
	for _, name := range slices.Sorted(maps.Keys(odd())) {
		t.Run(name, func(t *testing.T) { f(t, odd()[name]) })
	}
}

// Three hosts seal one after another, with both kinds of keys; each finds the chain whole.
func TestChain(t *testing.T) {
	eachOdd(t, func(t *testing.T, message string) {
		if c := validate(t, message); c.State != arc.None || c.Sets != 0 {
			t.Fatalf("before: %+v", c)
		}
		at := message
		for i, hop := range []struct{ domain, kind string }{{"one.example", "rsa"}, {"two.example", "ed25519"}, {"three.example", "rsa"}} {
			at = seal(t, sealer(t, hop.domain, hop.kind), fmt.Sprintf("Received: by hop %d\r\n%s", i, at))
			if c := validate(t, at); c.State != arc.Pass || c.Sets != i+1 {
				t.Fatalf("after set %d: %+v", i+1, c)
			}
		}
		if !strings.HasSuffix(at, message) {
			t.Error("the message was changed")
		}
		if n := strings.Count(at, "arc=pass"); n != 2 {
			t.Errorf("%d results say that the chain was whole", n)
		}
	})
}

func TestChangesAreFound(t *testing.T) {
	one := seal(t, sealer(t, "one.example", "rsa"), plain)
	two := seal(t, sealer(t, "two.example", "ed25519"), one)
	for what, message := range map[string]string{
		"body":                  strings.Replace(two, "Hello Bob", "Hello Eve", 1),
		"subject":               strings.Replace(two, "Subject: hello", "Subject: other", 1),
		"added field":           strings.Replace(two, "Subject: hello", "Subject: hello\r\nTo: eve@one.example", 1),
		"results of the first":  replaceLast(two, "spf=pass", "spf=fail"),
		"results of the newest": strings.Replace(two, "spf=pass", "spf=fail", 1),
		"domain":                strings.Replace(two, "d=two.example; s=e; t=", "d=three.example; s=e; t=", 1),
		"verdict":               strings.Replace(two, "cv=pass", "cv=none", 1),
		"set taken out":         two[:len(two)-len(one)] + plain,
		"seal taken out":        two[strings.Index(two, "ARC-Message"):],
		"results twice":         "ARC-Authentication-Results: i=2; x; spf=pass\r\n" + two,
		"instance zero":         "ARC-Authentication-Results: i=0; x; spf=pass\r\n" + two,
		"no instance":           "ARC-Seal: a=b\r\n" + two,
		"no tags":               "ARC-Seal: nonsense\r\n" + two,
		"h in the seal":         strings.Replace(two, "cv=pass;", "cv=pass; h=from;", 1),
		"unknown form":          strings.Replace(two, "c=relaxed/relaxed", "c=strict/relaxed", 1),
		"unknown algorithm":     strings.Replace(two, "a=ed25519-sha256", "a=rsa-sha1", 1),
		"no key":                strings.Replace(two, "s=e", "s=gone", 1),
		"key of another kind":   strings.Replace(two, "a=ed25519-sha256", "a=rsa-sha256", 1),
	} {
		if message == two {
			t.Errorf("%s: nothing was changed", what)
		}
		if c := validate(t, message); c.State != arc.Fail || c.Reason == "" {
			t.Errorf("%s: %+v", what, c)
		}
	}
	if c := validate(t, "X-Hop: added\r\nReceived: by somebody\r\n"+two); c.State != arc.Pass {
		t.Errorf("fields that hops add: %+v", c)
	}
}

func replaceLast(text, old, with string) string {
	at := strings.LastIndex(text, old)
	return text[:at] + with + text[at+len(old):]
}

// A chain that does not hold gets one set that says so, sealed alone; after it there is none.
func TestFailedChain(t *testing.T) {
	broken := strings.Replace(seal(t, sealer(t, "one.example", "rsa"), plain), "Hello Bob", "Hello Eve", 1)
	failed := seal(t, sealer(t, "two.example", "rsa"), broken)
	if !strings.Contains(failed, "ARC-Seal: i=2; a=rsa-sha256; cv=fail;") || !strings.Contains(failed, "arc=fail") {
		t.Errorf("the set is\n%s", failed[:len(failed)-len(broken)])
	}
	if c := validate(t, failed); c.State != arc.Fail || c.Sets != 2 {
		t.Errorf("%+v", c)
	}
	for what, message := range map[string]string{"ended": failed, "ended, and broken": strings.Replace(failed, "ARC-Seal: i=1;", "X-Gone: i=1;", 1)} {
		if set, err := sealer(t, "three.example", "rsa").Seal(t.Context(), strings.NewReader(message), "", now); !errors.Is(err, arc.ErrEnded) {
			t.Errorf("%s: sealed again: %s, %v", what, set, err)
		}
	}
}

func TestFiftySets(t *testing.T) {
	message, s := plain, sealer(t, "one.example", "ed25519")
	for range 50 {
		message = seal(t, s, message)
	}
	if c := validate(t, message); c.State != arc.Pass || c.Sets != 50 {
		t.Errorf("%+v", c)
	}
	if _, err := s.Seal(t.Context(), strings.NewReader(message), "", now); !errors.Is(err, arc.ErrEnded) {
		t.Errorf("the 51st: %v", err)
	}
	if c := validate(t, strings.ReplaceAll(message, "i=50;", "i=51;")); c.State != arc.Fail {
		t.Errorf("an instance of 51: %+v", c)
	}
}

// What cannot be read in one way only, or not now, is not sealed.
func TestNotSealed(t *testing.T) {
	sealedOnce := seal(t, sealer(t, "one.example", "rsa"), plain)
	later := func(context.Context, string) ([]string, error) {
		return nil, fmt.Errorf("timeout: %w", arc.ErrTemporary)
	}
	for _, c := range []struct {
		what, message string
		lookup        arc.Lookup
		want          error
	}{
		{"no field", "From: a@b.example\r\nthis is no field\r\n\r\ntext\r\n", dns().lookup, arc.ErrHeader},
		{"fold first", " folded\r\nFrom: a@b.example\r\n\r\ntext\r\n", dns().lookup, arc.ErrHeader},
		{"bare LF", "From: a@b.example\nTo: b@b.example\r\n\r\ntext\r\n", dns().lookup, arc.ErrHeader},
		{"cut header", "From: a@b.example\r\nTo: b", dns().lookup, arc.ErrHeader},
		{"odd name", "From: a@b.example\r\nodd name: b\r\n\r\n", dns().lookup, arc.ErrHeader},
		{"many fields", "From: a@b.example\r\n" + strings.Repeat("X: y\r\n", 1000) + "\r\n", dns().lookup, arc.ErrHeader},
		{"huge header", "From: a@b.example\r\n" + "X: " + strings.Repeat("long text ", 30000) + "\r\n" + "\r\n", dns().lookup, arc.ErrHeader},
		{"no answer now", sealedOnce, later, arc.ErrTemporary},
	} {
		s, err := arc.New(arc.Config{Domain: "two.example", Selector: "r", Key: keys()["rsa"], AuthServID: "mx.two.example", Lookup: c.lookup})
		if err != nil {
			t.Fatal(err)
		}
		if set, err := s.Seal(t.Context(), strings.NewReader(c.message), "", now); !errors.Is(err, c.want) || set != nil {
			t.Errorf("%s: %s, %v", c.what, set, err)
		}
	}
}

// However a reader cuts the octets, the signature is the same.
func TestPiecesDoNotMatter(t *testing.T) {
	s := sealer(t, "one.example", "ed25519")
	eachOdd(t, func(t *testing.T, message string) {
		if len(message) > 100000 {
			return // it takes long octet by octet, and is the same again
		}
		whole, err := s.Seal(t.Context(), strings.NewReader(message), "", now)
		if err != nil {
			t.Fatal(err)
		}
		pieces, err := s.Seal(t.Context(), iotest.OneByteReader(strings.NewReader(message)), "", now)
		if err != nil || !bytes.Equal(whole, pieces) {
			t.Errorf("in pieces\n%s\nwhole\n%s\n%v", pieces, whole, err)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	good := arc.Config{Domain: "one.example", Selector: "r", Key: keys()["rsa"], AuthServID: "mx.one.example"}
	for what, spoil := range map[string]func(*arc.Config){
		"domain": func(c *arc.Config) { c.Domain = "" }, "selector": func(c *arc.Config) { c.Selector = "a;b" }, "host": func(c *arc.Config) { c.AuthServID = "a\r\nb" },
		"no key": func(c *arc.Config) { c.Key = nil },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := arc.New(cfg); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}

func FuzzSeal(f *testing.F) {
	for _, m := range odd() {
		if len(m) < 10000 {
			f.Add(m)
		}
	}
	f.Add("ARC-Seal: i=1; cv=none\r\nFrom: x\r\n\r\n")
	f.Add(seal(f, sealer(f, "one.example", "ed25519"), plain))
	s := sealer(f, "one.example", "ed25519")
	f.Fuzz(func(t *testing.T, message string) {
		set, err := s.Seal(t.Context(), strings.NewReader(message), "", now)
		if err != nil {
			return
		}
		checkForm(t, string(set))
		c, err := arc.Validate(t.Context(), strings.NewReader(string(set)+message), dns().lookup)
		if err != nil || c.State != arc.Pass && !strings.Contains(string(set), "cv=fail") {
			t.Fatalf("sealed, and then %+v, %v", c, err)
		}
	})
}
