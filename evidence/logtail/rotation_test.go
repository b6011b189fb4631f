package logtail

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRotationByRename(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %v", restart), func(t *testing.T) {
			b := newBench(t)
			b.write(b.path, login(0, "anna"))
			b.poll()
			b.at(1)
			b.write(b.path, login(0.5, "bob"))
			b.rename(b.path, b.path+".1")
			b.write(b.path+".1", login(0.6, "carol")) // the daemon has not noticed yet
			if restart {
				b.restart()
			}
			b.poll()
			b.at(1.5)
			b.write(b.path+".1", strings.TrimSuffix(login(1.2, "dora"), "\n"))
			b.at(2)
			b.write(b.path, login(1.6, "eve"))
			b.poll()
			b.want("anna bob carol dora eve", span(0, 2))
			if s := b.f.Status(); s.Blind != "" || s.File != b.path {
				t.Errorf("status %+v", s)
			}
		})
	}
}

func TestRotationsWhileAway(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(0, "anna"))
	b.poll()
	for i, name := range []string{"bob", "carol"} {
		b.at(float64(10 * (i + 1)))
		if i > 0 {
			b.rename(b.path+".1", b.path+".2")
		}
		b.rename(b.path, b.path+".1")
		b.write(b.path, login(float64(10*(i+1)), name))
	}
	b.at(30)
	b.restart()
	b.poll()
	b.want("anna bob carol", span(0, 30))
}

func TestPlaceLostWhileAway(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(0, "anna"))
	b.poll()
	b.at(5)
	b.write(b.path, login(3, "lost"))
	b.rename(b.path, b.path+".2.gz")
	b.at(20)
	b.write(b.path+".1", login(20, "bob"))
	b.at(30)
	b.write(b.path, login(30, "carol"))
	b.at(40)
	b.restart()
	b.poll()
	b.want("anna bob carol", span(20, 40))
}

func TestCopyTruncate(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %v", restart), func(t *testing.T) {
			b := newBench(t)
			b.write(b.path, login(0, "anna"))
			b.poll()
			b.at(1)
			b.write(b.path, login(0.5, "bob"))
			// Longer than before: the size alone tells nothing.
			b.copyAndCut(login(2.5, "a-user-with-a-long-name"), login(2.6, "carol"), login(2.7, "dora"))
			if restart {
				b.restart()
			}
			b.poll()
			b.at(4)
			b.poll()
			b.want("anna bob a-user-with-a-long-name carol dora", span(0, 4))
		})
	}
}

// A file of which a copy was passed over may be cut before its first line is read: then the copy is read.
func TestCutAfterItsCopyWasPassedOver(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(0, "anna"))
	b.poll()
	b.rename(b.path, b.path+".2")
	b.at(1)
	b.write(b.path, login(0.5, "bob"), login(0.6, "carol"))
	whole, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	b.at(2)
	b.write(b.path+".1", string(whole))
	b.untilNextFile()
	b.at(3)
	b.truncate()
	b.write(b.path, login(2.5, "dora"))
	b.poll()
	b.want("anna bob carol dora", span(0, 3))
}

// A file may be copied and cut after it was chosen and before its first line is read, and its copy may hold nothing yet when it is chosen.
func TestCutBeforeItIsRead(t *testing.T) {
	for _, begun := range []bool{false, true} {
		t.Run(fmt.Sprintf("copy begun %v", begun), func(t *testing.T) {
			b := newBench(t)
			b.write(b.path, login(0, "anna"))
			b.poll()
			b.rename(b.path, b.path+".2")
			b.at(1)
			b.write(b.path, login(0.5, "bob"), login(0.6, "carol"))
			if begun {
				b.write(b.path + ".1")
			}
			b.untilNextFile()
			b.copyAndCut(login(2.4, "dora"), login(2.5, "a-user-with-a-long-name"))
			b.poll()
			b.want("anna bob carol dora a-user-with-a-long-name", span(0, 3))
		})
	}
}

// untilNextFile polls until another file is chosen, and does not read its first line any more.
func (b *bench) untilNextFile() {
	b.t.Helper()
	first := b.f.pos.Inode
	for b.f.now, b.f.begun = b.clock.now, false; b.f.pos.Inode == first; {
		if _, err := b.f.step(b.t.Context()); err != nil {
			b.t.Fatal(err)
		}
	}
}

// copyAndCut rotates the log by a copy at two minutes, after which others write to it.
func (b *bench) copyAndCut(lines ...string) {
	b.t.Helper()
	whole, err := os.ReadFile(b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	b.at(2)
	b.write(b.path+".1", string(whole))
	b.at(3)
	b.truncate()
	b.write(b.path, lines...)
}

// cutOnRead is a file that is rotated before it is read for the second time, which is when it was looked at already.
type cutOnRead struct {
	logFile
	reads int
	cut   func()
}

func (c *cutOnRead) ReadAt(p []byte, at int64) (int, error) {
	if c.reads++; c.reads == 2 {
		c.cut()
	}
	return c.logFile.ReadAt(p, at)
}

func TestCutWhileItIsRead(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(0, "anna"))
	b.poll()
	b.at(1)
	b.write(b.path, login(0.5, "bob"))
	b.f.file = &cutOnRead{logFile: b.f.file, cut: func() { b.copyAndCut(login(2.4, "a-user-with-a-long-name"), login(2.5, "carol"), login(2.6, "dora")) }}
	b.poll()
	b.poll()
	b.want("anna bob a-user-with-a-long-name carol dora", span(0, 3))
}

