package config

import "testing"

func TestMX(t *testing.T) {
	for text, want := range map[string]struct {
		domain string
		port   uint16
		ok     bool
	}{
		"mx:new.example": {"new.example", 25, true}, "mx:new.example:2525": {"new.example", 2525, true}, "mx.new.example:25": {}, "": {},
	} {
		if domain, port, ok := (Server{SMTP: text}).MX(); domain != want.domain || port != want.port || ok != want.ok {
			t.Errorf("%q: %s, %d, %v", text, domain, port, ok)
		}
	}
	cfg, err := Parse("posthouse.toml", []byte("domains = [\"example.com\"]\n[servers.a]\nside = \"cloud\"\nsmtp = \"mx:Bücher.example\"\n[servers.b]\nside = \"cloud\"\nsmtp = \"mx.new.example:25\"\n"))
	if cfg == nil {
		t.Fatal(err)
	}
	if a, b := cfg.Servers["a"], cfg.Servers["b"]; a.SMTP != "mx:xn--bcher-kva.example" || a.SMTPTLS != TLSOpportunistic || b.SMTPTLS != TLSStartTLS {
		t.Errorf("%s %s, %s", a.SMTP, a.SMTPTLS, b.SMTPTLS)
	}
}
