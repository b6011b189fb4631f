package mx

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// publisher serves a domain's policy by HTTPS.
type publisher struct {
	roots *x509.CertPool
	port  uint16

	mu      sync.Mutex
	answer  func(http.ResponseWriter)
	fetches int
}

func publish(t *testing.T, name, policy string) *publisher {
	ca := newIssuer(t, "CA", nil)
	_, cert := ca.issue(name, time.Hour)
	p := &publisher{roots: x509.NewCertPool()}
	p.roots.AddCert(ca.cert)
	p.says(policy)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.fetches++
		if r.Host != "mta-sts.new.example" || r.URL.Path != "/.well-known/mta-sts.txt" {
			http.NotFound(w, r)
			return
		}
		p.answer(w)
	}))
	s.Config.ErrorLog = nil
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.StartTLS()
	t.Cleanup(s.Close)
	p.port = netip.MustParseAddrPort(s.Listener.Addr().(*net.TCPAddr).String()).Port()
	return p
}

func (p *publisher) does(what func(http.ResponseWriter)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = what
}

func (p *publisher) says(policy string) {
	p.does(func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/plain"); fmt.Fprint(w, policy) })
}

func (p *publisher) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

const listed = "version: STSv1\nmode: enforce\nmx: *.new.example\nmax_age: 600\n"

func stsZone(t *testing.T, more ...string) *zone {
	z := newZone(t, append(more, "new.example. MX 10 a.new.example.", "a.new.example. A 192.0.2.1", "_mta-sts.new.example. TXT \"v=STSv1; id=1\"", "mta-sts.new.example. A 127.0.0.1")...)
	z.Unsigned("new.example", true)
	return z
}

func (p *publisher) finder(z *zone, now func() time.Time) *Finder {
	return z.finder(func(c *Config) { c.Roots, c.PolicyPort, c.Now = p.roots, p.port, now })
}

func TestMTASTS(t *testing.T) {
	const by = "the MTA-STS policy of new.example"
	for _, c := range []struct{ name, policy, more, want, by string }{
		{"enforced", listed, "", "a.new.example@192.0.2.1:25", by},
		{"not all are listed", listed, "new.example. MX 5 mx.evil.example.", "a.new.example@192.0.2.1:25", by},
		{"testing", strings.Replace(listed, "enforce", "testing", 1), "new.example. MX 20 mx.evil.example.", "a.new.example@192.0.2.1:25 mx.evil.example@192.0.2.66:25", ""},
		{"none", "version: STSv1\nmode: none\nmax_age: 600\n", "", "a.new.example@192.0.2.1:25", ""},
	} {
		z := stsZone(t, "mx.evil.example. A 192.0.2.66")
		if c.more != "" {
			z.add(c.more)
		}
		hosts, err := z.find(publish(t, "mta-sts.new.example", c.policy).finder(z, time.Now), "new.example")
		if err != nil || names(hosts) != c.want {
			t.Errorf("%s: %s, %v", c.name, names(hosts), err)
			continue
		}
		if r := hosts[0].Rule; r.By != c.by || r.Verify != nil || r.Unverified {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
	z := stsZone(t)
	hosts, err := z.find(publish(t, "mta-sts.new.example", strings.Replace(listed, "*.new", "*.old", 1)).finder(z, time.Now), "new.example")
	if err == nil || err.Error() != by+" allows none of its hosts: it does not list a.new.example" {
		t.Errorf("none is listed: %s, %v", names(hosts), err)
	}
}

// DANE is believed before MTA-STS, which is not even asked.
func TestDANEBeatsMTASTS(t *testing.T) {
	z := stsZone(t, "_25._tcp.a.new.example. TLSA 3 1 1 "+strings.Repeat("ab", 32))
	z.Unsigned("new.example", false)
	p := publish(t, "mta-sts.new.example", strings.Replace(listed, "*.new", "*.old", 1))
	hosts, err := z.find(p.finder(z, time.Now), "new.example")
	if err != nil || hosts[0].Rule.By != "DANE of a.new.example" || p.count() != 0 {
		t.Errorf("%+v, %v", hosts, err)
	}
}

// What cannot be had, or is not by whom it must be, is no policy.
func TestPoliciesThatAreNone(t *testing.T) {
	for name, does := range map[string]func(http.ResponseWriter){
		"not found": func(w http.ResponseWriter) { w.WriteHeader(404) },
		"elsewhere": func(w http.ResponseWriter) {
			w.Header().Set("Location", "/.well-known/mta-sts.txt")
			w.WriteHeader(302)
		},
		"a page": func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/html"); fmt.Fprint(w, listed) },
		"too long": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprint(w, listed, strings.Repeat("x: y\n", maxPolicy/5))
		},
		"not a policy": func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/plain"); fmt.Fprint(w, "hello") },
		"cut in the middle": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", "5000")
			fmt.Fprint(w, listed)
		},
	} {
		z, p := stsZone(t), publish(t, "mta-sts.new.example", listed)
		p.does(does)
		f := p.finder(z, time.Now)
		for range 2 {
			if hosts, err := z.find(f, "new.example"); err != nil || hosts[0].Rule.By != "" {
				t.Errorf("%s: %+v, %v", name, hosts, err)
			}
		}
		if p.count() != 1 {
			t.Errorf("%s: fetched %d times in a row", name, p.count())
		}
	}
	for name, p := range map[string]*publisher{"another's certificate": publish(t, "www.new.example", listed), "unknown issuer": publish(t, "mta-sts.new.example", listed)} {
		z := stsZone(t)
		if name == "unknown issuer" {
			p.roots = x509.NewCertPool()
		}
		if hosts, err := z.find(p.finder(z, time.Now), "new.example"); err != nil || hosts[0].Rule.By != "" || p.count() != 0 {
			t.Errorf("%s: %+v, %v", name, hosts, err)
		}
	}
}

// A policy that was had once holds for its max_age, whoever stands in the way of another fetch; a new id brings a new one.
func TestPoliciesAreKept(t *testing.T) {
	z, p := stsZone(t), publish(t, "mta-sts.new.example", listed)
	now := time.Now()
	f := p.finder(z, func() time.Time { return now })
	expect := func(what, by string, fetches int) {
		t.Helper()
		hosts, err := z.find(f, "new.example")
		if err != nil || (hosts[0].Rule.By != "") != (by != "") || p.count() != fetches {
			t.Errorf("%s: %+v, %v; %d fetches", what, hosts, err, p.count())
		}
	}
	expect("first", "it", 1)
	expect("again", "it", 1)
	z.Fail("_mta-sts.new.example", "TXT", true)
	expect("no TXT record to be had", "it", 1)
	z.Fail("_mta-sts.new.example", "TXT", false)
	now = now.Add(6 * time.Minute)
	expect("half its age", "it", 2)
	p.does(func(w http.ResponseWriter) { w.WriteHeader(500) })
	now = now.Add(6 * time.Minute)
	expect("cannot be fetched", "it", 3)
	now = now.Add(4*time.Minute + time.Second)
	expect("too old", "", 3)
	now = now.Add(time.Minute)
	expect("another try", "", 4)
	p.says(strings.Replace(listed, "enforce", "testing", 1))
	now = now.Add(6 * time.Minute)
	expect("testing", "", 5)
	p.says(listed)
	expect("the same id", "", 5)
	z.Remove("_mta-sts.new.example", "TXT")
	z.add("_mta-sts.new.example. TXT \"v=STSv1; id=2\"")
	expect("another id", "it", 6)
}

func TestPoliciesAreBounded(t *testing.T) {
	p := &policies{kept: map[string]*keptPolicy{}}
	for i := range maxPolicies + 10 {
		p.place(fmt.Sprint(i))
	}
	if len(p.kept) != maxPolicies {
		t.Errorf("%d are kept", len(p.kept))
	}
}

// What is published now is looked at, whatever is remembered.
func TestUnlisted(t *testing.T) {
	z := newZone(t, "_mta-sts.new.example. TXT \"v=STSv1; id=1\"", "mta-sts.new.example. A 127.0.0.1")
	p := publish(t, "mta-sts.new.example", "version: STSv1\nmode: enforce\nmx: *.new.example\nmax_age: 86400\n")
	f := z.finder(func(c *Config) { c.Roots, c.PolicyPort = p.roots, p.port })
	hosts := []string{"mx.new.example", "mail.old.example"}
	if mode, unlisted, err := f.Unlisted(t.Context(), "new.example", hosts); mode != "enforce" || strings.Join(unlisted, " ") != "mail.old.example" || err != nil {
		t.Errorf("%s, %q, %v", mode, unlisted, err)
	}
	p.says("version: STSv1\nmode: testing\nmx: mail.old.example\nmx: mx.new.example\nmax_age: 86400\n")
	if mode, unlisted, err := f.Unlisted(t.Context(), "new.example", hosts); mode != "testing" || len(unlisted) != 0 || err != nil {
		t.Errorf("%s, %q, %v", mode, unlisted, err)
	}
	p.does(func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) })
	if _, _, err := f.Unlisted(t.Context(), "new.example", hosts); err == nil {
		t.Error("a policy that is not there")
	}
}
