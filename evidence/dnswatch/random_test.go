package dnswatch

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Three servers say what they like, fall silent, come and go, and the process is restarted now and then. The record counts as switched exactly since the look from which on no server has
// said within a day that mail goes to the old side, and a change is noted when, and only when, an answer is given that was not given at the look before.
func TestRandomLooks(t *testing.T) {
	for seed := range uint64(100) {
		randomLooks(t, rand.New(rand.NewPCG(seed, 1)), fmt.Sprintf("seed %d", seed))
	}
}

var said = []string{"10 mail.example.com", "0 x.mail.protection.outlook.com", "5 y.mail.protection.outlook.com"}

// model is what the servers said last, plainly.
type model struct {
	answer   map[string]string
	at       map[string]time.Time
	switched time.Time
	changes  int
	given    map[string]bool
}

func randomLooks(t *testing.T, r *rand.Rand, name string) {
	t.Helper()
	m := &model{answer: map[string]string{}, at: map[string]time.Time{}}
	var h History
	now := start
	for look := range 40 {
		now = now.Add(time.Duration(r.IntN(600)) * time.Minute)
		s := randomSnapshot(r, now)
		h = Next(h, s, who)
		m.look(s)
		if r.IntN(4) == 0 {
			text, err := json.Marshal(h)
			must(t, err)
			h = History{}
			must(t, json.Unmarshal(text, &h))
		}
		if !h.MX.Switched.Equal(m.switched) || h.Count != m.changes {
			t.Fatalf("%s, look %d: switched %s, want %s; %d changes, want %d", name, look, h.MX.Switched, m.switched, h.Count, m.changes)
		}
		for _, p := range h.Records[mx].Spells {
			if !p.Gone.IsZero() && p.Until.Before(p.Gone.Add(p.TTL)) || p.Gone.IsZero() != m.given[p.Values[0]] && p.Gone.IsZero() {
				t.Fatalf("%s, look %d: %+v", name, look, p)
			}
		}
	}
}

func randomSnapshot(r *rand.Rand, now time.Time) Snapshot {
	s := Snapshot{Domain: "example.com", Zone: "example.com", At: now, Complete: r.IntN(2) == 0}
	for i := range 3 {
		v := View{Server: fmt.Sprintf("ns%d", i), Authoritative: true, Answers: map[Key]Answer{}}
		switch r.IntN(6) {
		case 0:
			continue // it is no server of the zone now
		case 1:
			v.Err = errSilent.Error()
		case 2:
			v.Answers[mx] = Answer{Err: "SERVFAIL"}
		default:
			v.Answers[mx] = Answer{Values: []string{said[r.IntN(len(said))]}, TTL: time.Hour}
		}
		s.Views = append(s.Views, v)
	}
	return s
}

func (m *model) look(s Snapshot) {
	if !s.answered() {
		return
	}
	there := map[string]bool{}
	for _, v := range s.Views {
		there[v.Server] = true
		if v.Err == "" {
			m.at[v.Server] = s.At
		}
		if a, ok := v.Answers[mx]; ok && a.Err == "" {
			m.answer[v.Server] = a.Values[0]
		}
	}
	given := map[string]bool{}
	for server := range m.at {
		if !there[server] && s.Complete || s.At.Sub(m.at[server]) > Forgotten {
			delete(m.at, server)
			delete(m.answer, server)
		} else if a := m.answer[server]; a != "" {
			given[a] = true
		}
	}
	if len(given) == 0 {
		return // nobody knows: it is as it was
	}
	for a := range given {
		if len(m.given) > 0 && !m.given[a] {
			m.changes++
		}
	}
	m.given = given
	switch {
	case given[said[0]]:
		m.switched = time.Time{}
	case m.switched.IsZero():
		m.switched = s.At
	}
}
