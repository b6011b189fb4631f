package srs_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/relay/srs"
)

const day = 24 * time.Hour

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func rewriter(t testing.TB, cfg srs.Config) *srs.Rewriter {
	t.Helper()
	if cfg.Domain == "" {
		cfg.Domain = "srs.example.com"
	}
	if cfg.Secrets == nil {
		cfg.Secrets = []string{"tops3cr3t"}
	}
	r, err := srs.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func forward(t testing.TB, r *srs.Rewriter, sender cutover.Address) cutover.Address {
	t.Helper()
	made, err := r.Forward(sender, now)
	if err != nil {
		t.Fatalf("Forward(%q): %v", sender, err)
	}
	return made
}

func TestForward(t *testing.T) {
	r := rewriter(t, srs.Config{})
	for _, c := range []struct{ sender, prefix, suffix, back string }{
		{"alice@partner.example", "SRS0=", "=JQ=partner.example=alice@srs.example.com", ""},
		{"a=b+c-d@partner.example", "SRS0=", "=JQ=partner.example=a=b+c-d@srs.example.com", ""},
		{`"john doe"@partner.example`, `"SRS0=`, `=JQ=partner.example=john doe"@srs.example.com`, ""},
		{`"john\\\"@doe"@partner.example`, `"SRS0=`, `=JQ=partner.example=john\\\"@doe"@srs.example.com`, ""},
		{`"john"@partner.example`, "SRS0=", "=JQ=partner.example=john@srs.example.com", "john@partner.example"},
		{"a..b@partner.example", `"SRS0=`, `=JQ=partner.example=a..b"@srs.example.com`, `"a..b"@partner.example`},
		{"grüße@bücher.example", "SRS0=", "=JQ=bücher.example=grüße@srs.example.com", ""},
		{"x@[192.0.2.1]", `"SRS0=`, `=JQ=[192.0.2.1]=x"@srs.example.com`, ""},
		{"SRS0=abcd=TT=origin.example=bob@other.example", "SRS1=", "=other.example==abcd=TT=origin.example=bob@srs.example.com", ""},
		{"SRS0+abcd=TT=origin.example=bob@other.example", "SRS1=", "=other.example=+abcd=TT=origin.example=bob@srs.example.com", ""},
		{"srs0-abcd=TT=origin.example=bob@other.example", "SRS1=", "=other.example=-abcd=TT=origin.example=bob@srs.example.com", "SRS0-abcd=TT=origin.example=bob@other.example"},
		// The third forwarder still returns to the first, not to the second.
		{"SRS1=efgh=first.example==abcd=TT=origin.example=bob@second.example", "SRS1=", "=first.example==abcd=TT=origin.example=bob@srs.example.com", "SRS0=abcd=TT=origin.example=bob@first.example"},
		// What only looks like SRS1 is anybody's address.
		{"SRS1=nothing@other.example", "SRS0=", "=JQ=other.example=SRS1=nothing@srs.example.com", ""},
		{"SRS0@other.example", "SRS0=", "=JQ=other.example=SRS0@srs.example.com", ""},
	} {
		made := forward(t, r, cutover.Address(c.sender))
		if !strings.HasPrefix(string(made), c.prefix) || !strings.HasSuffix(string(made), c.suffix) || len(made) != len(c.prefix)+4+len(c.suffix) {
			t.Errorf("Forward(%s) = %s, want %s????%s", c.sender, made, c.prefix, c.suffix)
		}
		if again, err := cutover.ParseAddress(string(made)); err != nil || again != made || !r.Owns(made) {
			t.Errorf("Forward(%s) = %s is no address of ours: %v", c.sender, made, err)
		}
		want := c.back
		if want == "" {
			want = c.sender
		}
		if back, err := r.Reverse(made, now); err != nil || string(back) != want {
			t.Errorf("Reverse(%s) = %s, %v; want %s", made, back, err, want)
		}
	}
}

func TestForwardRefusesWhatWouldNotComeBack(t *testing.T) {
	r := rewriter(t, srs.Config{})
	for _, sender := range []cutover.Address{
		"", "alice", `""@partner.example`, "alice@part=ner.example", "SRS0=abcd=TT=origin.example=bob@oth=er.example",
		"SRS1=abcd=not a domain==abcd=TT=origin.example=bob@other.example", "SRS1=efgh=srs.example.com==abcd=TT=origin.example=bob@second.example",
		cutover.Address(strings.Repeat("x", 220) + "@partner.example"),
	} {
		if made, err := r.Forward(sender, now); !errors.Is(err, srs.ErrUnfit) {
			t.Errorf("Forward(%q) = %q, %v", sender, made, err)
		}
	}
	if made, err := r.Forward("anybody@srs.example.com", now); err != nil || made != "anybody@srs.example.com" {
		t.Errorf("an address of the SRS domain became %s, %v", made, err)
	}
}

func TestReverseRefuses(t *testing.T) {
	r := rewriter(t, srs.Config{})
	made := string(forward(t, r, "alice@partner.example"))
	twice := string(forward(t, r, "SRS0=abcd=TT=origin.example=bob@other.example"))
	for _, c := range []struct {
		address string
		want    error
	}{
		{"alice@srs.example.com", srs.ErrNotSRS},
		{"SRS2=abcd=TT=a.example=b@srs.example.com", srs.ErrNotSRS},
		{strings.Replace(made, "srs.example.com", "srs.example.net", 1), srs.ErrNotSRS},
		{"SRS0=@srs.example.com", srs.ErrSyntax},
		{"SRS0=abcd=TT=a.example@srs.example.com", srs.ErrSyntax},
		{"SRS1=abcd=a.example@srs.example.com", srs.ErrSyntax},
		{"SRS1=abcd=a.example=xyz@srs.example.com", srs.ErrSyntax},
		{strings.Replace(made, "alice", "carol", 1), srs.ErrHash},
		{strings.Replace(made, "partner", "victim", 1), srs.ErrHash},
		{strings.Replace(made, "=JQ=", "=JR=", 1), srs.ErrHash},
		{made[:5] + made[6:], srs.ErrHash}, // a hash of three letters
		{made[:5] + made[9:], srs.ErrHash}, // none
		{"SRS0=abcd" + made[9:], srs.ErrHash},
		{strings.Replace(twice, "bob", "eve", 1), srs.ErrHash},
		{strings.Replace(twice, "other.example", "victim.example", 1), srs.ErrHash},
	} {
		if back, err := r.Reverse(cutover.Address(c.address), now); !errors.Is(err, c.want) {
			t.Errorf("Reverse(%s) = %s, %v; want %v", c.address, back, err, c.want)
		}
	}
}

// Hosts change the case of local parts, in both directions.
func TestReverseInAnyCase(t *testing.T) {
	r := rewriter(t, srs.Config{HashLength: 12})
	for _, sender := range []cutover.Address{"alice@partner.example", "SRS0=AbCd=TT=origin.example=bob@other.example"} {
		made := string(forward(t, r, sender))
		for _, changed := range []string{strings.ToLower(made), strings.ToUpper(made[:len(made)-15]) + made[len(made)-15:]} {
			back, err := r.Reverse(cutover.Address(changed), now)
			if err != nil || !strings.EqualFold(string(back), string(sender)) {
				t.Errorf("Reverse(%s) = %s, %v", changed, back, err)
			}
		}
	}
}

func TestAge(t *testing.T) {
	r := rewriter(t, srs.Config{})
	made := forward(t, r, "alice@partner.example")
	for _, c := range []struct {
		days int
		want error
	}{{0, nil}, {21, nil}, {22, srs.ErrExpired}, {500, srs.ErrExpired}, {1023, srs.ErrExpired}, {-1, srs.ErrExpired}} {
		if _, err := r.Reverse(made, now.Add(time.Duration(c.days)*day)); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("after %d days: %v, want %v", c.days, err, c.want)
		}
	}
	if _, err := rewriter(t, srs.Config{MaxAge: 30 * day}).Reverse(made, now.Add(30*day)); err != nil {
		t.Error(err)
	}
}

