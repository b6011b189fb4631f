package sendercheck_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"posthouse/relay/sendercheck"
)

// without is a message without its forged parts, read in pieces.
func without(t testing.TB, message string, piece int) (string, int) {
	t.Helper()
	f := sendercheck.NewForged("mx.ours.example")
	for part := range slices.Chunk([]byte(message), piece) {
		if n, err := f.Write(part); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	found, err := f.Ranges()
	if err != nil {
		t.Fatal(err)
	}
	left := message
	for _, r := range slices.Backward(found) {
		left = left[:r.From] + left[r.To:]
	}
	return left, len(found)
}

func TestForged(t *testing.T) {
	const rest = "Subject: x\r\n"
	for _, c := range []struct {
		field  string
		forged bool
	}{
		{"Authentication-Results: mx.ours.example; spf=pass\r\n", true},
		{"authentication-results:MX.Ours.Example;spf=pass\r\n", true},
		{"Authentication-Results \t: mx.ours.example; none\r\n", true},
		{"Authentication-Results:\r\n\tmx.ours.example;\r\n\tspf=pass\r\n", true},
		{"Authentication-Results: (a (nested\\)) comment; here) mx.ours.example 1; spf=pass\r\n", true},
		{"Authentication-Results: (" + strings.Repeat("hidden\r\n ", 1000) + ") mx.ours.example 1; spf=pass\r\n", true},
		{"Authentication-Results: mx.ours.example;" + strings.Repeat(" spf=pass", 1000) + "\r\n", true},
		{"Authentication-Results: mx.ours.example(comment); spf=pass\r\n", true},
		{"Authentication-Results: \"mx.ours.example\"; spf=pass\r\n", true},
		{"Authentication-Results: \"mx.\\ours.example\"; spf=pass\r\n", true},
		{"Authentication-Results: mx.(x)ours.example; spf=pass\r\n", true},
		{"Authentication-Results: mx.ours.example.; spf=pass\r\n", true},
		{"Authentication-Results: mx.ours.example\r\n", true},
		{"Authentication-Results: mx.ours.example; spf=pass\n", true},
		{"Authentication-Results: other.example; spf=pass mx.ours.example\r\n", false},
		{"Authentication-Results: other.example;" + strings.Repeat(" spf=pass", 1000) + "\r\n", false},
		{"Authentication-Results: x.mx.ours.example; spf=pass\r\n", false},
		{"Authentication-Results: (mx.ours.example) other.example; spf=pass\r\n", false},
		{"ARC-Authentication-Results: i=1; mx.ours.example; spf=pass\r\n", false},
		{"X-Authentication-Results: mx.ours.example; spf=pass\r\n", false},
		{"Authentication-Results:\r\n", false},
		{"Subject: a\r\n Authentication-Results: mx.ours.example; x\r\n", false},
	} {
		for _, message := range []string{c.field + rest + "\r\n" + c.field, rest + c.field + "\r\n", rest + c.field + rest, rest + c.field, c.field + c.field + rest + "\n" + c.field} {
			header, body := message, ""
			if i := strings.Index(message, "\n\r\n"); i >= 0 {
				header, body = message[:i+1], message[i+1:]
			} else if i := strings.Index(message, "\n\n"); i >= 0 {
				header, body = message[:i+1], message[i+1:]
			}
			want := message
			if c.forged {
				want = strings.ReplaceAll(header, c.field, "") + body
			}
			for _, piece := range []int{1, 7, 1 << 20} {
				if left, n := without(t, message, piece); left != want || n > 1 {
					t.Errorf("%.100q, %d at once: left %.200q", message, piece, left)
				}
			}
		}
	}
}

// However far down a field stands, it is found; and nobody can make us remember very many.
func TestForgedMany(t *testing.T) {
	const field = "Authentication-Results: mx.ours.example; spf=pass\r\n"
	const other = "x: y\r\n"
	if left, _ := without(t, strings.Repeat(other, 100_000)+field+"\r\n", 1000); left != strings.Repeat(other, 100_000)+"\r\n" {
		t.Error("not found behind a long header")
	}
	if left, n := without(t, strings.Repeat(field, 5000)+other, 1000); left != other || n != 1 {
		t.Errorf("%d parts, left %d octets", n, len(left))
	}
	if _, n := without(t, strings.Repeat(field+other, 1000), 1000); n != 1000 {
		t.Errorf("%d found", n)
	}
	f := sendercheck.NewForged("mx.ours.example")
	f.Write([]byte(strings.Repeat(field+other, 1001)))
	if found, err := f.Ranges(); found != nil || !errors.Is(err, sendercheck.ErrForged) {
		t.Errorf("%d, %v", len(found), err)
	}
}

// What is found is a whole field of that name, and nothing of it depends on the pieces.
func FuzzForged(f *testing.F) {
	f.Add("Authentication-Results: mx.ours.example; spf=pass\r\n\tx\r\nSubject: x\r\n\r\n", 3)
	f.Add("a\r\nAuthentication-Results: (\"mx\\", 1)
	f.Fuzz(func(t *testing.T, message string, piece int) {
		whole := sendercheck.NewForged("mx.ours.example")
		whole.Write([]byte(message))
		found, err := whole.Ranges()
		at := int64(0)
		for _, r := range found {
			begins := r.From == 0 || message[r.From-1] == '\n'
			ends := r.To == int64(len(message)) || message[r.To-1] == '\n'
			if r.From < at || r.To <= r.From || r.To > int64(len(message)) || !begins || !ends || !strings.EqualFold(message[r.From:r.From+22], "Authentication-Results") {
				t.Fatalf("%q: %+v", message, r)
			}
			at = r.To
		}
		in := sendercheck.NewForged("mx.ours.example")
		for part := range slices.Chunk([]byte(message), max(1, piece)) {
			in.Write(part)
		}
		if again, err2 := in.Ranges(); !slices.Equal(again, found) || !errors.Is(err2, err) {
			t.Fatalf("%q in pieces of %d: %v, %v", message, piece, again, found)
		}
	})
}
