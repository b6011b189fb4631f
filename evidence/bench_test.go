package evidence

import (
	"fmt"
	"testing"
)

// many is the testimony of a large organisation: 5,000 senders and users over four weeks.
func many() Testimony {
	te := covered(span(0, 700))
	var all []Observation
	for i := range 50_000 {
		o := use(float64(i%700), []Channel{Arriving, Sending, Login}[i%3], "postfix", fmt.Sprintf("sender%d.example", i%5000))
		o.Message = fmt.Sprintf("<%d@example>", i)
		all = append(all, o)
	}
	return Fold(te, all...)
}

func BenchmarkFoldOne(b *testing.B) {
	te := many()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		o := use(700, Login, "dovecot", "anna")
		o.Message = fmt.Sprint(i)
		te = Fold(te, o)
		i++
	}
}

func BenchmarkFoldMany(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		many()
	}
	b.ReportMetric(float64(b.N)*50_000/b.Elapsed().Seconds(), "observations/s")
}

func BenchmarkJudge(b *testing.B) {
	te, p := many(), policyWithoutContact()
	b.ReportAllocs()
	for b.Loop() {
		Judge(p, te, hours(700))
	}
}
