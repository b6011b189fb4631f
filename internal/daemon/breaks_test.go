package daemon

import (
	"testing"
	"time"

	"github.com/sirupsen/logrus/hooks/test"

	"posthouse/bridge"
	"posthouse/relay/listener"
)

func TestBreaks(t *testing.T) {
	const longest = 5 * time.Minute
	for _, tt := range []struct {
		name          string
		shown, passed time.Duration // since the last beat
		set           time.Duration
		whole         bool
	}{
		{"as always", 30 * time.Second, 30 * time.Second, 0, true},
		{"set right little by little", 30*time.Second + 20*time.Millisecond, 30 * time.Second, 20 * time.Millisecond, true},
		{"a slow look", 4 * time.Minute, 4 * time.Minute, 0, true},
		{"the machine slept", 3 * time.Hour, 31 * time.Second, 3*time.Hour - 31*time.Second, false},
		{"set forward", 90 * time.Second, 30 * time.Second, time.Minute, false},
		{"set back", -time.Hour, 30 * time.Second, -time.Hour - 30*time.Second, false},
		{"stopped for a while", 20 * time.Minute, 20 * time.Minute, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p pulse
			if set, whole := p.beat(noon, time.Second, longest); set != 0 || !whole {
				t.Errorf("the first beat: %v, %v", set, whole)
			}
			if set, whole := p.beat(noon.Add(tt.shown), time.Second+tt.passed, longest); set != tt.set || whole != tt.whole {
				t.Errorf("set by %v, whole %v; want %v, %v", set, whole, tt.set, tt.whole)
			}
			if set, whole := p.beat(noon.Add(tt.shown+time.Second), 2*time.Second+tt.passed, longest); set != 0 || !whole {
				t.Errorf("afterwards: %v, %v", set, whole)
			}
		})
	}
}

// Of a break listeners covered nothing; what grew in the mailboxes meanwhile was found afterwards.
func TestInterrupted(t *testing.T) {
	w := newWitness(t)
	w.watched(t, noon)
	w.watched(t, noon.Add(time.Minute))
	w.interrupted([]string{"mx"})
	w.watched(t, noon.Add(3*time.Hour))
	w.watched(t, noon.Add(3*time.Hour+time.Minute))
	if got := w.spans("mx"); len(got) != 2 || got.Length() != 2*time.Minute {
		t.Errorf("the listener was watched: %v", got)
	}
	if got := w.spans(bridge.GrowthSource); got.Length() != 3*time.Hour+time.Minute+time.Second {
		t.Errorf("growth: %v", got)
	}
}

// What the daemon feels it tells, and takes from the listeners.
func TestABreakIsTold(t *testing.T) {
	log, told := test.NewNullLogger()
	w := newWitness(t)
	w.d.log, w.d.witness, w.d.born, w.covered["mx"] = log, w, time.Now(), noon
	mx, err := listener.New(listener.Config{Name: "mx", Hostname: "mail.example.com", Addr: "127.0.0.1:0", Intake: intake{}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	w.d.listeners = []*listener.Server{mx}
	now := time.Now()
	w.d.feel(now)
	if len(told.Entries) != 0 || len(w.covered) != 1 {
		t.Fatalf("%d lines, %v", len(told.Entries), w.covered)
	}
	w.d.feel(now.Add(time.Hour))
	if len(told.Entries) != 1 || told.Entries[0].Data["clock_set_by"] != "1h0m0s" || len(w.covered) != 0 {
		t.Errorf("%+v, %v", told.Entries, w.covered)
	}
}
