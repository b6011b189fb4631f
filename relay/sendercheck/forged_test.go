package sendercheck_test

import (
	"strings"
	"testing"

	"posthouse/relay/sendercheck"
)

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
		{"Authentication-Results: mx.ours.example(comment); spf=pass\r\n", true},
		{"Authentication-Results: \"mx.ours.example\"; spf=pass\r\n", true},
		{"Authentication-Results: \"mx.\\ours.example\"; spf=pass\r\n", true},
		{"Authentication-Results: mx.(x)ours.example; spf=pass\r\n", true},
		{"Authentication-Results: mx.ours.example.; spf=pass\r\n", true},
		{"Authentication-Results: mx.ours.example\r\n", true},
		{"Authentication-Results: mx.ours.example; spf=pass\n", true},
		{"Authentication-Results: other.example; spf=pass mx.ours.example\r\n", false},
		{"Authentication-Results: x.mx.ours.example; spf=pass\r\n", false},
		{"Authentication-Results: (mx.ours.example) other.example; spf=pass\r\n", false},
		{"ARC-Authentication-Results: i=1; mx.ours.example; spf=pass\r\n", false},
		{"X-Authentication-Results: mx.ours.example; spf=pass\r\n", false},
		{"Authentication-Results:\r\n", false},
		{"Subject: a\r\n Authentication-Results: mx.ours.example; x\r\n", false},
	} {
		for _, head := range []string{c.field + rest + "\r\n" + c.field, rest + c.field + "\r\n", rest + c.field + rest, rest + c.field} {
			left, removed := strings.Clone(head), 0
			found := sendercheck.Forged([]byte(head), "mx.ours.example")
			for i := len(found) - 1; i >= 0; i-- {
				left, removed = left[:found[i].From]+left[found[i].To:], removed+1
			}
			want := head
			if c.forged {
				want = strings.Replace(head, c.field, "", 1)
			}
			if left != want || removed > 1 {
				t.Errorf("%q: left %q", head, left)
			}
		}
	}
}

// All of them, and none of a field that is not whole.
func TestForgedMany(t *testing.T) {
	const field = "Authentication-Results: mx.ours.example; spf=pass\r\n"
	if n := len(sendercheck.Forged([]byte(strings.Repeat(field, 500)), "mx.ours.example")); n != 500 {
		t.Errorf("%d found", n)
	}
	for i := range field[:len(field)-2] {
		if found := sendercheck.Forged([]byte(field[:i]), "mx.ours.example"); found != nil {
			t.Errorf("%q: %v", field[:i], found)
		}
	}
}

func FuzzForged(f *testing.F) {
	f.Add("Authentication-Results: mx.ours.example; spf=pass\r\n\tx\r\nSubject: x\r\n\r\n")
	f.Add("a\r\nAuthentication-Results: (\"mx\\")
	f.Fuzz(func(t *testing.T, head string) {
		at := int64(0)
		for _, r := range sendercheck.Forged([]byte(head), "mx.ours.example") {
			if r.From < at || r.To <= r.From || r.To > int64(len(head)) || head[r.To-1] != '\n' || !strings.EqualFold(head[r.From:r.From+22], "Authentication-Results") {
				t.Fatalf("%q: %+v", head, r)
			}
			at = r.To
		}
	})
}