// Files that were written to in the same moment are in the order of their numbers.
func TestRotatedInOneMoment(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(0, "anna"))
	b.poll()
	b.rename(b.path, b.path+".11")
	b.at(1)
	var users []string
	for n := 10; n > 0; n-- {
		users = append(users, fmt.Sprint("user", n))
		b.write(fmt.Sprint(b.path, ".", n), login(0.5, users[len(users)-1]))
	}
	b.write(b.path, login(0.5, "zoe"))
	b.poll()
	b.want("anna "+strings.Join(users, " ")+" zoe", span(0, 1))
}

func TestTruncatedWithoutACopy(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(-10, "anna"))
	b.poll()
	b.at(1)
	b.truncate()
	b.poll()
	b.at(2)
	b.poll()
	b.at(5)
	b.write(b.path, login(4, "bob"))
	b.poll()
	b.want("anna bob", span(-10, 0), span(1, 5))
}

func TestMissing(t *testing.T) {
	b := newBench(t)
	b.poll()
	if s := b.f.Status(); !strings.Contains(s.Blind, "missing") {
		t.Errorf("blind because of %q", s.Blind)
	}
	b.at(1)
	b.write(b.path, login(0.5, "anna"))
	b.poll()
	b.want("anna", span(0.5, 1))
	// Away for as long as rotation takes, and then for longer.
	b.at(2)
	b.rename(b.path, b.path+".old")
	b.poll()
	b.want("anna", span(0.5, 1))
	b.at(2.5)
	b.write(b.path, login(2.4, "bob"))
	b.poll()
	b.want("anna bob", span(0.5, 2.5))
	b.at(3)
	b.rename(b.path, b.path+".older")
	b.poll()
	b.at(10)
	b.poll()
	if s := b.f.Status(); !strings.Contains(s.Blind, "missing") {
		t.Errorf("blind because of %q", s.Blind)
	}
	b.write(b.path, login(9, "carol"))
	b.at(11)
	b.poll()
	b.want("anna bob carol", span(0.5, 2.5), span(9, 11))
}

// A list of files that was made while they were being renamed is told from one that holds.
func TestListIsMadeAnewWhileFilesAreRenamed(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(0, "anna"))
	b.write(b.path+".1", login(-1, "bob"))
	all, err := candidates(b.path)
	if err != nil || len(all) != 2 || !b.f.stable(all) {
		t.Fatalf("%v, %v", all, err)
	}
	if b.f.stable(all[1:]) {
		t.Error("a file that was left out is not missed")
	}
	b.rename(b.path+".1", b.path+".2")
	if b.f.stable(all) {
		t.Error("another name is not noticed")
	}
	if open, again := b.f.opened(all); open || !again {
		t.Errorf("opened %v, again %v", open, again)
	}
}

func TestUnreadable(t *testing.T) {
	b := newBench(t)
	b.write(b.path, login(0, "anna"))
	b.poll()
	b.restart()
	b.at(5)
	b.write(b.path, login(4, "bob"))
	// A file that cannot be read, also for root: its place is taken by one that is not there.
	b.rename(b.path, b.path+".0")
	if err := os.Symlink(b.path+".0/no", b.path); err != nil {
		t.Fatal(err)
	}
	b.poll()
	if s := b.f.Status(); s.Blind == "" {
		t.Error("not blind")
	}
	if err := os.Remove(b.path); err != nil {
		t.Fatal(err)
	}
	b.rename(b.path+".0", b.path)
	b.at(5.5)
	b.poll()
	b.want("anna bob", span(0, 5.5))
}

func TestPattern(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Path = filepath.Join(filepath.Dir(o.Path), "mail-*.log") })
	day := func(d int) string { return filepath.Join(filepath.Dir(b.path), fmt.Sprintf("mail-2026-11-%d.log", d)) }
	b.write(day(23), login(-10, "anna"))
	b.poll()
	b.at(1)
	b.write(day(23), login(0.5, "bob"))
	b.at(2)
	b.write(day(24), login(1.5, "carol"))
	b.poll()
	b.want("anna bob carol", span(-10, 2))
	if s := b.f.Status(); s.File != day(24) || s.Blind != "" {
		t.Errorf("status %+v", s)
	}
}

func TestReadsPredecessorsFirst(t *testing.T) {
	b := newBench(t)
	b.at(-120)
	b.write(b.path+".2.gz", "not a log")
	b.write(b.path+".1", login(-180, "anna"))
	b.write(b.path+".orig", login(-180, "nobody"))
	b.at(0)
	b.write(b.path, login(-60, "bob"))
	b.poll()
	b.want("anna bob", span(-180, 0))
}
