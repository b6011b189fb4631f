package daemon

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"posthouse/config"
	"posthouse/evidence"
	"posthouse/evidence/logtail"
	"posthouse/internal/control"
)

// logSource is one log that is being followed.
type logSource struct {
	name, kind string
	follower   *logtail.Follower
}

// startLogs follows the old servers' logs. One that cannot be read is blind, not an error: status says so.
func (d *Daemon) startLogs(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(d.cfg.Evidence)) {
		source := d.cfg.Evidence[name]
		zone, err := time.LoadLocation(source.Timezone)
		if err != nil || source.Timezone == "" {
			zone = time.Local
		}
		senders := slices.Clone(source.OwnSenders)
		if from := d.cfg.Canary.From; from != "" {
			senders = append(senders, from)
		}
		own := append([]netip.Prefix{netip.MustParsePrefix(ownLoopback + "/32")}, source.OwnAddresses...)
		f, err := logtail.New(logtail.Options{
			Config: logtail.Config{
				Source: name, Dialects: dialects(source.Kind), Zone: zone, Own: own, OwnUsers: source.OwnUsers, OwnSenders: senders,
				Local: source.Local, Gateways: source.Gateways, Deliveries: source.Deliveries,
			},
			Journal: journal(source), Path: source.File, Every: d.real(every(source)), Beat: d.tick(), MaxSilence: source.MaxSilence, History: source.History,
		}, d.witness, d.opts.Clock, d.log)
		if err != nil {
			return fmt.Errorf("evidence.%s: %w", name, err)
		}
		if err := f.Start(ctx); err != nil {
			return fmt.Errorf("evidence.%s: %w", name, err)
		}
		d.onStop(f.Stop)
		d.logs = append(d.logs, &logSource{name: name, kind: source.Kind, follower: f})
	}
	return nil
}

// journal is the part of the journal that a log is; nil where it is a file.
func journal(s config.Source) *logtail.Journal {
	if s.File != "" {
		return nil
	}
	return &logtail.Journal{Units: s.Journal, Directory: s.JournalDirectory}
}

// every is the time between two looks at a log. A look into the journal takes a process.
func every(s config.Source) time.Duration {
	if s.File != "" {
		return 500 * time.Millisecond
	}
	return 5 * time.Second
}

// dialects are the programs whose lines a log holds; nil is any of those we know.
func dialects(kind string) []string {
	if kind == "auto" {
		return nil
	}
	return []string{kind}
}

// readersLogs are the kinds of logs that tell who logs in. Of the others that may nobody knows before they did: the mailbox server may have a log of its own.
var readersLogs = []string{logtail.Dovecot, logtail.Cyrus, logtail.Courier, logtail.Zimbra, logtail.ExchangeIMAP, logtail.ExchangeProxy, logtail.IIS}

func (l *logSource) tellsOfLogins() bool {
	return slices.Contains(readersLogs, l.kind) || !l.follower.Status().LastLogin.IsZero()
}

// seeLogins tells the policy on the mailbox server whether a required source tells of logins. Only a log does: who reads his mail changes nothing in a mailbox.
func (d *Daemon) seeLogins(p *evidence.Policy) {
	told := func(l *logSource) bool { return d.cfg.Evidence[l.name].Required && l.tellsOfLogins() }
	switch {
	case slices.ContainsFunc(d.logs, told):
	case d.live.Load().cfg.Verdict.WithoutLogins:
		p.Verdict += ", though nobody sees who logs in"
	default:
		p.Unseen = append(p.Unseen, evidence.Login)
	}
}

// describe tells of a log what the verdicts are told: why it is blind, if they call it so.
func (l *logSource) describe(s *control.Source, blinded map[string]string) {
	status := l.follower.Status()
	s.LastLine, s.LastRead = status.LastLine, status.LastRead
	if why := blinded[l.name]; why != "" {
		s.Fresh, s.Blind = false, why
	}
}
