package sendercheck

import (
	"sync"
	"time"

	"posthouse/internal/clock"
)

const (
	// remembered is for how long an answer is believed: mail of one sender comes in bursts, and the records that matter here change rarely. That there was none is believed for less.
	remembered = 5 * time.Minute
	failed     = 5 * time.Second
	// What is remembered at most: so many answers, and none that is larger. Where there are more it begins anew.
	maxAnswers = 4000
	maxAnswer  = 2 << 10
)

// memory holds answers of DNS. Without it a burst of mail is a burst of questions, and a resolver that does not run is asked in vain for each message.
type memory struct {
	clock clock.Clock

	mu      sync.Mutex
	answers map[question]answer
}

// question is a kind of record and a name.
type question struct{ kind, name string }

type answer struct {
	records any
	err     error
	until   time.Time
}

func newMemory(c clock.Clock) *memory { return &memory{clock: c, answers: map[question]answer{}} }

func (m *memory) recall(q question) (answer, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, known := m.answers[q]
	return a, known && m.clock.Steady().Before(a.until)
}

func (m *memory) remember(q question, records any, size int, err error) {
	if size > maxAnswer || len(q.name) > maxAnswer {
		return
	}
	span := remembered
	if err != nil && !isNotFound(err) {
		span = failed
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.answers) >= maxAnswers {
		clear(m.answers)
	}
	m.answers[q] = answer{records, err, m.clock.Steady().Add(span)}
}
