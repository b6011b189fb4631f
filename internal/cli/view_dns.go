package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
)

// How much of what DNS says is shown as text; --json has all.
const (
	changesShown = 10
	widestValue  = 80 // of a single record: keys are long
)

// dnsView is what DNS says of one domain: where its mail goes, what somebody should look at, who says what, what changed.
func dnsView(d control.Domain, zone *time.Location, fresh bool) []line {
	now := d.Looked
	if now.IsZero() {
		now = time.Now()
	}
	now = now.In(zone)
	if d.Error != "" {
		return []line{{{strong, d.Domain}, {plain, "   not asked about: " + d.Error}}}
	}
	lines := []line{dnsHead(d, now, fresh)}
	for _, f := range d.Findings {
		lines = append(lines, findingLine(f))
	}
	lines = append(lines, exchangerLines(d)...)
	lines = append(lines, recordLines(d)...)
	lines = append(lines, serverLines(d.Servers)...)
	return append(lines, changeLines(d, now)...)
}

func dnsHead(d control.Domain, now time.Time, fresh bool) line {
	looked := ""
	if !d.Looked.IsZero() && !fresh {
		looked = "as of " + clockTime(d.Looked, now)
	}
	st := plain
	if d.State == control.MailSwitched {
		st = good
	}
	return line{{strong, d.Domain}, {st, "   " + mailText(d, now)}, {dim, "   " + looked}}
}

// mailText says where a domain's mail goes, in a few words.
func mailText(d control.Domain, now time.Time) string {
	text := map[control.MailState]string{
		control.MailOldSide: "mail goes to the old side", control.MailBoth: "mail goes to the cloud and to the old side", control.MailUnknown: "where mail goes is not known",
	}[d.State]
	if d.State == control.MailSwitched {
		text = "MX switched " + moment(d.Switched, now)
		if d.BeforeFirst {
			text = "MX switched before " + moment(d.Switched, now)
		}
	}
	if !d.Back.IsZero() {
		text += ", again since " + moment(d.Back, now)
	}
	if d.CachedUntil.After(now) {
		text += ", former answers in caches until " + clockTime(d.CachedUntil, now)
	}
	return text
}

func findingLine(f control.DNSFinding) line {
	mark, st := "!", warn
	if f.Alarm {
		mark, st = "✗", bad
	}
	l := line{{st, "  " + mark + " "}, {plain, f.Text}}
	if f.Help != "" {
		l = append(l, span{dim, "   " + f.Help})
	}
	return l
}

func exchangerLines(d control.Domain) []line {
	var rows [][]string
	for _, x := range d.MX {
		whose := map[string]string{"posthouse": "posthouse", "old": "the old side's", "cloud": "the cloud's"}[x.Whose]
		if whose == "" {
			whose = "whose is not known"
		}
		name := fmt.Sprintf("%d %s", x.Preference, x.Host)
		rows = append(rows, []string{name, whose, strings.Join(x.Addresses, ", "), ttlOf(d, name)})
	}
	return labelledRows("MX", rows)
}

// ttlOf is that of the MX records among which one stands.
func ttlOf(d control.Domain, exchanger string) string {
	for _, r := range d.Records {
		if r.Kind == "MX" && slices.Contains(r.Values, exchanger) {
			return ttlText(r)
		}
	}
	return ""
}

func ttlText(r control.DNSRecord) string {
	if r.TTL <= 0 {
		return ""
	}
	text := "TTL " + evidence.Length(r.TTL)
	if r.MaxTTL > r.TTL {
		text += ", was " + evidence.Length(r.MaxTTL)
	}
	return text
}

// recordLines leave out what is not there, but for what every domain should have; MX records stand above.
func recordLines(d control.Domain) []line {
	var lines []line
	for _, r := range d.Records {
		text := "none"
		switch {
		case len(r.Values) > 0:
			text = fit(strings.Join(r.Values, ", "), widestValue)
		case r.Kind != "SPF" && r.Kind != "DMARC" && r.Kind != "MX":
			continue
		}
		if r.Kind == "MX" && len(r.Values) > 0 {
			continue
		}
		lines = append(lines, labelled(r.Kind, span{plain, join("   ", below(r.Name, d.Domain), text)}, span{dim, "   " + ttlText(r)}))
	}
	return lines
}

// below is a name as it stands in the domain's zone file; "" is the domain itself.
func below(name, domain string) string {
	if name == domain {
		return ""
	}
	return strings.TrimSuffix(name, "."+domain)
}

func serverLines(all []control.DNSServer) []line {
	var lines []line
	for _, s := range all {
		label, text := "resolver", s.Server
		if s.Authoritative {
			label = "server"
			text += fmt.Sprintf("   serial %d", s.Serial)
		}
		st := dim
		if s.Error != "" {
			st, text = warn, s.Server+"   "+s.Error
		}
		lines = append(lines, labelled(label, span{st, text}))
	}
	return lines
}

func changeLines(d control.Domain, now time.Time) []line {
	var rows [][]string
	for _, c := range d.Changes[:min(len(d.Changes), changesShown)] {
		back := ""
		if c.Back {
			back = "set back"
		}
		rows = append(rows, []string{
			moment(c.At, now), join(" ", c.Kind, below(c.Name, d.Domain)), fit(recordText(c.From), widestValue) + " → " + fit(recordText(c.To), widestValue), back,
		})
	}
	lines := labelledRows("changed", rows)
	if more := len(d.Changes) - len(rows); more > 0 {
		lines = append(lines, labelled("", span{dim, fmt.Sprintf("and %s earlier: --json", count(more))}))
	}
	return lines
}

func recordText(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	return strings.Join(values, ", ")
}

func labelledRows(label string, rows [][]string) []line {
	var lines []line
	for _, text := range aligned(rows) {
		lines = append(lines, labelled(label, span{plain, text}))
	}
	return lines
}

// mxText is the status' line about DNS: of one domain, or how many have been switched; or why nobody looks.
func mxText(all []control.Domain, unwatched string, now time.Time) string {
	switch len(all) {
	case 0:
		if unwatched != "" {
			return "not watched: " + unwatched
		}
		return ""
	case 1:
		return mailText(all[0], now)
	}
	var last time.Time
	var waiting []string
	for _, d := range all {
		if d.State != control.MailSwitched {
			waiting = append(waiting, d.Domain)
		} else if d.Switched.After(last) {
			last = d.Switched
		}
	}
	text := fmt.Sprintf("switched for %s of %s domains", count(len(all)-len(waiting)), count(len(all)))
	if !last.IsZero() {
		text += ", the last " + moment(last, now)
	}
	if len(waiting) > 0 {
		text += "; not for " + strings.Join(waiting[:min(len(waiting), 3)], ", ")
		if len(waiting) > 3 {
			text += fmt.Sprintf(" and %d more", len(waiting)-3)
		}
	}
	return text
}