func TestSecrets(t *testing.T) {
	before, after := rewriter(t, srs.Config{Secrets: []string{"old"}}), rewriter(t, srs.Config{Secrets: []string{"new", "old"}})
	made := forward(t, before, "alice@partner.example")
	if _, err := after.Reverse(made, now); err != nil {
		t.Errorf("a secret that was replaced: %v", err)
	}
	made = forward(t, after, "alice@partner.example")
	if _, err := before.Reverse(made, now); !errors.Is(err, srs.ErrHash) {
		t.Errorf("the second secret signed: %v", err)
	}
}

func TestSeparator(t *testing.T) {
	for _, sep := range "=-+" {
		r := rewriter(t, srs.Config{Separator: byte(sep)})
		made := forward(t, r, "alice@partner.example")
		if made[4] != byte(sep) {
			t.Errorf("%c made %s", sep, made)
		}
		if back, err := rewriter(t, srs.Config{}).Reverse(made, now); err != nil || back != "alice@partner.example" {
			t.Errorf("Reverse(%s) = %s, %v", made, back, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := srs.Config{Domain: "srs.example.com", Secrets: []string{"s"}}
	for what, spoil := range map[string]func(*srs.Config){
		"no domain": func(c *srs.Config) { c.Domain = "" }, "a domain that is none": func(c *srs.Config) { c.Domain = "a b" },
		"no secret": func(c *srs.Config) { c.Secrets = nil }, "an empty secret": func(c *srs.Config) { c.Secrets = []string{"a", ""} },
		"separator": func(c *srs.Config) { c.Separator = '.' }, "short hash": func(c *srs.Config) { c.HashLength = 3 }, "long hash": func(c *srs.Config) { c.HashLength = 28 },
		"hours": func(c *srs.Config) { c.MaxAge = time.Hour }, "years": func(c *srs.Config) { c.MaxAge = 2000 * day },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := srs.New(cfg); err == nil {
			t.Errorf("%s: taken", what)
		} else if strings.Contains(err.Error(), "secret\"") {
			t.Errorf("%s: %v tells a secret", what, err)
		}
	}
}

// Whatever the sender: the mailbox comes back through one forwarder and through three, or Forward refuses.
func TestThereAndBack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []rune(`abcXYZ019=+-_.SRS01 "\@<>()ü漢!#$%&'*/?^{|}~` + "`")
	var chain []*srs.Rewriter
	for i, domain := range []string{"one.example", "two.example", "three.example"} {
		chain = append(chain, rewriter(t, srs.Config{Domain: domain, Separator: "=+-"[i], HashLength: 4 + i}))
	}
	gone := 0
	for range 20000 {
		local := make([]rune, 1+random.IntN(20))
		for i := range local {
			local[i] = alphabet[random.IntN(len(alphabet))]
		}
		sender, err := cutover.ParseAddress(string(local) + "@Partner.example")
		if err != nil {
			text := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(local))
			if sender, err = cutover.ParseAddress(`"` + text + `"@partner.example`); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
		there(t, chain, sender)
		gone++
	}
	if gone == 0 {
		t.Error("nothing was tried")
	}
}

// there sends an address through every forwarder and its bounce back: from the last to the first, which knows the sender.
func there(t *testing.T, chain []*srs.Rewriter, sender cutover.Address) {
	t.Helper()
	at := sender
	for i, r := range chain {
		next, err := r.Forward(at, now)
		if err != nil {
			t.Fatalf("Forward(%q): %v", at, err)
		}
		if _, err := cutover.ParseAddress(string(next)); err != nil {
			t.Fatalf("Forward(%q) = %q: %v", at, next, err)
		}
		if i > 0 && !strings.Contains(strings.ToUpper(string(next)), "SRS1") {
			t.Fatalf("Forward(%q) = %q", at, next)
		}
		at = next
	}
	for _, r := range []*srs.Rewriter{chain[len(chain)-1], chain[0]} {
		back, err := r.Reverse(at, now)
		if err != nil {
			t.Fatalf("Reverse(%q) of %q: %v", at, sender, err)
		}
		at = back
	}
	if !sameMailbox(at, sender) {
		t.Fatalf("%q came back as %q", sender, at)
	}
}

// sameMailbox compares what local parts say, with or without needless quotes and backslashes.
func sameMailbox(a, b cutover.Address) bool {
	return a.Domain() == b.Domain() && said(a.Local()) == said(b.Local())
}

func said(local string) string {
	inner, quoted := strings.CutPrefix(local, `"`)
	if !quoted {
		return local
	}
	inner = strings.TrimSuffix(inner, `"`)
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' {
			i++
		}
		b.WriteByte(inner[i])
	}
	return b.String()
}

