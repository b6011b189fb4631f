package logtail

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"posthouse/evidence"
)

// rotator does to a log what servers, logrotate and operators do, in any order.
type rotator struct {
	*bench
	rnd     *rand.Rand
	written []string
	into    string // the file that the server has open
	partial string // the rest of a line that was begun
	files   int    // rotated so far
}

func newRotator(t *testing.T, seed, kind uint64) *rotator {
	b := newBench(t)
	return &rotator{bench: b, rnd: rand.New(rand.NewPCG(seed, kind)), into: b.path}
}

func (r *rotator) line() {
	user := fmt.Sprintf("user%d", len(r.written))
	r.written = append(r.written, user)
	stamped := login(r.clock.now.Sub(noon).Minutes(), user)
	cut := len(stamped)
	if r.rnd.IntN(3) == 0 {
		// Past the user's name: by less the first line of one file cannot be told from that of another.
		cut = 64 + r.rnd.IntN(len(stamped)-64)
	}
	r.write(r.into, r.partial+stamped[:cut])
	r.partial = stamped[cut:]
}

func (r *rotator) finishLine() {
	if r.partial != "" {
		r.write(r.into, r.partial)
		r.partial = ""
	}
}

// shift makes room for path.1.
func (r *rotator) shift() {
	for i := r.files; i > 0; i-- {
		r.rename(fmt.Sprintf("%s.%d", r.path, i), fmt.Sprintf("%s.%d", r.path, i+1))
	}
	r.files++
}

func (r *rotator) byRename() {
	r.finishLine()
	r.shift()
	r.rename(r.path, r.path+".1")
	r.write(r.path)
}

func (r *rotator) byCopy() {
	r.finishLine()
	whole, err := os.ReadFile(r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	r.shift()
	r.write(r.path+".1", string(whole))
	r.clock.now = r.clock.now.Add(time.Second)
	r.truncate()
}

// Whatever happens to the files, every line is read once and no time is blind, as long as no file is thrown away.
func TestRandomRotation(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := newRotator(t, seed, 1)
			r.line()
			r.finishLine()
			r.poll()
			for range 60 {
				r.clock.now = r.clock.now.Add(time.Duration(1+r.rnd.IntN(300)) * time.Second)
				switch r.rnd.IntN(10) {
				case 0:
					r.byRename()
				case 1:
					r.byCopy()
				case 2:
					r.restart()
				case 3, 4, 5:
					r.poll()
				default:
					r.line()
				}
			}
			r.finishLine()
			r.poll()
			if got := strings.Fields(r.users()); !reflect.DeepEqual(got, r.written) {
				t.Errorf("read %v,\nwritten %v", got, r.written)
			}
			if want := (evidence.Spans{{From: noon, To: r.clock.now}}); !reflect.DeepEqual(r.memory.coverage, want) {
				t.Errorf("coverage %v, want %v", r.memory.coverage, want)
			}
		})
	}
}
