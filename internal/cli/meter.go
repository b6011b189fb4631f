package cli

import (
	"time"

	"posthouse/internal/control"
)

// rate is a speed; zero where it is not known yet, or nothing moves.
type rate struct{ messages, bytes float64 } // a second

// meter measures a rate over the samples of the last while. The zero meter is not ready: give it a window.
type meter struct {
	window  time.Duration
	samples []sample // oldest first
}

type sample struct {
	at       time.Time
	messages int
	bytes    int64
}

// add takes a sample. Numbers that shrink (a folder was listed anew) start the measuring again.
func (m *meter) add(s sample) {
	if n := len(m.samples); n > 0 {
		if last := m.samples[n-1]; s.messages < last.messages || s.bytes < last.bytes {
			m.samples = nil
		}
	}
	m.samples = append(m.samples, s)
	for len(m.samples) > 2 && s.at.Sub(m.samples[1].at) >= m.window {
		m.samples = m.samples[1:]
	}
}

func (m *meter) rate() rate {
	if len(m.samples) < 2 {
		return rate{}
	}
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	seconds := last.at.Sub(first.at).Seconds()
	if seconds <= 0 {
		return rate{}
	}
	return rate{float64(last.messages-first.messages) / seconds, float64(last.bytes-first.bytes) / seconds}
}

// speeds are the rates of a whole copy and of its mailboxes.
type speeds struct {
	window    time.Duration
	all       meter
	mailboxes map[string]*meter
}

func newSpeeds(window time.Duration) *speeds {
	return &speeds{window: window, all: meter{window: window}, mailboxes: map[string]*meter{}}
}

// add takes what a status says at the real instant now. Mailboxes that are not being copied are forgotten.
func (s *speeds) add(now time.Time, st control.Status) {
	s.all.add(sample{now, st.Copy.Messages, st.Copy.Bytes})
	kept := make(map[string]*meter, len(s.mailboxes))
	for _, m := range st.Mailboxes {
		if m.State != stateCopying {
			continue
		}
		of := s.mailboxes[m.Address]
		if of == nil {
			of = &meter{window: s.window}
		}
		of.add(sample{now, m.Done, m.Bytes})
		kept[m.Address] = of
	}
	s.mailboxes = kept
}

func (s *speeds) of(mailbox string) rate {
	if m := s.mailboxes[mailbox]; m != nil {
		return m.rate()
	}
	return rate{}
}

// left estimates how long the rest takes, by octets where their number is known, else by messages; ok is false while nothing moves.
func left(messages, total int, bytes, bytesTotal int64, r rate) (d time.Duration, ok bool) {
	var seconds float64
	switch {
	case messages >= total:
		return 0, false
	case r.bytes > 0 && bytesTotal > bytes:
		seconds = float64(bytesTotal-bytes) / r.bytes
	case r.messages > 0:
		seconds = float64(total-messages) / r.messages
	default:
		return 0, false
	}
	const longest = 1000 * day // an estimate beyond is none
	if d := time.Duration(seconds * float64(time.Second)); seconds < longest.Seconds() {
		return d, true
	}
	return 0, false
}
