package logtail

import (
	"errors"
	"testing"
	"time"
)

// A log that is doubted gives no coverage, and what it gave since is taken back, durably: neither its lines, nor a restart, nor a ledger that was full for a while bring it back.
func TestDoubt(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(-10, "anna"))
	b.poll()
	b.at(5)
	b.poll()
	b.want("anna", span(-10, 5))
	b.f.Doubt("it stopped", noon.Add(2*time.Minute))
	b.memory.failure = errors.New("full")
	b.at(6)
	if err := b.f.Poll(t.Context()); err == nil {
		t.Fatal("the ledger was full")
	}
	b.memory.failure = nil
	b.poll()
	b.want("anna", span(-10, 2))
	if got := b.f.Status().Blind; got != "it stopped" {
		t.Errorf("blind because of %q", got)
	}
	b.at(7)
	b.write(b.path, login(6.5, "bob"))
	b.poll()
	b.f.Doubt("it stopped", noon.Add(time.Minute)) // longer ago than it was thought
	b.poll()
	b.want("anna bob", span(-10, 1))
	b.restart() // nobody has told it yet
	b.at(8)
	b.poll()
	b.at(9)
	b.poll()
	b.want("anna bob", span(-10, 1), span(8, 9))
	b.f.Doubt("it stopped", noon.Add(time.Minute))
	b.poll()
	b.want("anna bob", span(-10, 1))
	b.f.Doubt("", time.Time{})
	b.at(10)
	b.poll()
	b.at(11)
	b.poll()
	b.want("anna bob", span(-10, 1), span(10, 11))
}

// A doubt that ended before the follower looked is still taken back: nobody watched in between.
func TestDoubtBetweenTwoPolls(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(-10, "anna"))
	b.poll()
	b.at(5)
	b.poll()
	b.f.Doubt("it stopped", noon.Add(2*time.Minute))
	b.f.Doubt("", time.Time{})
	b.at(6)
	b.poll()
	b.at(7)
	b.poll()
	b.at(8)
	b.poll()
	b.want("anna", span(-10, 2), span(7, 8))
}

// Who is told that the log is blind finds its coverage gone, even if the doubt came while the follower was reading.
func TestDoubtWithinAPoll(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(-10, "anna"))
	b.poll()
	b.at(5)
	b.memory.meanwhile = func() { b.f.Doubt("it stopped", noon.Add(2*time.Minute)) }
	b.poll()
	b.want("anna", span(-10, 5))
	if got := b.f.Status().Blind; got != "" {
		t.Errorf("blind because %q before coverage is withdrawn", got)
	}
	b.memory.meanwhile = nil
	b.poll()
	b.want("anna", span(-10, 2))
	if got := b.f.Status().Blind; got != "it stopped" {
		t.Errorf("blind because of %q", got)
	}
}
