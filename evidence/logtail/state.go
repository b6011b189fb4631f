package logtail

import (
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"posthouse/evidence"
)

// Bounds of a State's memory. Beyond them the oldest is forgotten.
const (
	maxPending  = 8192                // messages between their first line and their acceptance
	maxQueued   = 8192                // messages accepted, until they leave the queue
	keptQueued  = 256                 // of them, across a restart
	maxRecent   = 65_536              // messages seen, for recognising a second pass
	keptRecent  = 256                 // of them, across a restart
	recentFor   = time.Hour           // how long a second pass may take
	maxSessions = 50_000              // sessions that have not ended
	maxOwn      = 1024                // our own sessions
	maxLogouts  = 8192                // ends of sessions whose logins were not read
	sessionAge  = 30 * 24 * time.Hour // how far back open sessions are looked for after a restart
)

// Config says whose traffic the log shows.
type Config struct {
	Source     string         // name of the evidence source
	Dialects   []string       // the servers that write into this log; none is any
	Zone       *time.Location // of stamps without an offset; nil is UTC
	Own        []netip.Prefix // from where our bridge, tee and probes and the house's monitors come: they never count
	OwnUsers   []string       // user names of the same
	OwnSenders []string       // envelope senders of the same
	Local      []netip.Prefix // the house's own networks: who comes from there sends, and does not arrive
	Gateways   []netip.Prefix // filters and relays in front of this server: what they bring arrives, and is named by its envelope sender
	Deliveries bool           // count deliveries into mailboxes as arriving: only where the log of the mail transport is not read
}

// State is what Parse remembers between lines of one log. It is not safe for concurrent use.
type State struct {
	c        Config
	stamps   stamps
	pending  *bounded[string, mail]      // by queue id
	queued   *bounded[string, queued]    // by queue id
	recent   *bounded[uint64, time.Time] // by hash of message id or queue id
	sessions *bounded[string, session]   // by session id, or by service and user
	places   *bounded[string, string]    // sessions by place
	own      *bounded[uint64, time.Time] // sessions of our own, by hash
	logouts  *bounded[string, logout]    // by session id
	heard    map[string]time.Time        // by dialect: the last line
	lastOwn  time.Time
	event    Event // of the line that is being read: here, it costs no memory of its own
	ownBy    Own
	dialogs  *bounded[string, *dialog]
	active   *bounded[string, *activity] // by client.key

	format  format    // fills the log's files alone; zero where they are syslog's
	file    fileState // of the file from which the next line is
	columns columns   // of the same
	guess   guess     // likewise, where the file does not tell
	values  []string  // of the last line, to be used again
}

// fileState is what is remembered of one file of a log.
type fileState struct {
	Name   string    `json:"name,omitempty"`   // tells it from the log's other files
	Header string    `json:"header,omitempty"` // names its columns
	Ref    time.Time `json:"ref,omitzero"`     // its last stamp
}

// NewState returns a State that knows no line yet. Stamps without a year are of the latest year in which the first of them lies before notAfter: the
// time the log was last written to.
func NewState(c Config, notAfter time.Time) *State {
	zone := c.Zone
	if zone == nil {
		zone = time.UTC
	}
	format, _ := formatOf(c.Dialects)
	return &State{
		c: c, format: format, stamps: stamps{zone: zone, ref: notAfter},
		pending:  newBounded[string, mail](maxPending),
		queued:   newBounded[string, queued](maxQueued),
		recent:   newBounded[uint64, time.Time](maxRecent),
		sessions: newBounded[string, session](maxSessions),
		places:   newBounded[string, string](maxSessions),
		own:      newBounded[uint64, time.Time](maxOwn),
		logouts:  newBounded[string, logout](maxLogouts),
		active:   newBounded[string, *activity](maxSessions),
		dialogs:  newBounded[string, *dialog](maxDialogs),
		heard:    make(map[string]time.Time), ownBy: newOwn(),
	}
}

func (s *State) reads(dialect string) bool {
	return len(s.c.Dialects) == 0 || slices.Contains(s.c.Dialects, dialect)
}

// LastOwn is the stamp of the last line that shows our own traffic. A test login that does not appear here means that the log is not what it seems.
func (s *State) LastOwn() time.Time { return s.lastOwn }

// unheard returns the configured dialects of which no line was ever read; "any" if none was configured and nothing was heard.
func (s *State) unheard() []string {
	if len(s.c.Dialects) == 0 && len(s.heard) == 0 {
		return []string{"any mail server"}
	}
	return slices.DeleteFunc(slices.Clone(s.c.Dialects), func(d string) bool { return !s.heard[d].IsZero() })
}

