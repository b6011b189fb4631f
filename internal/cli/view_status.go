package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
)

// The states of a mailbox, as the status has them.
const (
	stateWaiting    = "waiting"
	stateCopying    = "copying"
	stateFollowing  = "following"
	stateUnfollowed = "not followed"
	stateProblem    = "problem"
)

// blocksShown is how many reasons stand on the status; --json has all.
const blocksShown = 6

// statusView is everything at a glance. Times are shown in zone, lists are broken at cut columns (0: never), and lines that have nothing to say are left out.
func statusView(s control.Status, r rate, zone *time.Location, cut int) []line {
	now := s.At.In(zone)
	lines := []line{headline(s)}
	for _, block := range []struct{ label, text string }{
		{"quiet", quietText(s.Server, now)},
		{"leftover", leftoverText(s.Server.Leftover)},
		{"earliest", earliestText(s.Server, now)},
		{"address", addressText(s.Address, now)},
		{"arriving", arrivingText(s.Arriving, now)},
		{"mx", mxText(s.DNS, s.NoDNS, now)},
		{"copy", newCopied(s, r).text()},
		{"follow", followText(s)},
		{"tls", tlsText(s.Listeners)},
		{"evidence", evidenceText(s.Server)},
	} {
		if block.text != "" {
			lines = append(lines, labelled(block.label, span{plain, block.text}))
		}
		if block.label == "address" {
			lines = append(lines, wrapped("", blocks(onlyIn(s.Address.Reasons, s.Server.Reasons), s.Domains, now), cut)...)
		}
	}
	lines = append(lines, wrapped("blocks", blocks(s.Server.Reasons, s.Domains, now), cut)...)
	return append(lines, problemsView(s, now)...)
}

// mark and word of a verdict.
func verdictMark(state evidence.State) (mark, word string, st style) {
	switch state {
	case evidence.Ready:
		return "✓", "READY", good
	case evidence.NotYet:
		return "◐", "NOT YET", warn
	case evidence.Blind:
		return "?", "BLIND", odd
	}
	return "✗", "UNKNOWN", bad
}

func headline(s control.Status) line {
	mark, word, st := verdictMark(s.Server.State)
	about := join("   ", s.Organisation, domainsText(s.Domains))
	l := line{{st, mark + " " + word}, {plain, "   " + pad(about, 55-columns(word))}}
	if !s.Since.IsZero() && s.At.After(s.Since) {
		l = append(l, span{dim, "   up " + evidence.Length(s.At.Sub(s.Since))})
	}
	return l
}

func domainsText(domains []string) string {
	switch len(domains) {
	case 0:
		return ""
	case 1, 2:
		return strings.Join(domains, ", ")
	}
	return fmt.Sprintf("%s and %d more domains", domains[0], len(domains)-1)
}

// quietText is how much silence there was, how much is needed, and what silence alone proves.
func quietText(v evidence.Verdict, now time.Time) string {
	if v.Needed <= 0 {
		return ""
	}
	text := partOf(v.Quiet, v.Needed) + " of " + period(v.Needed)
	if v.Quiet >= v.Needed {
		text = partOf(v.Quiet, v.Quiet) + ", " + period(v.Needed) + " are needed"
	}
	last, floor := "", ""
	if !v.LastUse.IsZero() {
		last = "last use " + moment(v.LastUse, now)
	}
	if v.Quiet >= time.Hour && v.Floor.Horizon > 0 && v.Leftover.Horizon == 0 {
		floor = fmt.Sprintf("silence alone: at most %s uses in the next %s (95 %%)", bound(v.Floor.Bound), period(v.Floor.Horizon))
	}
	return join("   ", text, last, floor)
}

// leftoverText is what the sender book expects, and who makes the difference.
func leftoverText(l evidence.Leftover) string {
	if l.Horizon <= 0 {
		return ""
	}
	text := fmt.Sprintf("%s chance of anything wanted in the next %s (ready at %s)", likelihood(l.Chance), period(l.Horizon), likelihood(l.Allowed))
	expected := fmt.Sprintf("%.1f expected, at most %s (95 %%)", l.Expected, bound(l.Upper))
	sooner := ""
	if len(l.Sooner) > 0 {
		sooner = "sooner without " + naming{}.names(l.Sooner)
	}
	return join("   ", text, expected, sooner)
}

// bound is rounded up: it is an upper one.
func bound(b float64) string {
	if b < 10 {
		return fmt.Sprintf("%.1f", b+0.0499)
	}
	return count(int(b + 0.999))
}

func earliestText(v evidence.Verdict, now time.Time) string {
	switch {
	case v.State == evidence.Ready, v.Earliest.IsZero():
		return ""
	case !v.Earliest.After(v.At):
		return "as soon as the open work is done"
	case v.State == evidence.Blind:
		return moment(v.Earliest, now) + ", if nothing more arrives and every source is watched from now on"
	}
	return moment(v.Earliest, now) + ", if nothing more arrives"
}

