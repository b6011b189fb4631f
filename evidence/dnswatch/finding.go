package dnswatch

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Finding is what people should know of a domain's DNS.
type Finding struct {
	Code  Code      `json:"code"`
	Alarm bool      `json:"alarm"` // somebody should look at it now
	Text  string    `json:"text"`
	Help  string    `json:"help,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// Code says what a Finding is about.
type Code string

const (
	Unanswered   Code = "unanswered"    // nobody tells anything of the domain
	NoServers    Code = "no servers"    // no authoritative server does; what resolvers say counts
	Silent       Code = "silent"        // one server does not answer
	Lame         Code = "lame"          // one server does not know the zone
	Delegated    Code = "delegated"     // the zone above names other servers than the zone itself
	Lagging      Code = "lagging"       // one server has an older zone
	Contradict   Code = "contradict"    // servers differ, and none is older
	SetBack      Code = "set back"      // a record is again what it was
	MXBack       Code = "mx back"       // the MX record was switched and leads to the old side again
	MXUnknown    Code = "mx unknown"    // an MX host is nobody's that we know
	BackupOld    Code = "backup old"    // some hosts are the cloud's, others still the old side's
	Cached       Code = "cached"        // a former answer may lie in caches
	Behind       Code = "behind"        // a resolver still has a former answer
	HighTTL      Code = "high ttl"      // before the switch: it will linger
	Unlisted     Code = "unlisted"      // the MTA-STS policy does not list an MX host
	NoPolicy     Code = "no policy"     // the MTA-STS record promises one
	Autodiscover Code = "autodiscover"  // it leads to the old side though mail does not
	NotVouched   Code = "spf"           // SPF does not name the cloud
	SwitchedSome Code = "switched when" // it was switched before we looked
)

// lowTTL is what the MX record may have before a switch without a word about it.
const lowTTL = time.Hour

// finder looks for findings of one kind.
type finder func(h History, s Snapshot, who Who, now time.Time) []Finding

var (
	inLook    = []finder{servers, silentOnMX, contradictions, delegated, behind, vouching}
	inHistory = []finder{exchange, lingering}
)

// Findings are what people should know at now, alarms first. s is the last look; of the zero Snapshot, where there was none yet, nothing is told.
func Findings(h History, s Snapshot, who Who, now time.Time) []Finding {
	var all []Finding
	finders := inHistory
	if !s.At.IsZero() {
		finders = slices.Concat(inLook, inHistory)
	}
	for _, find := range finders {
		all = append(all, find(h, s, who, now)...)
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		switch {
		case a.Alarm == b.Alarm:
			return 0
		case a.Alarm:
			return -1
		}
		return 1
	})
	return all
}

// servers tells of those who say nothing.
func servers(h History, s Snapshot, _ Who, _ time.Time) []Finding {
	var all []Finding
	answering := 0
	for _, v := range s.Views {
		since := h.Said[v.Server].At
		switch {
		case v.Err == "" && v.Authoritative:
			answering++
		case v.Lame:
			all = append(all, Finding{
				Code: Lame, Alarm: true, Since: since, Text: fmt.Sprintf("%s is named as a server of %s: %s", v.Server, s.Zone, v.Err),
				Help: "take it out of the NS records, here and at the registrar, or set the zone up there",
			})
		case v.Err != "" && v.Authoritative:
			all = append(all, Finding{Code: Silent, Alarm: true, Since: since, Text: fmt.Sprintf("%s: %s", v.Server, v.Err), Help: "what it says nobody knows; it may still have old records"})
		case v.Err != "":
			all = append(all, Finding{Code: Silent, Text: fmt.Sprintf("resolver %s: %s", v.Server, v.Err)})
		}
	}
	if answering > 0 {
		return all
	}
	if !s.answered() {
		return append(all, Finding{Code: Unanswered, Alarm: true, Since: h.Looked, Text: "nobody tells anything of " + s.Domain + ": " + why(s), Help: "see whether DNS can be asked from here (dns.resolvers)"})
	}
	counts := "what they said last counts for a day"
	if _, resolvers := h.counted(); resolvers {
		counts = "what resolvers say counts"
	}
	return append(all, Finding{
		Code: NoServers, Text: fmt.Sprintf("no authoritative server of %s can be asked from here; %s: %s", s.Domain, counts, why(s)),
		Help: "let port 53 out, UDP and TCP, or name the servers in dns.servers",
	})
}

// silentOnMX tells that servers answer, and none of them what matters.
func silentOnMX(h History, s Snapshot, _ Who, _ time.Time) []Finding {
	key := Key{s.Domain, "MX"}
	if !s.answered() || s.tells(key) {
		return nil
	}
	text := fmt.Sprintf("no server tells the %s", key)
	for _, v := range s.Views {
		if a := v.Answers[key]; a.Err != "" {
			text += ": " + v.Server + ": " + a.Err
			break
		}
	}
	return []Finding{{Code: Unanswered, Alarm: true, Since: h.MX.Told, Text: text, Help: "see what is wrong with the zone; what was said last counts for a day"}}
}

func why(s Snapshot) string {
	if s.Err != "" {
		return s.Err
	}
	for _, v := range s.Views {
		if v.Err != "" {
			return v.Server + ": " + v.Err
		}
	}
	return "there is none"
}

// delegated tells where two zones name different servers. All of them are asked.
func delegated(_ History, s Snapshot, _ Who, _ time.Time) []Finding {
	d := s.Delegation
	own := slices.Sorted(slices.Values(d.Own))
	if d.Above == "" || slices.Equal(own, d.There) {
		return nil
	}
	return []Finding{{
		Code: Delegated, Text: fmt.Sprintf("the zone %s sends to %s for %s, which itself names %s", d.Above, list(d.There), s.Zone, list(own)),
		Help: "make both the same, at the registrar or in the zone",
	}}
}

// contradictions tells of authoritative servers that differ.
func contradictions(h History, s Snapshot, _ Who, _ time.Time) []Finding {
	newest, ok := latest(s)
	if !ok {
		return nil
	}
	var all []Finding
	for _, v := range s.Views {
		if !v.Authoritative || v.Err != "" || v.Server == newest.Server {
			continue
		}
		differ := differing(newest, v)
		old := newer(newest.Serial, v.Serial)
		switch {
		case old && len(differ) > 0:
			key := differ[0]
			all = append(all, Finding{
				Code: Lagging, Alarm: true, Since: h.Records[key].since(newest.Answers[key].Values),
				Text: fmt.Sprintf("%s lags behind: serial %d, %s has %d; it still says %s is %s", v.Server, v.Serial, newest.Server, newest.Serial, key, list(v.Answers[key].Values)),
				Help: "see why it does not transfer the zone",
			})
		case old:
			all = append(all, Finding{Code: Lagging, Text: fmt.Sprintf("%s has serial %d, %s has %d; of what is watched they say the same", v.Server, v.Serial, newest.Server, newest.Serial)})
		case len(differ) > 0:
			key := differ[0]
			all = append(all, Finding{
				Code: Contradict, Alarm: true, Text: fmt.Sprintf("%s says %s is %s, %s says %s", newest.Server, key, list(newest.Answers[key].Values), v.Server, list(v.Answers[key].Values)),
				Help: "make the zone the same at all of its servers",
			})
		}
	}
	return all
}

// latest is the first of those with the newest zone.
func latest(s Snapshot) (View, bool) {
	var found View
	ok := false
	for _, v := range s.Views {
		if v.Authoritative && v.Err == "" && (!ok || newer(v.Serial, found.Serial)) {
			found, ok = v, true
		}
	}
	return found, ok
}

// differing are the records of which both know something, and not the same; MX first.
func differing(a, b View) []Key {
	all := map[Key]bool{}
	for key, mine := range a.Answers {
		if theirs, ok := b.Answers[key]; ok && mine.Err == "" && theirs.Err == "" && !mine.equal(theirs.Values) {
			all[key] = true
		}
	}
	keys := sorted(all)
	slices.SortStableFunc(keys, func(x, y Key) int {
		switch {
		case x.Type == "MX" && y.Type != "MX":
			return -1
		case x.Type != "MX" && y.Type == "MX":
			return 1
		}
		return 0
	})
	return keys
}

func (r Record) since(values []string) time.Time {
	if i := r.open(values); i >= 0 {
		return r.Spells[i].From
	}
	return time.Time{}
}

// list shows records side by side.
func list(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	return strings.Join(values, ", ")
}
