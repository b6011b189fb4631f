package dnswatch

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Bounds of a history.
const (
	maxSpells  = 16                  // of one record
	maxChanges = 200                 // of one domain
	outdated   = 90 * 24 * time.Hour // a record that nobody is asked for any more is kept for so long
)

// Forgotten is for how long counts what was said last, by a server that is silent, and by all of them.
const Forgotten = 24 * time.Hour

// History is what is known of one domain. It is a value for Next; it is kept as JSON.
type History struct {
	Domain  string              `json:"domain"`
	Since   time.Time           `json:"since"`  // of the first look at which anybody answered
	Looked  time.Time           `json:"looked"` // the last such look
	Said    map[string]Said     `json:"said"`   // by the servers that count, last; by their names
	Records map[Key]Record      `json:"records"`
	Hosts   map[string][]string `json:"hosts"`   // the addresses of MX hosts, wherever they were found
	Changes []Change            `json:"changes"` // the last of them
	Count   int                 `json:"count"`   // of all changes
	MX      MX                  `json:"mx"`
}

// Said is what a server said last.
type Said struct {
	At            time.Time      `json:"at"`
	Authoritative bool           `json:"authoritative"`
	Serial        uint32         `json:"serial"`
	Answers       map[Key]Answer `json:"answers"`
}

// Record is the life of a set of records: the spells in which one answer was given, oldest first. Two that are not gone are servers that differ.
type Record struct {
	Spells []Spell `json:"spells"`
}

// Spell is the time in which one answer was given.
type Spell struct {
	Values []string      `json:"values"`
	TTL    time.Duration `json:"ttl"`     // last
	MaxTTL time.Duration `json:"max_ttl"` // the largest that was seen
	From   time.Time     `json:"from"`
	Gone   time.Time     `json:"gone,omitzero"` // zero: it is still given
	Until  time.Time     `json:"until"`         // may it lie in caches: by what was seen up to now
}

// Change is an answer that was not given before.
type Change struct {
	At   time.Time `json:"at"`
	Key  Key       `json:"record"`
	From []string  `json:"from"`
	To   []string  `json:"to"`
	Back bool      `json:"back"` // it was given before, in between it was not
}

// Next is the history after one more look. The older one stays as it was.
func Next(h History, s Snapshot, who Who) History {
	h = h.copied(s.Domain)
	if !s.answered() {
		return h
	}
	h.rebase(s.At)
	h.hear(s)
	h.Looked = s.At
	if h.Since.IsZero() {
		h.Since = s.At
	}
	counted, resolvers := h.counted()
	for _, key := range h.keys(counted, resolvers, s) {
		if answers := answersTo(key, counted); len(answers) > 0 || !s.asked(key) {
			h.record(key, answers, resolvers, s.At)
		}
	}
	h.locate(s, counted)
	h.prune()
	if s.tells(Key{s.Domain, "MX"}) {
		h.MX.Told = s.At
	}
	if len(h.Records[Key{s.Domain, "MX"}].Current()) > 0 {
		h.MX = h.MX.next(h.leads(who), s.At)
	}
	h.Changes = h.Changes[max(0, len(h.Changes)-maxChanges):]
	return h
}

func (h History) copied(domain string) History {
	h.Domain = domain
	h.Said, h.Records, h.Hosts, h.Changes = cloned(h.Said), cloned(h.Records), cloned(h.Hosts), slices.Clone(h.Changes)
	return h
}

func cloned[K comparable, V any](m map[K]V) map[K]V {
	c := make(map[K]V, len(m)+1)
	maps.Copy(c, m)
	return c
}

func (s Snapshot) answered() bool {
	return slices.ContainsFunc(s.Views, func(v View) bool { return v.Err == "" })
}

// asked reports whether anybody who can be reached was asked for the records: where the answer is not known nothing has changed.
func (s Snapshot) asked(key Key) bool {
	return slices.ContainsFunc(s.Views, func(v View) bool { _, ok := v.Answers[key]; return ok })
}

