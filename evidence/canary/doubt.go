package canary

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"posthouse/evidence/logtail"
)

// slack is the time by which a log's clock may be behind.
const slack = 2 * time.Minute

// Log is one of the old side's logs, and how its follower does.
type Log struct {
	Name, Kind string
	Status     logtail.Status
}

// Run is the last test of a kind, and in which logs it showed up.
type Run struct {
	Kind              Kind
	At                time.Time
	Error             string // why it could not be made
	Seen, Await, Lost []string
}

// Runs are the last tests, as these logs show them.
func (c *Canary) Runs(logs ...Log) (all []Run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, kind := range c.kinds() {
		run := c.runs[kind]
		if run == nil {
			continue
		}
		r := Run{Kind: kind, At: run.At, Error: run.Error}
		for _, l := range logs {
			switch {
			case !l.shows(kind):
			case run.Lost[l.Name]:
				r.Lost = append(r.Lost, l.Name)
			case run.Shown[l.Name].Equal(run.At):
				r.Seen = append(r.Seen, l.Name)
			default:
				r.Await = append(r.Await, l.Name)
			}
		}
		all = append(all, r)
	}
	return all
}

// Doubt looks whether the tests showed up in a log, and tells why it is not believed any more; since the last test that did, or the first that did not.
func (c *Canary) Doubt(l Log, now time.Time) (why string, from time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, kind := range c.kinds() {
		run := c.runs[kind]
		if run == nil || !l.shows(kind) {
			continue
		}
		if run.Error == "" {
			c.decide(run, l.Name, l.own(kind), now)
		}
		if run.Lost[l.Name] && why == "" {
			from = run.Await[l.Name]
			why = fmt.Sprintf("our own test %s of %s does not show up in it", kind, from.UTC().Format(time.RFC3339))
			if shown := run.Shown[l.Name]; !shown.IsZero() {
				from = shown
			}
		}
	}
	return why, from
}

// decide tells what a log's last line of our own traffic says of the last test. A test that is still out when the next is made is not forgotten: however often there is one, the first must show up in time.
func (c *Canary) decide(run *run, log string, own, now time.Time) {
	slack := min(slack, c.cfg.Every/2)
	first, waiting := run.Await[log]
	if !waiting || !own.Before(first.Add(-slack)) {
		first = run.At
	}
	switch {
	case !own.Before(run.At.Add(-slack)):
		run.Shown[log] = run.At
		delete(run.Await, log)
		delete(run.Lost, log)
		return
	case now.Sub(first) > c.cfg.Within:
		run.Lost[log] = true
	}
	run.Await[log] = first
}

// transports are the dialects in which our test mail shows, servers those in which mail and logins do; in the others our logins do.
var (
	transports = []string{logtail.Postfix, logtail.Exim, logtail.Sendmail, logtail.Qmail, logtail.ExchangeTracking, logtail.ExchangeSMTP}
	servers    = []string{"auto", logtail.HMailServer, logtail.MDaemon, logtail.Kerio}
)

// own is when a log last showed traffic of ours of that kind.
func (l Log) own(kind Kind) time.Time {
	shown := l.Status.OwnBy.Logins
	if kind == Mail {
		shown = l.Status.OwnBy.Mail
	}
	return slices.MaxFunc(append(slices.Collect(maps.Values(shown)), time.Time{}), time.Time.Compare)
}

// shows tells whether a test must show up in a log. Courier's programs for reading mail are used beside other transports: its log must show mail where it ever did.
func (l Log) shows(kind Kind) bool {
	switch {
	case kind == Listener:
		return false
	case slices.Contains(servers, l.Kind):
		return true
	case l.Kind == logtail.Courier && kind == Mail:
		return !l.Status.LastMail.IsZero() || !l.own(kind).IsZero()
	}
	return slices.Contains(transports, l.Kind) == (kind == Mail)
}
