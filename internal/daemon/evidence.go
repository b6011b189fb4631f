package daemon

import (
	"context"
	"slices"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
)

// Evidence tells of every source: how well it was watched, and what it saw.
func (d *Daemon) Evidence(ctx context.Context) (control.Evidence, error) {
	now := d.opts.Clock.Now()
	if _, err := d.trouble(ctx, now); err != nil { // extends the coverage up to now
		return control.Evidence{}, err
	}
	t := d.witness.Snapshot()
	v := d.live.Load().cfg.Verdict
	e := control.Evidence{Schema: control.EvidenceSchema, At: now, Window: v.Window, Sources: []control.Watched{}}
	for _, s := range d.sources(t, now) {
		w := control.Watched{Source: s, Contact: t.Contact(s.Name)}
		d.watchedBy(&w, t.Coverage(s.Name), now, v.Window)
		d.observedBy(&w, t, now)
		e.Sources = append(e.Sources, w)
	}
	for _, l := range d.logs {
		i := slices.IndexFunc(e.Sources, func(w control.Watched) bool { return w.Name == l.name })
		l.detail(&e.Sources[i])
	}
	e.Canary = d.describeCanary()
	e.Past = d.past()
	var err error
	e.Local, err = d.localDeliveries(ctx)
	return e, err
}

// Export is all that the verdicts are made of.
func (d *Daemon) Export(ctx context.Context) (evidence.Export, error) {
	_, e, err := d.status(ctx)
	return e, err
}

// watchedBy tells of coverage within the window.
func (d *Daemon) watchedBy(w *control.Watched, spans evidence.Spans, now time.Time, window time.Duration) {
	if w.Since = spans.Begin(); w.Since.IsZero() {
		return
	}
	from, to := now.Add(-window), now
	if w.Since.After(from) {
		from = w.Since
	}
	if w.Fresh {
		to = spans.End() // the moments since the last sign of life are only not yet reported
	}
	spans = spans.Between(from, to)
	w.Share = 1
	if all := to.Sub(from); all > 0 {
		w.Share = float64(spans.Length()) / float64(all)
	}
	for _, s := range append(spans, evidence.Span{From: to, To: to}) {
		if s.From.After(from) {
			w.Gaps = append(w.Gaps, control.Gap{From: from, To: s.From})
		}
		from = s.To
	}
}

// observedBy counts what the source saw.
func (d *Daemon) observedBy(w *control.Watched, t evidence.Testimony, now time.Time) {
	midnight := now.Truncate(24 * time.Hour)
	for _, use := range t.Uses() {
		if use.Source != w.Name {
			continue
		}
		w.Today += since(use.Recent, midnight)
		w.Week += since(use.Recent, midnight.Add(-6*24*time.Hour))
		if use.LastUse.After(w.LastUse) {
			w.LastUse = use.LastUse
		}
	}
}

// detail tells what only the follower of a log knows.
func (l *logSource) detail(w *control.Watched) {
	s := l.follower.Status()
	w.File, w.LastMail, w.LastOwn, w.Lines, w.Hour, w.Unparsed, w.Example, w.Sessions = s.File, s.LastMail, s.LastOwn, s.Day, s.Hour, s.Unparsed, s.Example, s.Sessions
}
