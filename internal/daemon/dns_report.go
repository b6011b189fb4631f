package daemon

import (
	"context"
	"fmt"
	"slices"
	"time"

	"posthouse/evidence"
	"posthouse/evidence/dnswatch"
	"posthouse/internal/control"
)

// changeAlarm is how long a change is an alarm.
const changeAlarm = time.Hour

// DNS tells of the named domains, all if none is named, what DNS said at the last look, or at one that is made for it.
func (d *Daemon) DNS(ctx context.Context, names []string, now bool, yield func(control.Domain) error) error {
	if d.dns == nil {
		return fmt.Errorf("DNS is not watched (dns.watch)")
	}
	asked, reserved := d.dns.Names()
	for _, name := range names {
		if !slices.Contains(asked, name) && !slices.Contains(reserved, name) {
			return fmt.Errorf("no domain %s in the configuration", name)
		}
	}
	wanted := func(name string) bool { return len(names) == 0 || slices.Contains(names, name) }
	for _, name := range slices.DeleteFunc(asked, func(name string) bool { return !wanted(name) }) {
		if err := d.dns.Look(ctx, name, now); err != nil {
			return err
		}
		shape := d.dnsShape(d.dns.One(name))
		shape.Schema = control.DNSSchema
		if err := yield(shape); err != nil {
			return err
		}
	}
	for _, name := range reserved {
		if !wanted(name) {
			continue
		}
		shape := control.Domain{Schema: control.DNSSchema, Domain: name, State: control.MailUnknown, MX: []control.Exchanger{}, Findings: []control.DNSFinding{}}
		shape.Error = "it is a reserved name, which is asked only of resolvers that are configured (dns.resolvers)"
		if err := yield(shape); err != nil {
			return err
		}
	}
	return nil
}

// unwatched says why where mail goes is not looked at, of any domain: then the verdict says nothing of it.
func (d *Daemon) unwatched() string {
	if d.dns == nil {
		return "dns.watch = false"
	}
	if asked, reserved := d.dns.Names(); len(asked) == 0 && len(reserved) > 0 {
		return "reserved names are asked only of dns.resolvers"
	}
	return ""
}

// domains is the short form of every domain, for the status.
func (d *Daemon) domains() []control.Domain {
	if d.dns == nil {
		return nil
	}
	var all []control.Domain
	for _, k := range d.dns.Known() {
		shape := d.dnsShape(k)
		shape.Records, shape.Servers, shape.Changes = nil, nil, nil
		all = append(all, shape)
	}
	return all
}

func (d *Daemon) dnsShape(k dnswatch.Known) control.Domain {
	h, now := k.History, d.opts.Clock.Now()
	shape := control.Domain{
		Domain: h.Domain, State: d.mailState(h.MX, now), Looked: h.Looked, MX: []control.Exchanger{}, Switched: h.MX.Switched, BeforeFirst: h.MX.AtFirst, Back: h.MX.Back,
		CachedUntil: h.Records[dnswatch.Key{Name: h.Domain, Type: "MX"}].Lingers(now), Findings: []control.DNSFinding{},
	}
	for _, l := range h.MX.Leads {
		shape.MX = append(shape.MX, control.Exchanger{Preference: l.Preference, Host: l.Host, Whose: string(l.Party), Addresses: l.Addresses})
	}
	for _, f := range dnswatch.Findings(h, k.Snapshot, d.who(), now) {
		shape.Findings = append(shape.Findings, control.DNSFinding{Code: string(f.Code), Alarm: f.Alarm, Text: f.Text, Help: f.Help, Since: f.Since})
	}
	for _, v := range k.Snapshot.Views {
		shape.Servers = append(shape.Servers, control.DNSServer{Server: v.Server, Authoritative: v.Authoritative, Serial: int64(v.Serial), Error: v.Err})
	}
	for _, key := range h.Watched() {
		r := h.Records[key]
		for _, s := range r.Current() {
			shape.Records = append(shape.Records, control.DNSRecord{
				Name: key.Name, Type: key.Type, Kind: key.Kind(), Values: s.Values, TTL: s.TTL, MaxTTL: s.MaxTTL, Since: s.From, CachedUntil: r.Lingers(now),
			})
		}
	}
	for _, c := range slices.Backward(h.Changes) {
		shape.Changes = append(shape.Changes, control.DNSChange{At: c.At, Name: c.Key.Name, Type: c.Key.Type, Kind: c.Key.Kind(), From: c.From, To: c.To, Back: c.Back})
	}
	return shape
}

func (d *Daemon) mailState(m dnswatch.MX, now time.Time) control.MailState {
	old := m.LeadTo(dnswatch.Old) || m.LeadTo(dnswatch.Ours)
	switch {
	case old && m.LeadTo(dnswatch.Cloud):
		return control.MailBoth
	case old:
		return control.MailOldSide
	case d.untold(m, now) || m.LeadTo(dnswatch.Other): // whatever the others are
		return control.MailUnknown
	case !m.Switched.IsZero():
		return control.MailSwitched
	}
	return control.MailUnknown
}

// dnsAlarms are findings that somebody should look at, and changes of the last hour.
func (d *Daemon) dnsAlarms(now time.Time) []alarm {
	if d.dns == nil {
		return nil
	}
	var all []alarm
	for _, k := range d.dns.Known() {
		for _, f := range dnswatch.Findings(k.History, k.Snapshot, d.who(), now) {
			if f.Alarm {
				all = append(all, alarm{"dns " + f.Text, "domains", 1, "DNS: " + f.Text})
			}
		}
		for _, c := range k.History.Changes {
			if now.Sub(c.At) < changeAlarm && !c.Back {
				all = append(all, alarm{fmt.Sprintf("dns change %s %d", c.Key, c.At.UnixMicro()), "domains", 1, "DNS: " + changeText(c)})
			}
		}
	}
	return all
}

// untold reports that nobody has told for too long where the mail goes. That servers answer does not mean that they tell this.
func (d *Daemon) untold(m dnswatch.MX, now time.Time) bool {
	return m.Told.Before(now.Add(-max(dnswatch.Forgotten, d.real(20*time.Second))))
}

// led are the domains whose mail still goes to the old side, or nobody knows where, as the verdict knows them.
func (d *Daemon) led(now time.Time) []evidence.Led {
	if d.dns == nil {
		return nil
	}
	var all []evidence.Led
	asked, _ := d.dns.Names()
	for _, name := range asked {
		h := d.dns.One(name).History
		if d.untold(h.MX, now) {
			all = append(all, evidence.Led{Domain: name, Unknown: true, Since: h.MX.Told})
			continue
		}
		all = append(all, h.Led()...)
	}
	return all
}

// switched notes in a testimony when the MX records were switched: the latest of what was told and of what was seen. That one was switched before it was first looked at is nothing
// that was seen, where it was told when.
func (d *Daemon) switched(t evidence.Testimony) evidence.Testimony {
	at := t.Switched()
	if d.dns == nil {
		return t
	}
	told := !at.IsZero()
	for _, k := range d.dns.Known() {
		if m := k.History.MX; m.Switched.After(at) && !(told && m.AtFirst) {
			at = m.Switched
		}
	}
	return t.Switch(at)
}