func FuzzForward(f *testing.F) {
	for _, s := range []string{"alice@partner.example", `"a b"@x.example`, "SRS0=abcd=TT=o.example=b@x.example", "SRS1=efgh=f.example==abcd=TT=o.example=b@x.example", "ü@ü.example", "a@b=c"} {
		f.Add(s)
	}
	r := rewriter(f, srs.Config{})
	f.Fuzz(func(t *testing.T, text string) {
		sender, err := cutover.ParseAddress(text)
		if err != nil {
			return
		}
		made, err := r.Forward(sender, now)
		if err != nil {
			return
		}
		if again, err := cutover.ParseAddress(string(made)); err != nil || again != made {
			t.Fatalf("Forward(%q) = %q, which is no address", sender, made)
		}
		back, err := r.Reverse(made, now)
		if sender.Domain() == "srs.example.com" {
			return
		}
		rewritten := strings.Contains(strings.ToUpper(said(sender.Local())), "SRS")
		if err != nil || !rewritten && !sameMailbox(back, sender) {
			t.Fatalf("%q, %q, %q: %v", sender, made, back, err)
		}
	})
}

// Nobody gets anything out of Reverse with what he made up.
func FuzzReverse(f *testing.F) {
	r := rewriter(f, srs.Config{HashLength: 12})
	for _, s := range []string{"SRS0=abcdefghijkl=JQ=x.example=alice", "SRS1=abcdefghijkl=x.example==a=b=c=d", `"SRS0=ſ=ſ=x=y"`, "SRS0=AAAAAAAAAAAA=ſ=x=y", "srs0+"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, local string) {
		a, err := cutover.ParseAddress(local + "@srs.example.com")
		if err != nil {
			return
		}
		if back, err := r.Reverse(a, now); err == nil {
			t.Fatalf("Reverse(%q) = %q", a, back)
		}
	})
}
