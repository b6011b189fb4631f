package logtail

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"posthouse/evidence"
)

// calamity is a log to which happens what no rotation does: it is cut without a copy, thrown away, lost and found, not to be read; the machine loses power. Some of what was written nobody can read any more.
type calamity struct {
	*rotator
	at map[string]time.Time // when each user logged in
}

func (c *calamity) line() {
	c.clock.now = c.clock.now.Truncate(time.Second).Add(time.Millisecond) // a stamp has whole seconds
	c.rotator.line()
	c.finishLine()
	c.at[c.written[len(c.written)-1]] = c.clock.now.Truncate(time.Second)
}

// refuses: the ledger takes nothing in this poll, and perhaps the process dies of it.
func (c *calamity) refuses() {
	c.memory.failure = errors.New("full")
	_ = c.f.Poll(c.t.Context())
	c.memory.failure = nil
	if c.rnd.IntN(2) == 0 {
		c.restart()
	}
}

// inside comes to the file that is being written to. Of one that was begun and is gone before anybody looked into it nobody can know.
func (c *calamity) inside() {
	if info, err := os.Stat(c.path); err != nil || inodeOf(info) != c.f.pos.Inode || c.f.pos.TailSize == 0 || !continues(c.path, c.f.pos.place) {
		c.poll()
	}
}

// cut is by somebody who needs room.
func (c *calamity) cut() {
	c.inside()
	c.truncate()
}

// discarded: the file is removed, and a new one begun.
func (c *calamity) discarded() {
	c.inside()
	if err := os.Remove(c.path); err != nil {
		c.t.Fatal(err)
	}
	c.write(c.path)
}

// away is a file that is not where it was for a while, or cannot be read, also by root: its name leads to itself.
func (c *calamity) away() {
	c.rename(c.path, c.path+"~")
	loop := c.rnd.IntN(2) == 0
	if loop {
		if err := os.Symlink(c.path, c.path); err != nil {
			c.t.Fatal(err)
		}
	}
	for range c.rnd.IntN(3) {
		c.poll()
		c.clock.now = c.clock.now.Add(time.Duration(c.rnd.IntN(90)) * time.Second)
	}
	if c.rnd.IntN(3) == 0 {
		c.restart()
		c.poll()
	}
	if loop {
		if err := os.Remove(c.path); err != nil {
			c.t.Fatal(err)
		}
	}
	c.rename(c.path+"~", c.path)
	c.touch(c.path)
}

// powerless: the machine loses power. The last that was written is lost, and zeros stand for it; posthouse ran elsewhere, or is started again too; the server writes again when it is back.
func (c *calamity) powerless() {
	c.inside()
	info, err := os.Stat(c.path)
	if err != nil {
		c.t.Fatal(err)
	}
	lost := min(info.Size(), int64(c.rnd.IntN(400)))
	if err := os.Truncate(c.path, info.Size()-lost); err != nil {
		c.t.Fatal(err)
	}
	c.write(c.path, string(make([]byte, 1+c.rnd.IntN(2*int(lost+1)))))
	if c.rnd.IntN(2) == 0 {
		c.restart()
	}
	if c.rnd.IntN(2) == 0 {
		c.poll()
	}
	c.clock.now = c.clock.now.Add(time.Duration(1+c.rnd.IntN(300)) * time.Second)
	c.line()
	c.poll()
}

// check: each login was seen, and is told in one way, or its time is blind.
func (c *calamity) check() {
	seen := map[string]evidence.Observation{}
	for _, o := range c.memory.observations {
		if seen[o.Sender] = o; !o.At.Equal(c.at[o.Sender]) {
			c.t.Errorf("%s at %v, not at %v", o.Sender, o.At, c.at[o.Sender])
		}
	}
	for _, user := range c.written {
		at := c.at[user]
		if _, ok := seen[user]; !ok && len(c.memory.coverage.Between(at, at.Add(time.Microsecond))) > 0 {
			c.t.Errorf("%s logged in at %v unseen: %v", user, at, c.memory.coverage)
		}
	}
}

// Whatever becomes of a log, nobody logs in unseen where it counts as watched.
func TestCalamities(t *testing.T) {
	lost, watched := 0, time.Duration(0)
	for seed := range uint64(80) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			c := &calamity{rotator: newRotator(t, seed, 3), at: map[string]time.Time{}}
			c.line()
			c.finishLine()
			c.poll()
			for range 60 {
				c.clock.now = c.clock.now.Add(time.Duration(1+c.rnd.IntN(300)) * time.Second)
				switch c.rnd.IntN(20) {
				case 0:
					c.byRename()
				case 1:
					c.byCopy()
				case 2:
					c.restart()
				case 3:
					c.refuses()
				case 4:
					c.cut()
				case 5:
					c.discarded()
				case 6:
					c.away()
				case 7:
					c.powerless()
				case 8, 9, 10, 11, 12:
					c.poll()
				default:
					c.line()
				}
			}
			c.finishLine()
			c.poll()
			c.check()
			users := map[string]bool{}
			for _, o := range c.memory.observations {
				users[o.Sender] = true
			}
			lost += len(c.written) - len(users)
			watched += c.memory.coverage.Length()
		})
	}
	if lost < 50 || watched < 50*time.Hour {
		t.Errorf("%d logins were lost, %v were watched: too little happened", lost, watched)
	}
}

// What was written into a file that was empty when it was last looked at, and put aside by a copy while posthouse was stopped, is read.
func TestEmptyAndAway(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(0, "anna"))
	b.poll()
	b.at(1)
	b.truncate()
	b.poll()
	b.at(2)
	b.poll()
	b.at(10)
	b.write(b.path, login(9, "bob"), login(10, "carol"))
	whole, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	b.at(11)
	b.write(b.path+".1", string(whole))
	b.at(12)
	b.truncate()
	b.restart()
	b.poll()
	b.at(13)
	b.write(b.path, login(12.5, "dora"))
	b.poll()
	b.want("anna bob carol dora", span(1, 13))
}

// A file that lost its end is read again from its beginning. What stands there was known, and proves nothing of what was lost.
func TestReadAgainProvesNothing(t *testing.T) {
	b := newBench(t)
	first := login(-60, "anna")
	b.write(b.path, first, login(-30, "bob"))
	b.poll()
	b.restart()
	b.at(5)
	if err := os.Truncate(b.path, int64(len(first))); err != nil {
		t.Fatal(err)
	}
	b.write(b.path, login(4, "dora"))
	b.at(6)
	b.poll()
	b.want("anna bob anna dora", span(-60, 0), span(4, 6))
}
