package daemon_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/internal/daemon"
	"posthouse/internal/testserver"
)

// zoned is a bed whose domain stands at two servers, all on loopback.
type zoned struct {
	*bed
	ns       [2]*testserver.Nameserver
	resolver *testserver.DNS
}

const (
	toUs    = "@ 3600 MX 10 mail\n"
	toCloud = "@ 300 MX 0 example-com.mx.cloud.example.\n"
	toBoth  = toCloud + "@ 300 MX 20 mail\n"
)

func newZoned(t *testing.T, l layout, records string) *zoned {
	t.Helper()
	z := &zoned{resolver: testserver.NewDNS()}
	must(t, z.resolver.Start())
	t.Cleanup(z.resolver.Stop)
	must(t, z.resolver.Add("example.com. 600 NS ns1.example.com."))
	for i := range z.ns {
		z.ns[i] = testserver.NewNameserver("example.com")
		must(t, z.ns[i].StartAt("127.0.0.1:0"))
		t.Cleanup(z.ns[i].Stop)
	}
	l.rest += fmt.Sprintf("[dns]\nresolvers = [%q]\nservers = [%q, %q]\ncloud = [\"*.cloud.example\"]\n", z.resolver.Addr(), z.ns[0].Addr(), z.ns[1].Addr())
	z.bed = newBed(t, l)
	z.load(1, records, 0, 1)
	return z
}

func (z *zoned) load(serial int, records string, servers ...int) {
	z.t.Helper()
	for _, i := range servers {
		must(z.t, z.ns[i].Load(fmt.Sprintf("@ 600 SOA ns1 hostmaster %d 3600 600 86400 60\nmail 600 A 192.0.2.1\n%s", serial, records)))
	}
}

// look is what DNS says now.
func (z *zoned) look() control.Domain {
	z.t.Helper()
	var all []control.Domain
	client := control.Dial(z.config().Control.Socket)
	must(z.t, client.DNS(z.t.Context(), nil, true, func(d control.Domain) error { all = append(all, d); return nil }))
	if len(all) != 1 || all[0].Domain != "example.com" {
		z.t.Fatalf("%+v", all)
	}
	return all[0]
}

// ledOn tells whether a verdict waits for the MX record.
func ledOn(v evidence.Verdict) bool {
	return slices.ContainsFunc(v.Reasons, func(r evidence.Reason) bool { return r.Code == evidence.MXRecord })
}

// The MX record is followed from the old side through a secondary that lags to the cloud, a restart, and back. The old address is needed until it is switched everywhere, and again after
// a roll-back; the mailbox server is not, since what is led to us does not reach it.
func TestDNSIsWatched(t *testing.T) {
	z := newZoned(t, layout{}, toUs)
	clock := z.startSettable(t)
	s := z.until("a first look", func(s control.Status) bool { return len(s.DNS) == 1 })
	if d := s.DNS[0]; d.State != control.MailOldSide || d.MX[0].Host != "mail.example.com" || d.MX[0].Whose != "posthouse" || !ledOn(s.Address) || ledOn(s.Server) || len(s.Trouble) != 0 {
		t.Errorf("%+v, %q", d, s.Trouble)
	}

	z.load(2, toCloud, 0)
	clock.Set(6 * time.Minute)
	s = z.until("the change", troubled("MX of example.com changed"))
	if text := strings.Join(s.Trouble, "\n"); s.DNS[0].State != control.MailBoth || !ledOn(s.Address) || !strings.Contains(text, z.ns[1].Addr()+" lags behind") {
		t.Errorf("%+v, %s", s.DNS[0], text)
	}
	z.eventually("a line of the log", func() bool { return strings.Contains(z.logged.String(), "alarm=\"dns change\"") })

	z.load(2, toCloud, 1)
	clock.Set(6 * time.Minute)
	s = z.until("the switch", func(s control.Status) bool { // the verdict hears of it a moment after the watch
		return s.DNS[0].State == control.MailSwitched && !ledOn(s.Address) && s.Address.Quiet <= time.Minute
	})
	switched := s.DNS[0].Switched
	if s.At.Sub(switched) > time.Minute || !s.DNS[0].CachedUntil.Equal(switched.Add(time.Hour)) {
		t.Errorf("%+v, quiet %s", s.DNS[0], s.Address.Quiet)
	}

	z.stop()
	z.daemon = z.newWith(z.config(), func(o *daemon.Options) { o.Speed = 2 })
	for _, ns := range z.ns {
		ns.Behave(testserver.Failing)
	}
	must(t, z.daemon.Start(t.Context()))
	if s = z.status(); len(s.DNS) != 1 || !s.DNS[0].Switched.Equal(switched) {
		t.Errorf("after a restart: %+v", s.DNS)
	}
	for _, ns := range z.ns {
		ns.Behave(testserver.Answering)
	}

	z.load(3, toUs, 0, 1)
	d := z.look()
	if d.State != control.MailOldSide || d.Back.IsZero() || len(d.Changes) != 2 || !d.Changes[0].Back || !d.Findings[0].Alarm {
		t.Errorf("%+v", d)
	}
	if s = z.status(); !ledOn(s.Address) || !troubled("leads back to the old side")(s) {
		t.Errorf("%+v, %q", s.Address, s.Trouble)
	}
}