// addressText is the second verdict on one line.
func addressText(v evidence.Verdict, now time.Time) string {
	if v.State == "" {
		return ""
	}
	mark, word, _ := verdictMark(v.State)
	quiet, earliest, chance := "", "", ""
	if v.State == evidence.NotYet && v.Leftover.Horizon > 0 {
		chance = likelihood(v.Leftover.Chance) + " chance (ready at " + likelihood(v.Leftover.Allowed) + ")"
	}
	if v.State != evidence.Ready && v.Needed > 0 {
		quiet = "quiet " + partOf(v.Quiet, v.Needed) + " of " + period(v.Needed)
	}
	if v.State == evidence.NotYet && v.Earliest.After(v.At) {
		earliest = "earliest " + moment(v.Earliest, now)
	}
	return join("   ", mark+" "+strings.ToLower(word), v.About, quiet, chance, earliest)
}

func arrivingText(a control.Arriving, now time.Time) string {
	if a.Week == 0 && a.Today == 0 && a.Last.IsZero() {
		return ""
	}
	text := fmt.Sprintf("%s today, %s this week", count(a.Today), count(a.Week))
	if !a.Last.IsZero() {
		text += ", last " + clockTime(a.Last, now)
	}
	return text
}

func followText(s control.Status) string {
	following := ""
	if s.Copy.Following > 0 {
		following = counted(s.Copy.Following, "mailbox", "mailboxes")
	}
	q := s.Queue
	queue := ""
	if following != "" || len(s.Listeners) > 0 || q.Due+q.Sending+q.InDoubt+q.Held+q.Accepted+q.Quiet > 0 {
		queue = fmt.Sprintf("queue %s, held %s", count(q.Due+q.Sending+q.InDoubt), count(q.Held))
	}
	if q.Quiet > 0 {
		queue += fmt.Sprintf(", %s refused as spam or virus", count(q.Quiet))
	}
	if q.Accepted > 0 {
		queue += fmt.Sprintf(", %s accepted and not yet seen", count(q.Accepted))
	}
	return join("   ", following, queue)
}

// tlsText names the listeners without a certificate of their own.
func tlsText(all []control.Listening) string {
	var names []string
	for _, l := range all {
		if l.Certificate.SelfSigned && !slices.Contains(names, l.Name) {
			names = append(names, l.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "self-signed certificate: " + strings.Join(names, ", ") + " (tls_cert names a real one)"
}

func evidenceText(v evidence.Verdict) string {
	if v.Sources == 0 {
		return "no source is required: nobody watches"
	}
	text := fmt.Sprintf("%d of %s fresh", v.Fresh, counted(v.Sources, "source", "sources"))
	if v.Window <= 0 {
		return text
	}
	if v.Blind < time.Second {
		return text + "; never blind in the last " + period(v.Window)
	}
	return text + "; blind " + evidence.Length(v.Blind) + " in the last " + period(v.Window)
}

// blocks are a verdict's reasons, the weightiest first. The length of the silence, and how much may still come, is told above.
func blocks(reasons []evidence.Reason, domains []string, now time.Time) []string {
	v := naming{domains: domains}
	var items []string
	for _, r := range reasons {
		if r.Code != evidence.Short && r.Code != evidence.Expected {
			items = append(items, v.block(r, now))
		}
	}
	if len(items) > blocksShown+1 {
		return append(items[:blocksShown:blocksShown], fmt.Sprintf("and %s more", count(len(items)-blocksShown)))
	}
	return items
}

// onlyIn are the reasons of one verdict that another one does not have.
func onlyIn(reasons, other []evidence.Reason) []evidence.Reason {
	return slices.DeleteFunc(slices.Clone(reasons), func(r evidence.Reason) bool {
		return slices.ContainsFunc(other, func(o evidence.Reason) bool { return o.Code == r.Code && o.Text == r.Text })
	})
}

func (v naming) block(r evidence.Reason, now time.Time) string {
	text := r.Text
	switch r.Code {
	case evidence.Problem, evidence.Undisposed, evidence.Unverified:
		text += v.list(r.Senders)
	case evidence.Used:
		return text + " " + ago(r.Since, now)
	case evidence.Likely:
		return text + ", last seen " + clockTime(r.Since, now)
	}
	if r.Since.IsZero() {
		return text
	}
	return text + ", since " + clockTime(r.Since, now)
}

// namesShown is how many mailboxes are named within a sentence.
const namesShown = 3

func (v naming) list(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ": " + v.names(names)
}

func (v naming) names(names []string) string {
	var short []string
	for _, n := range names[:min(len(names), namesShown)] {
		short = append(short, v.short(n))
	}
	text := strings.Join(short, ", ")
	if more := len(names) - namesShown; more > 0 {
		text += fmt.Sprintf(" and %s more", count(more))
	}
	return text
}

// summaryText is the status in one line, for logs and for the service manager.
func summaryText(s control.Status, r rate, zone *time.Location) string {
	mark, word, _ := verdictMark(s.Server.State)
	text := mark + " " + word
	if copying(s.Copy) {
		return text + "; " + progressText(s, r)
	}
	q := s.Queue
	return join(", ", join(" ", text, earliestText(s.Server, s.At.In(zone))), counted(s.Copy.Following, "mailbox followed", "mailboxes followed"),
		fmt.Sprintf("queue %s, held %s", count(q.Due+q.Sending+q.InDoubt), count(q.Held)))
}
