package canary

import (
	"context"
	"strings"
	"testing"
	"time"

	"posthouse/ledger/sqlite"
)

// Each test is decided though the next is made the moment its time is over, and a log that shows nothing is lost since the first that did not show up in it.
func TestCanaryDecides(t *testing.T) {
	noon := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	at := func(minutes float64) time.Time { return noon.Add(time.Duration(minutes * float64(time.Minute))) }
	c := &Canary{cfg: Config{Every: 3 * time.Minute, Within: 3 * time.Minute}, runs: map[Kind]*run{}}
	step := func(now, own float64) *run {
		c.decide(c.runs[Mail], "log", at(own), at(now))
		return c.runs[Mail]
	}
	fly := func(now float64) { c.ran(Mail, at(now), nil) }

	fly(0)
	if run := step(0.5, 0.1); !run.Shown["log"].Equal(at(0)) || len(run.Await) != 0 {
		t.Errorf("shown: %+v", run)
	}
	fly(3)
	if run := step(5.9, 0.1); run.Lost["log"] || !run.Await["log"].Equal(at(3)) {
		t.Errorf("there was time left: %+v", run)
	}
	fly(6) // before anybody saw that the time of the one before is over
	if run := step(6.1, 0.1); !run.Lost["log"] || !run.Await["log"].Equal(at(3)) || !run.Shown["log"].Equal(at(0)) {
		t.Errorf("lost: %+v", run)
	}
	if run := step(6.2, 3.1); !run.Lost["log"] || !run.Await["log"].Equal(at(6)) {
		t.Errorf("the first came late, the second is out: %+v", run)
	}
	if run := step(6.3, 6.1); run.Lost["log"] || len(run.Await) != 0 || !run.Shown["log"].Equal(at(6)) {
		t.Errorf("it is back: %+v", run)
	}
}

// What the ledger kept of a test that showed up nowhere yet is taken up and decided after a restart.
func TestCanaryIsTakenUp(t *testing.T) {
	noon := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	l, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := Config{Every: time.Hour, Within: time.Minute, Send: func(context.Context, string) error { return nil }, Facts: l}
	c, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.ran(Mail, noon, nil)
	if err := c.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c, err = Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	run := c.runs[Mail]
	c.decide(run, "log", time.Time{}, noon.Add(2*time.Minute))
	if !run.At.Equal(noon) || !run.Lost["log"] || !run.Await["log"].Equal(noon) {
		t.Errorf("%+v", run)
	}
}

// Nobody who lacks the key makes a message of ours.
func TestOurMessages(t *testing.T) {
	noon := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	c, other := &Canary{cfg: Config{Key: []byte("ours"), Host: "mail.example.com"}}, &Canary{cfg: Config{Key: []byte("theirs")}}
	id := c.messageID(noon)
	for _, foreign := range []string{other.messageID(noon), "<canary-1@mail.example.com>", "<a@x.example>", strings.Replace(id, "-", "-1", 1), ""} {
		if c.Is(foreign) {
			t.Errorf("%q counts as ours", foreign)
		}
	}
	if !c.Is(id) || (*Canary)(nil).Is(id) || !strings.Contains(c.message(noon), "\r\nMessage-ID: "+id+"\r\n") {
		t.Errorf("%q is ours", id)
	}
}
