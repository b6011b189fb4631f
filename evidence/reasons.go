package evidence

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// blindness lists what keeps us from seeing.
func (j *judgement) blindness() []Reason {
	if !j.possible() {
		return []Reason{{
			Code: Unrequired, Text: "the policy names no source, no use or no quiet period: nobody watches",
			Help: "name the sources that must be watched in the configuration",
		}}
	}
	reasons := j.unseen()
	for _, source := range j.Required {
		if r, blind := j.unwatched(source); blind {
			reasons = append(reasons, r)
		}
	}
	for _, source := range j.Required {
		if r, blind := j.uncovered(source); blind {
			reasons = append(reasons, r)
		}
	}
	for _, source := range j.Listeners {
		if r, blind := j.noContact(source); blind {
			reasons = append(reasons, r)
		}
	}
	return reasons
}

// unseen names the doors at which nobody stands: their silence proves nothing, however well all sources are watched.
func (j *judgement) unseen() []Reason {
	var reasons []Reason
	for _, c := range j.Unseen {
		if slices.ContainsFunc(j.Doors, func(d Door) bool { return d.Channel == c }) {
			reasons = append(reasons, Reason{Code: Unseen, Channel: c, Text: "no required source tells of " + unseenUse[c].text, Help: unseenUse[c].help})
		}
	}
	return reasons
}

// unseenUse is what nobody tells of, and what is to be done. Of arriving mail and of what is sent our own listeners tell.
var unseenUse = map[Channel]struct{ text, help string }{
	Login: {"logins: nobody sees who reads his mail on the old server", "name the old server's log that does: [evidence.NAME] in the configuration; verdict.without_logins = true goes without"},
}

func (j *judgement) unwatched(source string) (Reason, bool) {
	r := Reason{Code: Unwatched, Sources: []string{source}, Since: j.watched[source].End(), Help: "posthouse status shows why it cannot be read"}
	r.Text = source + " is not being watched"
	if r.Since.IsZero() {
		r.Text = source + " was never watched"
	}
	if why := j.Blinded[source]; why != "" {
		r.Text += ": " + why
	}
	return r, !j.isFresh(source)
}

func (j *judgement) uncovered(source string) (Reason, bool) {
	spans := j.watched[source]
	if !j.isFresh(source) {
		return Reason{}, false // said already
	}
	share := j.share(spans, j.now, spans.End())
	return Reason{
		Code: Uncovered, Sources: []string{source},
		Text: fmt.Sprintf("%s was watched %.0f %% of the last %s; %.0f %% are needed", source, floorPercent(share), Length(j.Policy.window()), 100*j.BlindBelow),
		Help: "keep posthouse and the source running; the gap ages out of the window by itself",
	}, share < j.BlindBelow
}

// floorPercent never rounds up: 89.99 % must not be shown as the 90 % that are needed.
func floorPercent(share float64) float64 { return float64(int(share * 100)) }

func (j *judgement) noContact(source string) (Reason, bool) {
	spans := j.watched[source]
	if j.ContactWithin <= 0 || len(spans) == 0 {
		return Reason{}, false
	}
	since := later(spans.Begin(), j.t.contacts[source])
	return Reason{
		Code: NoContact, Sources: []string{source}, Since: since,
		Text: fmt.Sprintf("no outside connection reached %s within %s", source, Length(j.ContactWithin)),
		Help: "send a test message from outside to the old address; look at firewall and DNS",
	}, j.now.Sub(since) > j.ContactWithin
}

// work lists what is still to be done.
func (j *judgement) work() []Reason {
	w := j.t.work
	if w.At.IsZero() {
		return []Reason{{Code: Unknown, Text: "nobody looked yet whether messages wait or mailboxes are unverified", Help: "wait for the first look"}}
	}
	var reasons []Reason
	for _, open := range []struct {
		code      Code
		work      Work
		one, many string
		help      string
	}{
		{Unsettled, w.Unsettled, "message is not yet safe in the cloud", "messages are not yet safe in the cloud", "posthouse status names the oldest"},
		{Held, w.Held, "message waits for a decision", "messages wait for a decision", "posthouse status names them, each with its reason"},
		{Problem, w.Problems, "mailbox needs attention", "mailboxes need attention", "posthouse status names them"},
		{Missing, w.Missing, "message was delivered on the old side and lies on neither side now", "messages were delivered on the old side and lie on neither side now", "posthouse evidence names them"},
		{Undisposed, w.Undisposed, "item of an old mailbox is not in the cloud", "items of old mailboxes are not in the cloud", "posthouse status names them"},
		{Unverified, w.Unverified, "mailbox is not verified as equal", "mailboxes are not verified as equal", "posthouse verify"},
	} {
		if open.work.Count <= 0 {
			continue
		}
		noun := open.many
		if open.work.Count == 1 {
			noun = open.one
		}
		reasons = append(reasons, Reason{
			Code: open.code, Text: fmt.Sprintf("%d %s", open.work.Count, noun),
			Senders: slices.Clone(open.work.Names), Since: open.work.Since, Help: open.help,
		})
	}
	return append(reasons, j.led()...)
}

func (j *judgement) sessions() []Reason {
	found := make(map[UseKey]*Reason)
	for key, since := range j.open {
		merge(found, *j.t.uses[key], Session, since)
	}
	return inOrder(found)
}

// uses names everybody whose wanted use lies within the quiet period.
func (j *judgement) uses() []Reason {
	after, _ := j.common.Back(j.Quiet)
	if len(j.common) == 0 {
		after = j.now.Add(-j.Quiet)
	}
	found := make(map[UseKey]*Reason)
	for key, u := range j.t.uses {
		if _, open := j.open[key]; !open {
			if last := j.counted(u); last.After(after) {
				merge(found, *u, Used, last)
			}
		}
	}
	return inOrder(found)
}

// merge makes one reason of what several sources saw of one sender.
func merge(found map[UseKey]*Reason, u Use, code Code, since time.Time) {
	key := UseKey{Channel: u.Channel, Sender: u.Sender}
	r := found[key]
	if r == nil {
		r = &Reason{Code: code, Channel: u.Channel, Senders: []string{u.Sender}, Help: remedies[u.Channel]}
		found[key] = r
	}
	r.Sources = append(r.Sources, u.Source)
	slices.Sort(r.Sources)
	if r.Text == "" || since.After(r.Since) {
		r.Text, r.Since = describe(u, code), since
	}
}

// inOrder puts the latest first.
func inOrder(found map[UseKey]*Reason) []Reason {
	reasons := make([]Reason, 0, len(found))
	for _, r := range found {
		reasons = append(reasons, *r)
	}
	slices.SortFunc(reasons, func(a, b Reason) int {
		return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.Senders[0], b.Senders[0]), cmp.Compare(a.Channel, b.Channel))
	})
	return reasons
}

func (j *judgement) short() []Reason {
	if j.quiet >= j.Quiet {
		return nil
	}
	return []Reason{{
		Code: Short, Since: j.quietFrom(), Help: "wait",
		Text: fmt.Sprintf("quiet and watched for %s of %s", Length(j.quiet), Length(j.Quiet)),
	}}
}
