package daemon

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/ledger"
)

// missingShown is how many missing messages are listed.
const missingShown = 100

// Evidence tells of every source: how well it was watched, and what it saw.
func (d *Daemon) Evidence(ctx context.Context) (control.Evidence, error) {
	now := d.opts.Clock.Now()
	if _, err := d.trouble(ctx, now); err != nil { // extends the coverage up to now
		return control.Evidence{}, err
	}
	t := d.witness.snapshot()
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
	e.Past = d.oldMail.describe()
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

// localDeliveries tells what became of what logs say was delivered on the old side.
func (d *Daemon) localDeliveries(ctx context.Context) (control.Reconciled, error) {
	counts, err := d.ledger.CountLocal(ctx)
	if err != nil {
		return control.Reconciled{}, err
	}
	r := control.Reconciled{
		Open: counts[ledger.LocalOpen], Seen: counts[ledger.LocalSeen], Foreign: counts[ledger.LocalForeign], Accepted: counts[ledger.LocalAccepted], Missing: counts[ledger.LocalMissing],
		List: []control.Missing{},
	}
	all, err := d.ledger.LocalDeliveries(ctx, ledger.LocalFilter{States: []ledger.LocalState{ledger.LocalMissing}, Newest: true, Limit: missingShown})
	for _, l := range all {
		r.List = append(r.List, missingOf(l))
	}
	return r, err
}

func missingOf(l ledger.LocalDelivery) control.Missing {
	m := control.Missing{
		Schema: control.MissingSchema, Number: l.ID, At: l.At, Mailbox: l.Mailbox, Message: l.Message, Source: l.Source, Folder: l.Folder, State: string(l.State), Note: l.Note,
	}
	if l.Client.IsValid() {
		m.Client = l.Client.String()
	}
	return m
}

// Accept takes missing messages for well.
func (d *Daemon) Accept(ctx context.Context, who string, names []string, yield func(control.Missing) error) error {
	all, err := d.ledger.LocalDeliveries(ctx, ledger.LocalFilter{States: []ledger.LocalState{ledger.LocalMissing}})
	if err != nil {
		return err
	}
	for _, name := range names {
		chosen := d.named(name, all)
		if len(chosen) == 0 {
			return fmt.Errorf("no missing message is named by %q", name)
		}
		for _, l := range chosen {
			l.Note = whatBecame(l) + "; accepted by " + who
			if err := d.ledger.Reconcile(ctx, d.opts.Clock.Now(), ledger.LocalAccepted, l.Note, l); err != nil {
				return err
			}
			d.log.WithField("mailbox", l.Mailbox).WithField("message_id", l.Message).WithField("by", who).Info("missing message accepted")
			l.State = ledger.LocalAccepted
			if err := yield(missingOf(l)); err != nil {
				return err
			}
		}
	}
	return nil
}

// named are those with a number, those of a mailbox, or all.
func (d *Daemon) named(name string, all []ledger.LocalDelivery) []ledger.LocalDelivery {
	number, _ := strconv.ParseInt(name, 10, 64)
	m, ours := d.mailboxOf(name)
	return slices.DeleteFunc(slices.Clone(all), func(l ledger.LocalDelivery) bool {
		of, known := d.mailboxOf(l.Mailbox)
		return name != "all" && number != l.ID && !(ours && known && of == m)
	})
}
