package logtail

import (
	"fmt"
	"maps"
	"slices"
)

// rate is the share of lines that were not understood, of late.
type rate struct {
	Lines    float64 `json:"lines"` // of a mail server; older ones weigh less
	Unparsed float64 `json:"unparsed"`
}

const (
	rateMemory  = 512 // lines
	rateLeast   = 5   // unparsed lines before there is an alarm
	rateAllowed = 0.05
)

func (r *rate) add(result Result) {
	if result == Foreign {
		return
	}
	const keep = 1 - 1.0/rateMemory
	r.Lines = r.Lines*keep + 1
	r.Unparsed *= keep
	if result == Unparsed {
		r.Unparsed++
	}
}

func (r rate) share() float64 {
	if r.Lines == 0 {
		return 0
	}
	return r.Unparsed / r.Lines
}

func (r rate) alarm() bool { return r.Unparsed > rateLeast-0.5 && r.share() > rateAllowed }

// count notes whether a line was understood.
func (p *position) count(dialect string, result Result) {
	p.Rate.add(result)
	if dialect == "" || result == Foreign {
		return
	}
	if p.Rates == nil {
		p.Rates = make(map[string]rate)
	}
	r := p.Rates[dialect]
	r.add(result)
	p.Rates[dialect] = r
}

// misread tells that too many lines are not understood: of the log, or of one dialect in it, whose few lines would not show among the many of others. "" is none.
func (p *position) misread() string {
	if p.Rate.alarm() {
		return fmt.Sprintf("%.0f %% of the lines are not understood", 100*p.Rate.share())
	}
	for _, dialect := range slices.Sorted(maps.Keys(p.Rates)) {
		if r := p.Rates[dialect]; r.alarm() {
			return fmt.Sprintf("%.0f %% of the lines of %s are not understood", 100*r.share(), dialect)
		}
	}
	return ""
}