func (s *State) isOwn(client netip.Addr, user, from string) bool {
	return within(s.c.Own, client) || named(s.c.OwnUsers, user) || named(s.c.OwnUsers, withoutDomain(user)) || named(s.c.OwnSenders, from)
}

// saw tells whether a message was seen shortly before; remember makes it so.
func (s *State) saw(id string, at time.Time) bool {
	if id == "" {
		return false
	}
	seen, ok := s.recent.get(hash(id))
	return ok && at.Sub(seen).Abs() <= recentFor
}

func (s *State) remember(id string, at time.Time) {
	if id != "" {
		s.recent.put(hash(id), at)
	}
}

func within(networks []netip.Prefix, client netip.Addr) bool {
	client = client.Unmap()
	return client.IsValid() && slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(client) })
}

func named(names []string, name string) bool {
	return name != "" && slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

func hash(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return h.Sum64()
}

// snapshot is what of a State survives a restart. Sessions are not in it: they are in the ledger.
type snapshot struct {
	Ref     time.Time            `json:"ref"`
	Pending map[string]mail      `json:"pending,omitempty"`
	Queued  map[string]queued    `json:"queued,omitempty"`
	Recent  []uint64             `json:"recent,omitempty"`
	Own     []uint64             `json:"own,omitempty"`
	Logouts map[string]logout    `json:"logouts,omitempty"`
	Heard   map[string]time.Time `json:"heard,omitempty"`
	LastOwn time.Time            `json:"last_own,omitzero"`
	Dialogs map[string]dialog    `json:"dialogs,omitempty"`
	File    fileState            `json:"file,omitzero"`
	OwnBy   Own                  `json:"own_by_kind,omitzero"`
	// OwnByDialect is what earlier versions kept: when a dialect last showed our own traffic, mail or login.
	OwnByDialect map[string]time.Time `json:"own_by,omitempty"`
}

func (s *State) snapshot() snapshot {
	snap := snapshot{Ref: s.stamps.ref, Heard: maps.Clone(s.heard), LastOwn: s.lastOwn, OwnBy: s.ownBy.clone(), Pending: make(map[string]mail, s.pending.len()), Logouts: maps.Collect(s.logouts.each)}
	for id, m := range s.pending.each {
		if s.stamps.ref.Sub(m.At) < recentFor {
			snap.Pending[id] = m
		}
	}
	snap.Queued = s.newestQueued()
	for id, at := range s.recent.each {
		if s.stamps.ref.Sub(at) < recentFor {
			snap.Recent = append(snap.Recent, id)
		}
	}
	snap.Recent = snap.Recent[max(0, len(snap.Recent)-keptRecent):]
	snap.Dialogs, snap.File = s.openDialogs(), s.file
	for id := range s.own.each {
		snap.Own = append(snap.Own, id)
	}
	return snap
}

func (s *State) newestQueued() map[string]queued {
	kept, skip := make(map[string]queued), s.queued.len()-keptQueued
	for id, q := range s.queued.each {
		if skip--; skip < 0 {
			kept[id] = q
		}
	}
	return kept
}

func (s *State) restore(snap snapshot) {
	s.stamps.ref, s.stamps.read = snap.Ref, !snap.Ref.IsZero()
	for _, id := range slices.Sorted(maps.Keys(snap.Pending)) {
		s.pending.put(id, snap.Pending[id])
	}
	for _, id := range slices.Sorted(maps.Keys(snap.Queued)) {
		s.queued.put(id, snap.Queued[id])
	}
	for _, id := range snap.Recent {
		s.recent.put(id, snap.Ref)
	}
	for _, id := range snap.Own {
		s.own.put(id, snap.Ref)
	}
	for _, id := range slices.Sorted(maps.Keys(snap.Logouts)) {
		s.logouts.put(id, snap.Logouts[id])
	}
	for _, key := range slices.Sorted(maps.Keys(snap.Dialogs)) {
		s.converse(key, snap.Dialogs[key])
	}
	s.file = snap.File
	maps.Copy(s.heard, snap.Heard)
	s.ownBy.add(formerly(snap.OwnByDialect))
	s.ownBy.add(snap.OwnBy)
	s.lastOwn = snap.LastOwn
}

// observation fills in what all observations of this log share.
func (s *State) observation(at time.Time, channel evidence.Channel) evidence.Observation {
	return evidence.Observation{At: at, Channel: channel, Class: evidence.Wanted, Source: s.c.Source}
}
