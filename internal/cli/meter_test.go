package cli

import (
	"testing"
	"time"

	"posthouse/internal/control"
)

func TestMeter(t *testing.T) {
	m := meter{window: 10 * time.Second}
	if m.rate() != (rate{}) {
		t.Error("a rate without samples")
	}
	for i := range 30 {
		m.add(sample{sampleNow.Add(time.Duration(i) * time.Second), i * 100, int64(i) * 1000})
	}
	if got := m.rate(); got != (rate{100, 1000}) {
		t.Errorf("got %v", got)
	}
	if n := len(m.samples); n > 12 {
		t.Errorf("%d samples are kept for 10 seconds", n)
	}
	for i := range 20 {
		m.add(sample{sampleNow.Add(time.Duration(30+i) * time.Second), 2900, 29_000})
	}
	if got := m.rate(); got != (rate{}) {
		t.Errorf("after a standstill longer than the window: %v", got)
	}
	m.add(sample{sampleNow.Add(time.Minute), 10, 100})
	if got := m.rate(); got != (rate{}) {
		t.Errorf("after the numbers shrank: %v", got)
	}
}

func TestMeterAtOneInstant(t *testing.T) {
	m := meter{window: time.Second}
	m.add(sample{sampleNow, 1, 1})
	m.add(sample{sampleNow, 2, 2})
	if got := m.rate(); got != (rate{}) {
		t.Errorf("got %v", got)
	}
}

func TestSpeedsForgets(t *testing.T) {
	s := newSpeeds(time.Minute)
	s.add(sampleNow, control.Status{Mailboxes: []control.Mailbox{{Address: "a", State: stateCopying}}})
	s.add(sampleNow.Add(time.Second), control.Status{Mailboxes: []control.Mailbox{{Address: "a", State: stateCopying, Done: 7, Bytes: 70}}})
	if got := s.of("a"); got != (rate{7, 70}) {
		t.Errorf("got %v", got)
	}
	s.add(sampleNow.Add(2*time.Second), control.Status{Mailboxes: []control.Mailbox{{Address: "a", State: "following", Done: 7}}})
	if len(s.mailboxes) != 0 || s.of("a") != (rate{}) {
		t.Error("a mailbox that is not being copied is remembered")
	}
}

func TestLeft(t *testing.T) {
	tests := []struct {
		name            string
		messages, total int
		bytes, of       int64
		r               rate
		want            time.Duration
		ok              bool
	}{
		{"by octets", 10, 20, 1000, 3000, rate{1, 100}, 20 * time.Second, true},
		{"by messages", 10, 20, 0, 0, rate{2, 0}, 5 * time.Second, true},
		{"done", 20, 20, 10, 10, rate{2, 2}, 0, false},
		{"standing still", 10, 20, 10, 20, rate{}, 0, false},
		{"for ever", 10, 20, 0, 1 << 62, rate{0, 0.001}, 0, false},
	}
	for _, tt := range tests {
		if d, ok := left(tt.messages, tt.total, tt.bytes, tt.of, tt.r); d != tt.want || ok != tt.ok {
			t.Errorf("%s: got %s, %v", tt.name, d, ok)
		}
	}
}