// tells reports whether anybody knows the records, or that there are none.
func (s Snapshot) tells(key Key) bool {
	return slices.ContainsFunc(s.Views, func(v View) bool { a, ok := v.Answers[key]; return ok && v.Err == "" && a.Err == "" })
}

// rebase brings instants that lie ahead to now: the clock was wrong when they were noted, and they were not later than now.
func (h *History) rebase(now time.Time) {
	for _, at := range []*time.Time{&h.Since, &h.Looked, &h.MX.Told, &h.MX.Switched, &h.MX.Back, &h.MX.Before} {
		*at = earlier(*at, now)
	}
	for i := range h.Changes {
		h.Changes[i].At = earlier(h.Changes[i].At, now)
	}
	for server, said := range h.Said {
		said.At = earlier(said.At, now)
		h.Said[server] = said
	}
	for key, r := range h.Records {
		r.Spells = slices.Clone(r.Spells)
		for i := range r.Spells {
			p := &r.Spells[i]
			p.From, p.Gone, p.Until = earlier(p.From, now), earlier(p.Gone, now), earlier(p.Until, now.Add(p.MaxTTL))
		}
		h.Records[key] = r
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// hear takes what the servers say. What one does not say now it said before, until it is forgotten, or is no server of the zone any more.
func (h *History) hear(s Snapshot) {
	there := map[string]bool{}
	for _, v := range s.Views {
		there[v.Server] = true
		if v.Err != "" {
			continue
		}
		was := h.Said[v.Server].Answers
		said := Said{At: s.At, Authoritative: v.Authoritative, Serial: v.Serial, Answers: map[Key]Answer{}}
		for key, a := range v.Answers {
			if a.Err == "" {
				said.Answers[key] = a
			} else if old, ok := was[key]; ok {
				said.Answers[key] = old
			}
		}
		h.Said[v.Server] = said
	}
	maps.DeleteFunc(h.Said, func(server string, said Said) bool {
		return !there[server] && (s.Complete || !said.Authoritative) || s.At.Sub(said.At) > Forgotten
	})
}

// counted are those whose word is the domain's: the authoritative servers, or else the resolvers.
func (h History) counted() (all []Said, resolvers bool) {
	all = slices.Collect(maps.Values(h.Said))
	own := slices.DeleteFunc(slices.Clone(all), func(s Said) bool { return !s.Authoritative })
	if len(own) > 0 {
		return own, false
	}
	return all, true
}

// keys are those that were asked for before, or are now. Of what stands in other zones, which resolvers tell too, the addresses may be others each time.
func (h History) keys(counted []Said, resolvers bool, s Snapshot) []Key {
	all := map[Key]bool{}
	for key := range h.Records {
		all[key] = true
	}
	for _, said := range counted {
		for key := range said.Answers {
			if !resolvers || within(key.Name, cmp.Or(s.Zone, s.Domain)) {
				all[key] = true
			}
		}
	}
	return sorted(all)
}

// answersTo are the different answers, each with the largest of its TTLs.
func answersTo(key Key, counted []Said) []Answer {
	var all []Answer
	for _, s := range counted {
		a, ok := s.Answers[key]
		if !ok {
			continue
		}
		if i := slices.IndexFunc(all, func(b Answer) bool { return b.equal(a.Values) }); i >= 0 {
			all[i].TTL = max(all[i].TTL, a.TTL)
		} else {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b Answer) int { return slices.Compare(a.Values, b.Values) })
	return all
}

// record goes on with the spells of one record, and notes what changed. A record that nobody is asked for any more ends silently.
func (h *History) record(key Key, answers []Answer, resolvers bool, now time.Time) {
	r, known := h.Records[key]
	r.Spells = slices.Clone(r.Spells)
	before := r.Current()
	for _, a := range answers {
		if i := r.open(a.Values); i >= 0 {
			if resolvers {
				a.TTL = max(a.TTL, r.Spells[i].MaxTTL) // theirs run down
			}
			r.Spells[i].goesOn(a, now)
			continue
		}
		if known && len(before) > 0 {
			h.Count++
			h.Changes = append(h.Changes, Change{At: now, Key: key, From: before[0].Values, To: a.Values, Back: r.had(a.Values)})
		}
		r.Spells = append(r.Spells, Spell{Values: a.Values, TTL: a.TTL, MaxTTL: a.TTL, From: now, Until: now.Add(a.TTL)})
	}
	for i := range r.Spells {
		if p := &r.Spells[i]; p.Gone.IsZero() && !slices.ContainsFunc(answers, func(a Answer) bool { return a.equal(p.Values) }) {
			p.ends(now)
		}
	}
	r.Spells = r.Spells[max(0, len(r.Spells)-maxSpells):]
	h.Records[key] = r
}

func (p *Spell) goesOn(a Answer, now time.Time) {
	p.TTL, p.MaxTTL = a.TTL, max(p.MaxTTL, a.TTL)
	p.Until = later(p.Until, now.Add(a.TTL))
}

// ends: it may have been asked for until just before.
func (p *Spell) ends(now time.Time) {
	p.Gone = now
	p.Until = later(p.Until, now.Add(p.TTL))
}

// Current are the spells of the answers that are given now.
func (r Record) Current() []Spell {
	return slices.DeleteFunc(slices.Clone(r.Spells), func(p Spell) bool { return !p.Gone.IsZero() })
}

func (r Record) open(values []string) int {
	return slices.IndexFunc(r.Spells, func(p Spell) bool { return p.Gone.IsZero() && slices.Equal(p.Values, values) })
}

func (r Record) had(values []string) bool {
	return slices.ContainsFunc(r.Spells, func(p Spell) bool { return !p.Gone.IsZero() && slices.Equal(p.Values, values) })
}

// Lingers is until when an answer that is not given any more may lie in caches; the zero time if none does at now.
func (r Record) Lingers(now time.Time) time.Time {
	var until time.Time
	for _, p := range r.Spells {
		if !p.Gone.IsZero() && p.Until.After(now) && r.open(p.Values) < 0 {
			until = later(until, p.Until)
		}
	}
	return until
}

func sorted(keys map[Key]bool) []Key {
	return slices.SortedFunc(maps.Keys(keys), func(a, b Key) int {
		if a.Name != b.Name {
			return compare(a.Name, b.Name)
		}
		return compare(a.Type, b.Type)
	})
}

// prune leaves out records of hosts that are none any more.
func (h *History) prune() {
	maps.DeleteFunc(h.Records, func(_ Key, r Record) bool {
		return !slices.ContainsFunc(r.Spells, func(p Spell) bool { return p.Gone.IsZero() || h.Looked.Sub(later(p.Gone, p.Until)) < outdated })
	})
}

// Watched are the keys of which there are answers now: the domain's own first, MX before the others.
func (h History) Watched() []Key {
	all := map[Key]bool{}
	for key, r := range h.Records {
		if len(r.Current()) > 0 {
			all[key] = true
		}
	}
	keys := sorted(all)
	slices.SortStableFunc(keys, func(a, b Key) int { return h.rank(a) - h.rank(b) })
	return keys
}

func (h History) rank(k Key) int {
	switch {
	case k.Type == "MX":
		return 0
	case k.Type == "A", k.Type == "AAAA", k.Type == "TLSA":
		return 1
	case k.Name == h.Domain:
		return 2
	}
	return 3
}

// New are the changes that an older history of the domain does not have.
func (h History) New(older History) []Change {
	n := min(max(h.Count-older.Count, 0), len(h.Changes))
	return h.Changes[len(h.Changes)-n:]
}

// Same reports whether two histories of a domain tell the same, but for when it was last looked at.
func (h History) Same(o History) bool {
	return len(h.New(o)) == 0 && h.MX.Known == o.MX.Known && h.MX.Switched.Equal(o.MX.Switched) && h.MX.Back.Equal(o.MX.Back)
}
