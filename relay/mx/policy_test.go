package mx

import (
	"strings"
	"testing"
	"time"
)

func TestParsePolicy(t *testing.T) {
	const good = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.Example.net\r\nmax_age: 604800\r\n"
	p, err := parsePolicy(good)
	if err != nil || p.mode != modeEnforce || p.maxAge != 7*24*time.Hour || strings.Join(p.hosts, " ") != "mail.example.com *.example.net" {
		t.Errorf("%+v, %v", p, err)
	}
	for host, want := range map[string]bool{
		"mail.example.com": true, "MAIL.example.com": true, "a.mail.example.com": false, "example.com": false, "a.example.net": true, "a.b.example.net": false, "example.net": false,
	} {
		if p.lists(host) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
	for name, text := range map[string]string{
		"LF alone": strings.ReplaceAll(good, "\r", ""), "unknown field": good + "later: x\r\n", "blank line": good + "\r\n", "a field twice": good + "mode: none\r\n",
		"very old": strings.Replace(good, "604800", "4000000000", 1),
	} {
		if got, err := parsePolicy(text); err != nil || got.mode != modeEnforce || got.maxAge > 366*24*time.Hour {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if p, err := parsePolicy("version: STSv1\nmode: none\nmax_age: 0\n"); err != nil || p.mode != modeNone {
		t.Errorf("none: %+v, %v", p, err)
	}
	for _, text := range []string{
		"", "<html>", "mode: enforce\nmx: a.example\nmax_age: 1\n", strings.Replace(good, "STSv1", "STSv2", 1), strings.Replace(good, "enforce", "maybe", 1),
		strings.Replace(good, "604800", "-1", 1), strings.Replace(good, "604800", "", 1), strings.ReplaceAll(good, "mx:", "my:"),
	} {
		if p, err := parsePolicy(text); err == nil {
			t.Errorf("%q: %+v", text, p)
		}
	}
}

func TestPolicyID(t *testing.T) {
	for want, records := range map[string][]string{
		"1":  {"v=STSv1; id=1;", "v=spf1 -all"},
		"2a": {"v=STSv1;id=2a"},
		"":   {"v=STSv1; id=1", "v=STSv1; id=2"},
	} {
		if got := policyID(records); got != want {
			t.Errorf("%q: %q", records, got)
		}
	}
	for _, records := range [][]string{nil, {"v=STSv1"}, {"v=STSv10; id=1"}, {"id=1; v=STSv1"}} {
		if got := policyID(records); got != "" {
			t.Errorf("%q: %q", records, got)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add("version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePolicy(text)
		if err == nil && p.mode != modeNone && len(p.hosts) == 0 || p.maxAge < 0 || p.maxAge > maxMaxAge*time.Second {
			t.Errorf("%+v", p)
		}
		p.lists("mx.example.com")
	})
}
