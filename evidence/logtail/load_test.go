package logtail

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// load is a log that is written to while everything happens to it: the server goes on in a file that was renamed, in the middle of a line; copies are made and looked at before the original is cut;
// predecessors are compressed in two steps and thrown away when they were read; the ledger refuses, and the process dies.
type load struct {
	*rotator
	files []string // predecessors, the newest first
	named int
}

// look polls or not; now and then the ledger refuses, or the process dies and begins anew.
func (l *load) look() {
	switch l.rnd.IntN(6) {
	case 0:
		l.memory.failure = errors.New("full")
		if err := l.f.Poll(l.t.Context()); err == nil && l.rnd.IntN(2) == 0 {
			l.restart()
			l.memory.failure = nil
			return
		}
		if l.rnd.IntN(2) == 0 {
			l.memory.failure = nil
			l.restart()
		}
		l.memory.failure = nil
	case 1:
		l.restart()
	case 2, 3:
		l.poll()
	}
}

func (l *load) dated() string {
	l.named++
	return fmt.Sprintf("%s-%d", l.path, 20261123000+l.named)
}

// rename is by a new name; the server goes on in the old file until it is told.
func (l *load) renamed() {
	l.reopen()
	name := l.dated()
	l.rename(l.path, name)
	l.files = append([]string{name}, l.files...)
	l.into = name
	l.look()
}

// reopen is what the server does when it is told of a rotation.
func (l *load) reopen() {
	if l.into == l.path {
		return
	}
	l.finishLine()
	l.look()
	l.write(l.path)
	l.into = l.path
	l.look()
}

func (l *load) copied() {
	l.reopen()
	l.finishLine()
	whole, err := os.ReadFile(l.path)
	if err != nil {
		l.t.Fatal(err)
	}
	name := l.dated()
	l.write(name, string(whole))
	l.files = append([]string{name}, l.files...)
	l.look()
	l.clock.now = l.clock.now.Add(time.Second)
	l.truncate()
	l.look()
}

// compress packs the oldest predecessor that is not packed yet, as rotation does, at once or by the next.
func (l *load) compress() {
	i := len(l.files) - 1
	for i >= 0 && strings.HasSuffix(l.files[i], ".gz") {
		i--
	}
	if i < 0 || l.files[i] == l.into {
		return
	}
	name := l.files[i]
	whole, err := os.ReadFile(name)
	if err != nil {
		l.t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		l.t.Fatal(err)
	}
	pack(l.t, name+".gz", string(whole))
	if err := os.Chtimes(name+".gz", info.ModTime(), info.ModTime()); err != nil {
		l.t.Fatal(err)
	}
	l.look()
	if err := os.Remove(name); err != nil {
		l.t.Fatal(err)
	}
	l.files[i] = name + ".gz"
	l.look()
}

// discard throws away the oldest predecessor, when all has been read.
func (l *load) discard() {
	if len(l.files) < 3 {
		return
	}
	l.poll()
	l.poll()
	oldest := l.files[len(l.files)-1]
	if err := os.Remove(oldest); err != nil {
		l.t.Fatal(err)
	}
	l.files = l.files[:len(l.files)-1]
}

func TestRotationUnderLoad(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			l := &load{rotator: newRotator(t, seed, 2)}
			l.line()
			l.finishLine()
			l.poll()
			for range 80 {
				l.clock.now = l.clock.now.Add(time.Duration(1+l.rnd.IntN(60)) * time.Second)
				switch l.rnd.IntN(12) {
				case 0:
					l.renamed()
				case 1:
					l.copied()
				case 2:
					l.compress()
				case 3:
					l.discard()
				case 4:
					l.reopen()
				case 5, 6:
					l.look()
				default:
					l.line()
				}
			}
			l.reopen()
			l.finishLine()
			l.poll()
			l.poll()
			if got := strings.Fields(l.users()); !reflect.DeepEqual(got, l.written) {
				t.Errorf("read %v,\nwritten %v", got, l.written)
			}
		})
	}
}
