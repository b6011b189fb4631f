package daemon

import (
	"context"
	"slices"
	"time"

	"posthouse/bridge"
	"posthouse/evidence"
	"posthouse/internal/control"
)

// Status is everything at a glance, as of now.
func (d *Daemon) Status(ctx context.Context) (control.Status, error) {
	if err := d.keep(ctx); err != nil {
		return control.Status{}, err
	}
	now := d.opts.Clock.Now()
	s := control.Status{
		Schema: control.StatusSchema, At: now, Version: d.opts.Version, Organisation: d.cfg.Organisation, Domains: d.cfg.Domains, Since: d.started,
		Config: control.Loaded{File: d.cfg.File, At: d.started},
	}
	queue, err := d.queue(ctx, now)
	if err != nil {
		return s, err
	}
	s.Queue = queue
	s.Mailboxes, s.Copy = d.copied()
	testimony := d.witness.snapshot()
	work, err := d.openWork(ctx, now, s)
	if err != nil {
		return s, err
	}
	testimony = testimony.WithWork(work)
	s.Server = evidence.Judge(d.policy(evidence.MailboxServer(d.required(), d.listenerNames())), testimony, now)
	s.Address = evidence.Judge(d.policy(evidence.OldAddress(d.listenerNames())), testimony, now)
	s.Sources = d.sources(testimony, now)
	s.Arriving = arriving(testimony, d.listenerNames(), now)
	s.Listeners = d.listening()
	s.Unknown, err = d.unknown(ctx)
	return s, err
}

func (d *Daemon) policy(p evidence.Policy) evidence.Policy {
	v := d.verdict.Load()
	p.Quiet, p.Window, p.BlindBelow, p.Horizon, p.Stale = v.Quiet, v.Window, v.BlindBelow, v.Horizon, d.stale()
	return p
}

// required names the sources without which a verdict is blind.
func (d *Daemon) required() []string {
	var names []string
	for _, r := range d.verdict.Load().Required {
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
	all := make([]control.Listening, len(d.listeners))
	for i, l := range d.listeners {
		all[i] = control.Listening{Name: l.Name(), Role: string(d.cfg.Listeners[l.Name()].Role), Address: l.Addr().String()}
	}
	return all
}

func (d *Daemon) copied() ([]control.Mailbox, control.Copy) {
	var all []control.Mailbox
	var sum control.Copy
	homes := map[string]string{}
	for _, m := range d.mailboxes {
		homes[string(m.ID)] = string(m.Home)
	}
	for _, p := range d.bridge.Progress() {
		m := control.Mailbox{
			Address: string(p.Mailbox), Home: homes[string(p.Mailbox)], State: string(p.State), Folders: p.Folders, Done: p.Done, Total: p.Total,
			Bytes: p.Bytes, Folder: p.Folder, Error: p.Error, Next: p.Next, Caught: p.Caught,
		}
		for _, s := range p.Skipped {
			m.Skipped = append(m.Skipped, control.Skipped{Folder: s.Path, Why: s.Why})
		}
		all = append(all, m)
		add(&sum, p)
	}
	if sum.Messages > 0 {
		sum.BytesTotal = max(sum.Bytes, int64(float64(sum.Bytes)/float64(sum.Messages)*float64(sum.Total)))
	}
	return all, sum
}

func add(sum *control.Copy, p bridge.Progress) {
	sum.Mailboxes++
	sum.Messages += p.Done
	sum.Total += p.Total
	sum.Bytes += p.Bytes
	if !p.Caught.IsZero() {
		sum.Caught++
	}
	switch p.State {
	case bridge.Following:
		sum.Following++
	case bridge.Problem:
		sum.Problems++
	}
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
	for _, l := range d.logs {
		s := add(l.name, l.kind, required[l.name])
		l.describe(s)
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

func (d *Daemon) unknown(ctx context.Context) ([]control.Unknown, error) {
	list, err := d.ledger.UnknownRecipients(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]control.Unknown, len(list))
	for i, u := range list {
		all[i] = control.Unknown{Address: string(u.Address), Count: u.Count, Last: u.Last}
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