// The old address may not go silent while nobody knows where mail is led: to hosts that nobody knows, or since no server tells.
func TestNobodyKnowsWhereMailIsLed(t *testing.T) {
	z := newZoned(t, layout{}, "@ 300 MX 0 mx.stranger.example.\n")
	z.start()
	s := z.until("a first look", troubled("whose the MX hosts of example.com are is not known: 0 mx.stranger.example"))
	if !ledOn(s.Address) || ledOn(s.Server) || s.DNS[0].State != control.MailUnknown {
		t.Errorf("%+v, %+v", s.Address, s.DNS)
	}
	z.stop()

	silent := newZoned(t, layout{}, toCloud)
	silent.resolver.Stop()
	for _, ns := range silent.ns {
		ns.Behave(testserver.Failing)
	}
	silent.start()
	s = silent.until("a look in vain", troubled("nobody tells anything of example.com"))
	if !ledOn(s.Address) || ledOn(s.Server) {
		t.Errorf("%+v", s.Address)
	}
	for _, ns := range silent.ns {
		ns.Behave(testserver.Answering)
	}
	silent.look()
	if s = silent.status(); ledOn(s.Address) {
		t.Errorf("it is known by now: %+v", s.Address)
	}
}

// What was told of the switch holds where nobody saw it; what was seen later counts.
func TestSwitchToldAndSeen(t *testing.T) {
	told := time.Now().UTC().Add(-48 * time.Hour).Truncate(time.Second)
	z := newZoned(t, layout{verdict: "mx_switched = " + told.Format(time.RFC3339)}, toBoth)
	z.daemon = z.new()
	must(t, z.daemon.Start(t.Context()))
	t.Cleanup(z.stop)
	if d := z.look(); d.State != control.MailBoth || !ledOn(z.status().Address) {
		t.Errorf("%+v", d)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	begun, events := make(chan struct{}), make(chan control.Event, 10)
	go func() {
		_ = z.daemon.Tail(ctx, func() { close(begun) }, func(e control.Event) error { events <- e; return nil })
	}()
	<-begun
	z.load(2, toCloud, 0, 1)
	d := z.look()
	if e := <-events; e.What != control.DNSChanged || e.Client != "MX of example.com" || !strings.Contains(e.Detail, "was 0 example-com.mx.cloud.example, 20 mail.example.com") {
		t.Errorf("%+v", e)
	}
	if s := z.status(); d.State != control.MailSwitched || !d.Switched.After(told) || d.BeforeFirst || s.Address.Quiet > time.Minute {
		t.Errorf("%+v, quiet %s", d, s.Address.Quiet)
	}
}

// Reserved names are asked only of resolvers that somebody named, and nothing is asked where nobody wants it.
func TestDNSIsNotAsked(t *testing.T) {
	b := newBed(t, layout{})
	b.start()
	var said string
	must(t, b.daemon.DNS(t.Context(), nil, true, func(d control.Domain) error { said = d.Error; return nil }))
	if !strings.Contains(said, "reserved name") || len(b.status().DNS) != 0 {
		t.Errorf("%q, %+v", said, b.status().DNS)
	}
	if err := b.daemon.DNS(t.Context(), []string{"other.example"}, false, nil); err == nil || !strings.Contains(err.Error(), "no domain other.example") {
		t.Error(err)
	}
	b.stop()
	b.layout.rest = "[dns]\nwatch = false\n"
	b.start()
	if err := b.daemon.DNS(t.Context(), nil, true, nil); err == nil || !strings.Contains(err.Error(), "dns.watch") {
		t.Error(err)
	}
}
