package evidence

import (
	"fmt"

	"posthouse/evidence/book"
)

// leftover is what the book expects, for the verdict.
func (j *judgement) leftover() Leftover {
	if j.book == nil {
		return Leftover{}
	}
	l := Leftover{Horizon: j.Horizon, Chance: j.sum.Chance, Allowed: j.Chance, Expected: j.sum.Expected, Upper: j.sum.Upper}
	for _, who := range j.sooner() {
		l.Sooner = append(l.Sooner, who.system)
	}
	return l
}

// sooner are the likeliest without whom the rest would be allowed.
func (j *judgement) sooner() []likely {
	none := 1 - j.sum.Chance // the chance that nobody comes
	for i, who := range j.likely {
		if 1-none <= j.Chance {
			return j.likely[:i]
		}
		none = min(1, none/max(1e-9, 1-who.Chance))
	}
	return j.likely
}

// likelyNamed is how many are named at most who may still come.
const likelyNamed = 20

// expected says that too much may still come, and of whom.
func (j *judgement) expected() []Reason {
	if j.book == nil || j.sum.Chance <= j.Chance {
		return nil
	}
	reasons := []Reason{{
		Code: Expected, Help: "wait, or let those named send a test message, or accept them",
		Text: fmt.Sprintf("the chance that something wanted comes within %s is %.0f %%; %.0f %% are allowed", Length(j.Horizon), 100*j.sum.Chance+0.499, 100*j.Chance),
	}}
	after, _ := j.common.Back(j.Quiet)
	for _, who := range j.sooner() {
		if len(reasons) > likelyNamed || who.Chance < openFrom {
			break
		}
		if who.last.After(after) {
			continue // is named already
		}
		reasons = append(reasons, who.may())
	}
	return reasons
}

// may says of somebody that he may still come.
func (w likely) may() Reason {
	r := Reason{Code: Likely, Channel: w.channel, Senders: []string{w.system}, Since: w.last, Help: remedies[w.channel]}
	switch r.Text = fmt.Sprintf("%s may still use the old side (%s)", w.system, Rhythm(w.Share)); {
	case w.system == Newcomers:
		r.Code, r.Text, r.Help = Unheard, "somebody who was never seen may come ("+whoWasNew(w.unseen)+")", newcomersHelp
	case w.State == book.Unseen:
		r.Help = "ask for a test message, or wait for the next one"
	}
	return r
}

const newcomersHelp = "find out where they have the old address from; then posthouse senders accept " + Newcomers

// whoWasNew says what is known of newcomers.
func whoWasNew(o book.Others) string {
	if o.All == 0 {
		return "nobody new was seen since the switch"
	}
	return fmt.Sprintf("of %d who were new since the switch %d came to the old side", o.All, o.Old)
}

// Rhythm says for people how often somebody usually comes.
func Rhythm(s book.Share) string {
	switch days := 1 / s.Rate; {
	case days < 1.8:
		return "daily"
	case days < 4:
		return "every few days"
	case days < 10:
		return "weekly"
	case days < 20:
		return "every few weeks"
	case days < 45:
		return "monthly"
	case days < 130:
		return "every few months"
	}
	return "rarely"
}
