package logtail

import (
	"net/netip"
	"testing"
	"time"
)

func TestActivity(t *testing.T) {
	s := NewState(Config{Source: "log"}, noon)
	c := client{service: "EAS", user: "anna", addr: netip.MustParseAddr("203.0.113.4")}
	touch := func(s *State, at time.Time) (begun, ended bool) {
		e := Event{At: at}
		s.touch(c, &e)
		for _, o := range e.Use {
			begun = begun || o.Open
			ended = ended || !o.Until.IsZero()
		}
		return begun, ended
	}
	if begun, _ := touch(s, noon); !begun {
		t.Fatal("the first request begins nothing")
	}
	if begun, ended := touch(s, noon.Add(activityEnds)); begun || ended {
		t.Error("a request shortly after begins another session")
	}
	if begun, ended := touch(s, noon.Add(3*activityEnds)); !begun || !ended {
		t.Error("a request long after goes on with the old session")
	}
	if use := s.idle(noon.Add(4 * activityEnds)); len(use) != 0 {
		t.Errorf("ended too early: %v", use)
	}
	use := s.idle(noon.Add(4*activityEnds + time.Second))
	if len(use) != 1 || !use[0].Until.Equal(noon.Add(3*activityEnds)) || !use[0].At.Equal(use[0].Until) {
		t.Errorf("silence ends: %v", use)
	}
}

// TestActivityThatNeverEnds counts a client that is never silent once a day, so that no session is older than a restart looks back.
func TestActivityThatNeverEnds(t *testing.T) {
	s := NewState(Config{Source: "log"}, noon)
	begun, ended := 0, 0
	for at := noon; at.Before(noon.Add(sessionAge)); at = at.Add(time.Hour) {
		e := Event{At: at}
		s.touch(client{service: "EAS", user: "anna"}, &e)
		for _, o := range e.Use {
			if o.Open {
				begun++
			} else if ended++; o.Until.Sub(o.At) != activityLasts {
				t.Errorf("one lasted from %s to %s", o.At, o.Until)
			}
		}
	}
	if begun != ended+1 || begun < 28 {
		t.Errorf("%d begun, %d ended", begun, ended)
	}
}

// TestActivityAfterARestart takes up what the ledger has: the session goes on, and ends.
func TestActivityAfterARestart(t *testing.T) {
	c := client{service: "EAS", user: "anna", addr: netip.MustParseAddr("203.0.113.4"), agent: "iPhone"}
	before := NewState(Config{Source: "log"}, noon)
	e := Event{At: noon}
	before.touch(c, &e)
	after := NewState(Config{Source: "log"}, noon)
	after.restore(snapshot{Ref: noon.Add(time.Hour)})
	after.reopen(e.Use[0])
	again := Event{At: noon.Add(2 * time.Hour)}
	if after.touch(c, &again); len(again.Use) != 0 {
		t.Errorf("it begins again: %v", again.Use)
	}
	use := after.idle(noon.Add(2*time.Hour + activityEnds + 1))
	if len(use) != 1 || use[0].Message != e.Use[0].Message || !use[0].Until.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("it ends: %v", use)
	}
	after.reopen(e.Use[0])
	if after.reopen(use[0]); after.active.len() != 0 {
		t.Error("an ended session is open after a restart")
	}
}

// TestActivitiesAreBounded begins more sessions than are remembered: the oldest ends, for the ledger too.
func TestActivitiesAreBounded(t *testing.T) {
	s := NewState(Config{Source: "log"}, noon)
	s.active = newBounded[string, *activity](2)
	var ended []string
	for i, user := range []string{"anna", "bob", "carol"} {
		e := Event{At: noon.Add(time.Duration(i) * time.Second)}
		s.touch(client{service: "EAS", user: user}, &e)
		for _, o := range e.Use {
			if !o.Open {
				ended = append(ended, o.Sender)
			}
		}
	}
	if len(ended) != 1 || ended[0] != "anna" || s.active.len() != 2 {
		t.Errorf("%v ended, %d are open", ended, s.active.len())
	}
}
