package sendercheck_test

import (
	"context"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"posthouse/relay/sendercheck"
)

// A DNS that never answers costs the patience and not more, whatever there is to ask.
func TestSilentDNS(t *testing.T) {
	message := from("x@silent.example")
	for range 12 {
		message = signed(t, message, "silent.example", "r")
	}
	synctest.Test(t, func(t *testing.T) {
		s := good()
		s.From = "x@silent.example"
		start := time.Now()
		f := checker(world()).Check(t.Context(), s, reader(message))
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
		if f.SPF != sendercheck.TempError || len(f.DKIM) != 10 || f.DKIM[0].Result != sendercheck.TempError || f.DMARC != sendercheck.TempError || f.Unwanted() {
			t.Error(f)
		}
	})
}

// A message that comes slowly is checked as any other: the patience is with DNS.
func TestSlowMessage(t *testing.T) {
	message := signed(t, text, "a.example", "r")
	half := strings.Index(message, "\r\n\r\n") + 4
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			from string
			want sendercheck.Result
		}{{"a.example", sendercheck.Pass}, {"sub.a.example", sendercheck.Pass}, {"strict.example", sendercheck.Fail}} {
			s := good()
			s.From = "x@b.example"
			head := strings.Replace(message[:half], "anna@a.example", "anna@"+c.from, 1)
			if c.from == "sub.a.example" {
				head = strings.Replace(signed(t, from("anna@sub.a.example"), "a.example", "r"), "Hello Bob\r\n", "", 1)
			}
			slow := io.MultiReader(pause{}, strings.NewReader(head), pause{}, strings.NewReader(message[half:]))
			if f := checker(world()).Check(t.Context(), s, slow); f.SPF != sendercheck.None || f.DMARC != c.want {
				t.Error(f)
			}
		}
	})
}

// pause is an empty reader that takes its time.
type pause struct{}

func (pause) Read([]byte) (int, error) {
	time.Sleep(time.Minute)
	return 0, io.EOF
}

// Who is stopped while it waits is told at once.
func TestCut(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := good()
	s.From = "x@silent.example"
	if f := checker(world()).Check(ctx, s, reader(text)); f.SPF != sendercheck.TempError {
		t.Error(f)
	}
}

// However many signatures there are, ten are looked at.
func TestManySignatures(t *testing.T) {
	one := strings.TrimSuffix(signed(t, text, "a.example", "r"), text)
	message := strings.Repeat(one, 100) + text
	z := world()
	f := checker(z).Check(t.Context(), good(), reader(message))
	if len(f.DKIM) != 10 || z.asked.Load() > 15 {
		t.Errorf("%d signatures, %d questions", len(f.DKIM), z.asked.Load())
	}
	f = checker(z).Check(t.Context(), good(), reader(strings.Repeat(one, 10_000)+text)) // more header than is read
	if len(f.DKIM) != 1 || f.DKIM[0].Result != sendercheck.Neutral {
		t.Error(f)
	}
}

// What would be much work is not done: what comes out tells that nobody looked. The bound on time is far above what it takes.
func TestMuchWork(t *testing.T) {
	one := signed(t, text, "a.example", "r")
	names := strings.Repeat("x:", 20_000)
	for what, c := range map[string]struct {
		message string
		want    sendercheck.Result
	}{
		"many names":     {strings.Repeat("x: y\r\n", 3000) + strings.Replace(one, " h=", " h="+names, 1), sendercheck.Neutral},
		"many folds":     {"Subject: x\r\n" + strings.Repeat(" \r\n", 30_000) + one, sendercheck.Neutral},
		"a huge field":   {"Subject: " + strings.Repeat("x", 60<<20) + "\r\n" + one, sendercheck.Neutral},
		"a huge author":  {strings.Replace(text, "Anna", strings.Repeat("(", 100_000), 1), sendercheck.None},
		"a huge key":     {signed(t, text, "huge.example", "r"), sendercheck.PermError},
		"a body length":  {strings.Replace(one, "bh=", "l=3; bh=", 1), sendercheck.Fail},
		"empty names":    {strings.Repeat(":\r\n", 40_000) + text, sendercheck.Neutral},
		"endless header": {strings.Repeat("x: y\r\n", 1<<20), sendercheck.Neutral},
	} {
		start := time.Now()
		f := check(t, good(), c.message)
		if took := time.Since(start); took > 5*time.Second || len(f.DKIM) != 1 || f.DKIM[0].Result != c.want {
			t.Errorf("%s: took %v, %s", what, took, f)
		}
	}
}

// No goroutine stays behind, whatever a message was.
func TestNothingIsLeftBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	two := signed(t, signed(t, text, "a.example", "r"), "b.example", "r")
	for range 50 {
		check(t, good(), two)
		broken := io.MultiReader(strings.NewReader(two[:len(two)-5]), iotest.ErrReader(io.ErrUnexpectedEOF))
		checker(world()).Check(t.Context(), good(), broken)
	}
	if after := runtime.NumGoroutine(); after > before+5 {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

// What a stranger writes is read without stumbling, and no part of a result is his.
func FuzzFacts(f *testing.F) {
	f.Add(text, "a@b.example", "helo.example")
	f.Add("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=a.example; s=r; h=from:to; l=3; t=1; x=2; q=dns/txt; i=@a.example; bh=AAAA; b=AAAA\r\nFrom: x@a.example\r\n\r\ntext\r\n", "", "x")
	f.Add("DKIM-Signature: a\r\nDKIM-Signature: v=1\r\n\r\n", "x", "")
	f.Add("from:(\r\n =?utf-8?q?=00?=<x@[1]>\r\n\r\n", "@", "[192.0.2.1]")
	f.Fuzz(func(t *testing.T, message, from, helo string) {
		facts := checker(world()).Check(t.Context(), sendercheck.Sender{Client: good().Client, Helo: helo, From: from}, reader(message))
		for _, r := range facts.Results() {
			method, _, _ := strings.Cut(r, "=")
			if method != "spf" && method != "dkim" && method != "dmarc" || strings.ContainsAny(strings.Replace(r, "(p=", "", 1), "\r\n;\"(") || len(r) > 300 {
				t.Fatalf("result %q", r)
			}
		}
	})
}
