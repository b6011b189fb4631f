package daemon

import (
	"testing"
	"time"

	"github.com/sirupsen/logrus/hooks/test"

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

// What the daemon feels it tells, and takes from the listeners.
func TestABreakIsTold(t *testing.T) {
	log, told := test.NewNullLogger()
	d := newWitness(t)
	d.log, d.born = log, time.Now()
	mx, err := listener.New(listener.Config{Name: "mx", Hostname: "mail.example.com", Addr: "127.0.0.1:0", Intake: intake{}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	d.listeners = []*listener.Server{mx}
	now := time.Now()
	covers := func(until time.Time, want time.Duration) {
		t.Helper()
		if err := d.witness.Cover(t.Context(), map[string]time.Time{"mx": until}); err != nil {
			t.Fatal(err)
		}
		if got := d.witness.Snapshot().Coverage("mx").Length(); got != want {
			t.Errorf("the listener was watched for %v, want %v", got, want)
		}
	}
	covers(now.Add(-time.Minute), 0)
	d.feel(now)
	if covers(now, time.Minute); len(told.Entries) != 0 {
		t.Fatalf("%d lines", len(told.Entries))
	}
	d.feel(now.Add(time.Hour))
	if len(told.Entries) != 1 || told.Entries[0].Data["clock_set_by"] != "1h0m0s" {
		t.Errorf("%+v", told.Entries)
	}
	covers(now.Add(time.Hour), time.Minute)
}
