package main

import (
	"net/netip"
	"time"

	"posthouse/evidence"
	"posthouse/evidence/book"
	"posthouse/test/simulate/world"
)

// The sources that look at a world.
const (
	listener = "mx"
	devices  = "devices"
	logins   = "dovecot"
	oldLog   = "postfix"
)

var (
	channels = map[world.Kind]evidence.Channel{world.Mail: evidence.Arriving, world.Sending: evidence.Sending, world.Login: evidence.Login}
	sources  = map[world.Kind]string{world.Mail: listener, world.Sending: devices, world.Login: logins}
)

// observe makes an event what a source would say of it.
func observe(e world.Event) evidence.Observation {
	o := evidence.Observation{At: e.At, Channel: channels[e.Kind], Class: evidence.Wanted, Source: sources[e.Kind], Sender: e.Host, From: e.From, Client: addr(e.Client)}
	if e.User != "" {
		o.Sender = e.User
	}
	switch {
	case !e.Old:
		o.Class, o.Source = evidence.Moved, evidence.CloudSource
	case !e.Taken:
		o.Class = evidence.Unwanted
	}
	return o
}

// past is what the old logs tell of the time before the switch, by day.
func (r *run) past() []evidence.Tally {
	counts := make(map[evidence.Tally]uint32)
	for r.w.Day().Before(r.w.Switched().Add(-day)) {
		events, _ := r.w.Next()
		if r.Help == seen {
			continue // who has no book looks at no past
		}
		for _, e := range events {
			key := evidence.TrackKey{Channel: channels[e.Kind], Source: oldLog, System: r.nameOf(e)}
			counts[evidence.Tally{TrackKey: key, Class: evidence.Known, Last: book.Noon(book.DayOf(e.At))}]++
		}
	}
	all := make([]evidence.Tally, 0, len(counts))
	for t, n := range counts {
		t.N = n
		all = append(all, t)
	}
	return all
}

// watched is the coverage of a span: all sources of the old side are blind together.
func (r *run) watched(from, to time.Time) (all []evidence.Coverage) {
	if r.Seen.Cloud > 0 {
		all = append(all, evidence.Coverage{Source: evidence.CloudSource, Span: evidence.Span{From: from, To: to}})
	}
	seen := func(from, to time.Time) {
		for _, source := range []string{listener, devices, logins} {
			all = append(all, evidence.Coverage{Source: source, Span: evidence.Span{From: from, To: to}})
		}
	}
	for _, gap := range r.w.Blind() {
		if gap[0].Before(to) && gap[1].After(from) {
			seen(from, gap[0])
			from = gap[1]
		}
	}
	seen(from, to)
	return all
}

func addr(text string) netip.Addr {
	a, _ := netip.ParseAddr(text)
	return a
}
