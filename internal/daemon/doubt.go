package daemon

import (
	"context"
	"fmt"
	"time"

	"posthouse/bridge"
	"posthouse/config"
	"posthouse/evidence"
)

const (
	// unloggedLeast is how many messages must have come into old mailboxes since a log's last line before it counts as stopped: one may have been put there by a mail program.
	unloggedLeast = 3
	// unloggedAfter is how long after its last line they must have come: lines and looks at mailboxes are not simultaneous.
	unloggedAfter = 5 * time.Minute
)

// doubtLogs tells the followers which logs do not show what they must show.
func (d *Daemon) doubtLogs(ctx context.Context) error {
	now := d.opts.Clock.Now()
	for _, l := range d.logs {
		why, from, err := d.stopped(ctx, l, now)
		if err != nil {
			return err
		}
		if why == "" {
			why, from = d.canary.Doubt(l.forCanary(), now)
		}
		l.follower.Doubt(why, from)
	}
	return d.canary.Keep(ctx)
}

// stopped tells whether mail came into the old mailboxes and a log that shows mail said nothing at all since before. Where there are several old servers nobody knows whose log it is.
func (d *Daemon) stopped(ctx context.Context, l *logSource, now time.Time) (why string, from time.Time, err error) {
	s := l.follower.Status()
	if s.LastMail.IsZero() || d.oldServers() != 1 {
		return "", time.Time{}, nil
	}
	came, after := 0, max(unloggedAfter, d.real(2*time.Second))
	err = d.ledger.Observations(ctx, s.LastLine.Add(after), func(o evidence.Observation) bool {
		if o.Source == bridge.GrowthSource && o.Channel == evidence.Arriving && o.Detail == "INBOX" && !d.canary.Is(o.Message) && o.At.Before(now.Add(-after)) {
			came++
		}
		return came < unloggedLeast
	})
	if err != nil || came < unloggedLeast {
		return "", time.Time{}, err
	}
	return fmt.Sprintf("it stopped: mail came into the old mailboxes, and nothing was written since %s", s.LastLine.Format(time.RFC3339)), s.LastLine, nil
}

// blinded tells why logs are not being watched: at once where they are doubted, else once they count as unwatched. A log that is away while it is rotated is not worth a word.
func (d *Daemon) blinded(t evidence.Testimony, now time.Time) map[string]string {
	why := map[string]string{}
	for _, l := range d.logs {
		s := l.follower.Status()
		if s.Blind != "" && (s.Doubted || now.Sub(t.Coverage(l.name).End()) > d.stale()) {
			why[l.name] = s.Blind
		}
	}
	return why
}

// oldServers counts the servers of the old side that have mailboxes.
func (d *Daemon) oldServers() (n int) {
	for _, s := range d.cfg.Servers {
		if s.Side == config.Legacy && s.IMAP != "" {
			n++
		}
	}
	return n
}

// blindKind begins the kind of their alarms.
const blindKind = "blind "

// blindAlarms names each required source that is not being watched, and why.
func (d *Daemon) blindAlarms(now time.Time) []alarm {
	var all []alarm
	for _, s := range d.sources(d.witness.Snapshot(), now) {
		if s.Required && s.Blind != "" && now.Sub(d.started) > d.stale() {
			all = append(all, alarm{blindKind + s.Name, "sources", 1, fmt.Sprintf("source %s is blind: %s", s.Name, s.Blind)})
		}
	}
	return all
}

// A log of which more than unparsedShare of late is not understood is worth a look before it is blind; unparsedLeast lines say something about the share.
const (
	unparsedShare = 0.01
	unparsedLeast = 100
)

// unparsedAlarms names logs whose lines are not all understood, with an example.
func (d *Daemon) unparsedAlarms() []alarm {
	var all []alarm
	for _, l := range d.logs {
		if s := l.follower.Status(); s.Blind == "" && s.Unparsed > unparsedShare && s.Day >= unparsedLeast {
			text := fmt.Sprintf("%.1f %% of the lines of %s are not understood, such as: %s", 100*s.Unparsed, l.name, s.Example)
			all = append(all, alarm{"unparsed " + l.name, "sources", 1, text})
		}
	}
	return all
}
