package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"posthouse/bridge"
	"posthouse/config"
	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/relay"
)

// Status is everything at a glance, as of now.
func (d *Daemon) Status(ctx context.Context) (control.Status, error) {
	s, _, err := d.status(ctx)
	return s, err
}

// status has what the verdicts were made of, too.
func (d *Daemon) status(ctx context.Context) (s control.Status, e evidence.Export, err error) {
	now := d.opts.Clock.Now()
	in := d.live.Load()
	s = control.NewStatus()
	s.At, s.Since, s.Version, s.Organisation, s.Domains = now, d.started, d.opts.Version, in.cfg.Organisation, in.cfg.Domains
	s.Config = control.Loaded{File: d.cfg.File, At: in.at}
	if refusal := d.refusal.Load(); refusal != nil {
		s.Config.Refused = *refusal
	}
	if s.Trouble, err = d.trouble(ctx, now); err != nil {
		return s, e, err
	}
	if s.Queue, err = d.queue(ctx, now); err != nil {
		return s, e, err
	}
	s.Mailboxes, s.Copy = d.copied()
	testimony := d.switched(d.witness.Snapshot())
	work, err := d.openWork(ctx, now, s)
	if err != nil {
		return s, e, err
	}
	s.Hidden = d.crowds.all(now)
	work.Led, work.Crowds = d.led(now), crowdsOf(s.Hidden)
	testimony = testimony.WithWork(work)
	e = d.export(testimony, now)
	verdicts := e.Verdicts()
	s.Server, s.Address = verdicts[0], verdicts[1]
	s.Sources = d.sources(testimony, now)
	s.Arriving = arriving(testimony, d.listenerNames(), now)
	s.Listeners = d.listening()
	s.Asked = d.askedServers()
	s.DNS, s.NoDNS = d.domains(), d.unwatched()
	for _, h := range s.Hidden {
		s.Trouble = append(s.Trouble, hiddenText(h))
	}
	s.Unknown, err = d.unknown(ctx)
	return s, e, err
}

// keepPatience is how long a status waits for the ledger to take what was watched up to now.
const keepPatience = 2 * time.Second

// trouble extends the coverage up to now, so that the verdict is of now. A ledger that takes nothing is worth telling, not a reason to tell nothing; so are the alarms.
func (d *Daemon) trouble(ctx context.Context, now time.Time) ([]string, error) {
	var all []string
	brief, cancel := context.WithTimeout(ctx, keepPatience)
	defer cancel()
	if err := d.keep(brief); err != nil {
		all = append(all, fmt.Sprintf("the ledger cannot be written: %v", err))
	}
	alarms, err := d.alarms(ctx, now)
	for _, a := range alarms {
		if !strings.HasPrefix(a.kind, blindKind) { // the status names those with the sources
			all = append(all, a.text)
		}
	}
	return all, err
}

// policy fills in what the configuration says.
func (d *Daemon) policy(p evidence.Policy) evidence.Policy {
	v := d.live.Load().cfg.Verdict
	p.Quiet, p.Window, p.BlindBelow, p.Horizon, p.Stale = v.Quiet, v.Window, v.BlindBelow, v.Horizon, d.stale()
	p.Chance, p.Allowed = v.Chance, d.allowed()
	if p.Unfamiliar > 0 {
		p.Unfamiliar = v.Unfamiliar
	}
	p.Listeners = slices.DeleteFunc(p.Listeners, func(name string) bool { return d.cfg.Listeners[name].Role == config.RoleSubmission }) // nobody has to log in for it to be watched
	return p
}

// export is what the verdicts are made of: that on the mailbox server, and that on the old address.
func (d *Daemon) export(t evidence.Testimony, now time.Time) evidence.Export {
	e := evidence.Export{Schema: evidence.ExportSchema, At: now, Testimony: t}
	server := evidence.MailboxServer(d.required(), d.listenerNames())
	d.seeLogins(&server)
	for _, p := range []evidence.Policy{server, evidence.OldAddress(d.listenerNames())} {
		p = d.policy(p)
		p.Blinded = d.blinded(t, now)
		e.Policies = append(e.Policies, p)
	}
	return e
}

// required names the sources without which a verdict is blind.
func (d *Daemon) required() []string {
	var names []string
	for _, r := range d.live.Load().cfg.Verdict.Required {
		switch r {
		case "listeners":
			names = append(names, d.listenerNames()...)
		case "mailboxes":
			names = append(names, bridge.GrowthSource)
		}
	}
	for name, source := range d.cfg.Evidence {
		if source.Required {
			names = append(names, name)
		}
	}
	return names
}

