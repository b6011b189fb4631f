package logtail

import (
	"context"
	"os"
	"strings"
	"testing"

	"posthouse/evidence"
	"posthouse/ledger"
)

// watched calls back before each commit.
type watched struct {
	*memory
	before func()
}

func (w watched) Testify(ctx context.Context, o []evidence.Observation, c []evidence.Coverage, offset *ledger.Offset, d ...evidence.LocalDelivery) error {
	w.before()
	return w.memory.Testify(ctx, o, c, offset, d...)
}

// TestProgress reads old logs: the status tells how far that is, it is blind until all is read, and a restart in between reads nothing twice.
func TestProgress(t *testing.T) {
	b := newFolder(t)
	line := arrives(-60, "x")
	for _, name := range []string{"MSGTRK01.LOG", "MSGTRK02.LOG", "MSGTRK03.LOG"} {
		b.log(name, strings.Repeat(line, worthTelling/2/len(line)), arrives(0, name))
	}
	var seen []Progress
	var f *Follower
	stop, cancel := context.WithCancel(t.Context())
	w := watched{b.memory, func() {
		s := f.Status()
		if s.Reading.Total > 0 {
			seen = append(seen, s.Reading)
			if !strings.Contains(s.Blind, " % of ") {
				t.Errorf("blind: %q", s.Blind)
			}
		}
		if len(seen) == 2 {
			cancel()
		}
	}}
	var err error
	if f, err = New(b.o, w, b.clock, b.f.log); err != nil {
		t.Fatal(err)
	}
	if err := f.Poll(stop); err == nil {
		t.Fatal("nothing was told of")
	}
	f.close()
	if len(seen) != 2 || seen[0].Read < batchOctets || seen[1].Read < 2*batchOctets || seen[0].Total < 3*worthTelling/2-1<<20 {
		t.Errorf("progress: %+v", seen)
	}
	b.restart()
	b.poll()
	if got := strings.Fields(b.ids()); len(got) != 4 { // one message in all of the old lines
		t.Errorf("%v", got)
	}
	if s := b.f.Status(); s.Blind != "" || s.Reading != (Progress{}) {
		t.Errorf("in the end: %+v", s)
	}
	if info, err := os.Stat(b.dir + "/MSGTRK01.LOG"); err != nil || info.Size() < worthTelling/2 {
		t.Fatal(err)
	}
}
