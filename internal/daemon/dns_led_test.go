package daemon

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"posthouse/config"
	"posthouse/evidence/dnswatch"
	"posthouse/internal/clock"
	"posthouse/internal/control"
)

// Where mail is led is known by what was told of the MX record in the last day, not by servers that answer something else; and while some host is a stranger nobody says that it was switched.
func TestWhereMailIsLed(t *testing.T) {
	now := time.Now()
	leads := func(all ...dnswatch.Party) (found []dnswatch.Lead) {
		for _, p := range all {
			found = append(found, dnswatch.Lead{Host: string(p) + ".example", Party: p})
		}
		return found
	}
	for _, c := range []struct {
		name  string
		mx    dnswatch.MX
		waits int
		state control.MailState
	}{
		{"never told", dnswatch.MX{}, 1, control.MailUnknown},
		{"to the cloud", dnswatch.MX{Known: true, Told: now, Switched: now, Leads: leads(dnswatch.Cloud)}, 0, control.MailSwitched},
		{"told too long ago", dnswatch.MX{Known: true, Told: now.Add(-25 * time.Hour), Switched: now, Leads: leads(dnswatch.Cloud)}, 1, control.MailUnknown},
		{"to the cloud and a stranger", dnswatch.MX{Known: true, Told: now, Switched: now, Leads: leads(dnswatch.Cloud, dnswatch.Other)}, 1, control.MailUnknown},
		{"to us and a stranger", dnswatch.MX{Known: true, Told: now, Leads: leads(dnswatch.Ours, dnswatch.Other)}, 2, control.MailOldSide},
		{"nowhere (null MX)", dnswatch.MX{Known: true, Told: now}, 0, control.MailUnknown},
	} {
		d := &Daemon{cfg: &config.Config{}, opts: Options{Clock: clock.Real()}}
		d.live.Store(&live{cfg: &config.Config{Domains: []string{"acme.com"}}})
		d.dns = dnswatch.NewKeeper(dnswatch.KeeperConfig{Domains: d.watchedDomains, Facts: remembered{dnswatch.History{Domain: "acme.com", Looked: now, MX: c.mx}}})
		if err := d.dns.Recall(t.Context(), "acme.com"); err != nil {
			t.Fatal(err)
		}
		if led := d.led(now); len(led) != c.waits {
			t.Errorf("%s: %+v", c.name, led)
		}
		if got := d.mailState(c.mx, now); got != c.state {
			t.Errorf("%s: %s, want %s", c.name, got, c.state)
		}
	}
}

// remembered has an earlier process's history of a domain.
type remembered struct{ of any }

func (r remembered) Fact(context.Context, string) (string, error) {
	text, err := json.Marshal(r.of)
	return string(text), err
}

func (remembered) SetFact(context.Context, string, string) error { return nil }

// The status says why nobody looks; where DNS is not watched the verdict waits for nothing of it.
func TestUnwatched(t *testing.T) {
	d := &Daemon{cfg: &config.Config{}, opts: Options{Clock: clock.Real()}}
	if got := d.unwatched(); got != "dns.watch = false" || d.led(time.Now()) != nil {
		t.Errorf("%q", got)
	}
	d.dns = dnswatch.NewKeeper(dnswatch.KeeperConfig{Domains: d.watchedDomains})
	for domain, want := range map[string]string{"example.com": "reserved names are asked only of dns.resolvers", "acme.com": ""} {
		d.live.Store(&live{cfg: &config.Config{Domains: []string{domain}}})
		if got := d.unwatched(); got != want {
			t.Errorf("%s: %q, want %q", domain, got, want)
		}
	}
}
