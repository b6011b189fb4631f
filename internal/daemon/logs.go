package daemon

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

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
		if source.File == "" {
			return fmt.Errorf("evidence.%s: reading the journal is not there yet; give the file that the log is written to", name)
		}
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
			Path: source.File, Every: d.real(500 * time.Millisecond), Beat: d.tick(), MaxSilence: source.MaxSilence, History: source.History,
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

// dialects are the programs whose lines a log holds; nil is any of those we know.
func dialects(kind string) []string {
	if kind == "auto" {
		return nil
	}
	return []string{kind}
}

func (l *logSource) describe(s *control.Source) {
	status := l.follower.Status()
	s.LastLine, s.LastRead = status.LastLine, status.LastRead
	if status.Blind != "" {
		s.Fresh, s.Blind = false, status.Blind
	}
}