func (d *Daemon) listenerNames() []string {
	names := make([]string, len(d.listeners))
	for i, l := range d.listeners {
		names[i] = l.Name()
	}
	return names
}

func (d *Daemon) listening() []control.Listening {
	all := []control.Listening{}
	for _, l := range d.listeners {
		for _, at := range l.Addrs() {
			all = append(all, control.Listening{
				Name: l.Name(), Role: string(d.cfg.Listeners[l.Name()].Role), Address: at.String(), Connections: l.Connections(), Certificate: d.certificate(l.Name(), l.Hostname()),
			})
		}
	}
	return all
}

func (d *Daemon) copied() ([]control.Mailbox, control.Copy) {
	all := []control.Mailbox{}
	var sum control.Copy
	known := map[cutover.MailboxID]cutover.Mailbox{}
	for _, m := range d.live.Load().mailboxes {
		known[m.ID] = m.Mailbox
	}
	objects, without := d.objects.progress(), d.withoutMail()
	for _, p := range d.bridge.Progress() {
		was, configured := known[p.Mailbox]
		m := control.Mailbox{
			Address: string(p.Mailbox), Home: string(was.Home), Wave: was.Wave, Gone: !configured, State: string(p.State), Folders: p.Folders, Done: p.Done, Total: p.Total,
			Bytes: p.Bytes, Repaired: p.Repaired, Folder: p.Folder, Error: p.Error, Wait: p.Wait, Next: p.Next, Caught: p.Caught,
		}
		for _, s := range p.Skipped {
			m.Skipped = append(m.Skipped, control.Skipped{Folder: s.Path, Why: s.Why})
		}
		m.LeftOut = leftOut(p.LeftOut)
		if m.Objects = objects[p.Mailbox]; without[p.Mailbox] && m.Objects != nil {
			m.State, m.Error, m.Wait, m.Caught = string(bridge.Unfollowed), "", "", m.Objects.Caught
		}
		all = append(all, m)
		sum.Add(m)
	}
	sum.Estimate()
	return all, sum
}

// sources tells of every source of evidence, watched or not.
func (d *Daemon) sources(t evidence.Testimony, now time.Time) []control.Source {
	var all []control.Source
	add := func(name, kind string, required bool) *control.Source {
		s := control.Source{Name: name, Kind: kind, Required: required}
		if spans := t.Coverage(name); len(spans) > 0 {
			s.LastRead = spans[len(spans)-1].To
			s.Fresh = now.Sub(s.LastRead) <= d.stale()
		}
		if !s.Fresh {
			s.Blind = "not being watched now"
		}
		all = append(all, s)
		return &all[len(all)-1]
	}
	required := map[string]bool{}
	for _, name := range d.required() {
		required[name] = true
	}
	for _, name := range d.listenerNames() {
		add(name, "listener", required[name])
	}
	add(bridge.GrowthSource, "growth of the legacy mailboxes", required[bridge.GrowthSource])
	blinded := d.blinded(t, now)
	for _, l := range d.logs {
		s := add(l.name, l.kind, required[l.name])
		l.describe(s, blinded)
	}
	return all
}

func arriving(t evidence.Testimony, listeners []string, now time.Time) control.Arriving {
	var a control.Arriving
	midnight := now.Truncate(24 * time.Hour)
	for _, use := range t.Uses() {
		if use.Channel != evidence.Arriving || !slices.Contains(listeners, use.Source) || use.Wanted == 0 {
			continue
		}
		a.Today += since(use.Recent, midnight)
		a.Week += since(use.Recent, midnight.Add(-6*24*time.Hour))
		if use.Last.After(a.Last) {
			a.Last = use.Last
		}
	}
	return a
}

// unknown are the addresses that were asked for and that no list knows now: a reload may have added some.
func (d *Daemon) unknown(ctx context.Context) ([]control.Unknown, error) {
	list, err := d.ledger.UnknownRecipients(ctx)
	if err != nil {
		return nil, err
	}
	directory := d.live.Load().directory
	all := []control.Unknown{}
	for _, u := range list {
		if _, answer := directory.Resolve(u.Address); answer == relay.Unknown {
			all = append(all, control.Unknown{Address: string(u.Address), Count: u.Count, Last: u.Last})
		}
	}
	return all, nil
}

// since counts the wanted observations of a day and the days after it.
func since(h evidence.Histogram, midnight time.Time) int {
	total := 0
	for back, n := range h.Wanted {
		if h.Day-int64(back) >= midnight.Unix()/(24*60*60) {
			total += int(n)
		}
	}
	return total
}
