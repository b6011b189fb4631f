package logtail

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const trackingHeader = "#Software: Microsoft Exchange Server\r\n#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id," +
	"internal-message-id,message-id,recipient-address,recipient-status,total-bytes,recipient-count,related-recipient-address,reference,message-subject,sender-address,return-path,message-info\r\n"

// folderBench is a folder of message tracking.
type folderBench struct {
	*bench
	dir string
}

func newFolder(t *testing.T, change ...func(*Options)) *folderBench {
	b := &folderBench{dir: t.TempDir()}
	b.bench = newBench(t, append(change, func(o *Options) {
		o.Dialects, o.Path = []string{ExchangeTracking}, filepath.Join(b.dir, "MSGTRK*.LOG*")
	})...)
	return b
}

// arrives is a line by which mail arrives, so many minutes after noon.
func arrives(minutes float64, id string) string {
	return tracked(noon.Add(time.Duration(minutes*float64(time.Minute))).Format("2006-01-02T15:04:05.000Z"), id, "x")
}

// log appends to a file of the folder.
func (b *folderBench) log(name string, lines ...string) {
	path := filepath.Join(b.dir, name)
	if _, err := os.Stat(path); err != nil {
		lines = append([]string{trackingHeader}, lines...)
	}
	b.write(path, lines...)
}

func (b *folderBench) ids() string {
	var all []string
	for _, o := range b.memory.observations {
		all = append(all, strings.Trim(o.Message, "<>"))
	}
	return strings.Join(all, " ")
}

func (b *folderBench) wantIDs(ids string) {
	b.t.Helper()
	if got := b.ids(); got != ids {
		b.t.Errorf("got %q, want %q", got, ids)
	}
}

// TestFolder reads files of an hour each, several at a time, of which the older is still written to when the newer is there, and one that comes late.
func TestFolder(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %v", restart), func(t *testing.T) {
			b := newFolder(t)
			poll := func() {
				if restart {
					b.restart()
				}
				b.poll()
				b.poll()
			}
			b.at(-120)
			b.log("MSGTRK2026112310-1.LOG", arrives(-120, "a"))
			b.at(-60)
			b.log("MSGTRK2026112311-1.LOG", arrives(-60, "b"))
			b.at(0)
			b.log("MSGTRKMS2026112312-1.LOG", arrives(0, "c"))
			poll()
			b.wantIDs("a b c")
			b.at(1)
			b.log("MSGTRK2026112312-1.LOG", arrives(0.5, "e"), strings.TrimSuffix(arrives(0.6, "f"), "\r\n")) // not whole yet
			b.log("MSGTRK2026112311-1.LOG", arrives(0.2, "d"))                                                // late
			poll()
			b.wantIDs("a b c d e")
			b.at(2)
			b.log("MSGTRK2026112312-1.LOG", "\r\n", arrives(1.5, "g"))
			b.log("MSGTRKMS2026112312-1.LOG", arrives(1.7, "h"))
			poll()
			b.wantIDs("a b c d e f g h")
			b.log("MSGTRKMD2026112309-1.LOG", arrives(-180, "i")) // another service's, which was copied here late
			poll()
			b.wantIDs("a b c d e f g h i")
			if got := b.memory.coverage; len(got) != 1 || got[0] != span(-120, 2) {
				t.Errorf("coverage %v", got)
			}
			if s := b.f.Status(); s.Blind != "" {
				t.Errorf("blind: %s", s.Blind)
			}
		})
	}
}

// TestFolderForgets lets files grow old: they are neither remembered for ever nor read again, when they are compressed, touched, or written to once more.
func TestFolderForgets(t *testing.T) {
	b := newFolder(t)
	for day := range 30 {
		b.at(float64(day) * 24 * 60)
		b.log(fmt.Sprintf("MSGTRK202611%02d-1.LOG", day), arrives(float64(day)*24*60, fmt.Sprint(day)))
		b.poll()
	}
	want := b.ids()
	if n := len(strings.Fields(want)); n != 30 {
		t.Fatalf("read %d of 30: %s", n, want)
	}
	if n := len(b.f.pos.Files); n > 6 {
		t.Errorf("%d files are remembered", n)
	}
	text, err := json.Marshal(b.f.pos)
	if err != nil || len(text) > 4096 {
		t.Errorf("the position has %d octets, %v", len(text), err)
	}
	for _, day := range []int{3, 27} { // forgotten; remembered
		path := filepath.Join(b.dir, fmt.Sprintf("MSGTRK202611%02d-1.LOG", day))
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		pack(t, path+".gz", string(content))
		if err := os.Chtimes(path+".gz", info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	b.touch(filepath.Join(b.dir, "MSGTRK20261105-1.LOG"))
	b.touch(filepath.Join(b.dir, "MSGTRK20261126-1.LOG"))
	b.poll()
	b.restart()
	b.poll()
	b.wantIDs(want)
	now := 29.1 * 24 * 60
	b.at(now)
	b.poll()
	if n := len(b.f.asleep); n < 20 {
		t.Errorf("only %d files are left alone", n)
	}
	now += folderLook.Minutes()
	b.at(now)
	b.log("MSGTRK20261106-1.LOG", arrives(now, "forgotten"))
	b.log("MSGTRK20261128-1.LOG", arrives(now, "remembered"))
	b.poll()
	b.wantIDs(want + " forgotten remembered")
}

// TestFolderHistory reads no more than was asked for, at the first start.
func TestFolderHistory(t *testing.T) {
	b := newFolder(t, func(o *Options) { o.History = 10 * 24 * time.Hour })
	for _, day := range []int{-12, -9, -1} {
		b.at(float64(day) * 24 * 60)
		b.log(fmt.Sprintf("MSGTRK%02d.LOG", 20+day), arrives(float64(day)*24*60, fmt.Sprint(day)))
	}
	b.at(0)
	b.poll()
	b.wantIDs("-9 -1")
}

// TestFolderAway loses a share for a while: what was written meanwhile is read when it is back, and covered, as its files are the same.
func TestFolderAway(t *testing.T) {
	b := newFolder(t)
	b.log("MSGTRK12.LOG", arrives(0, "a"))
	b.poll()
	away := b.dir + ".away"
	b.rename(b.dir, away)
	b.at(5)
	b.poll()
	if s := b.f.Status(); !strings.Contains(s.Blind, "missing") {
		t.Errorf("blind: %q", s.Blind)
	}
	b.at(30)
	b.rename(away, b.dir)
	b.log("MSGTRK12.LOG", arrives(20, "b"))
	b.poll()
	b.wantIDs("a b")
	if got := b.memory.coverage; len(got) != 1 || got[0] != span(0, 30) {
		t.Errorf("coverage %v", got)
	}
	b.at(40)
	if err := os.Remove(filepath.Join(b.dir, "MSGTRK12.LOG")); err != nil {
		t.Fatal(err)
	}
	b.log("MSGTRK99.LOG", arrives(39, "c")) // another server's folder?
	b.poll()
	if got := b.memory.coverage; len(got) != 2 || got[1].From.Before(noon.Add(39*time.Minute)) {
		t.Errorf("coverage %v", got)
	}
}

// Of several folders one cannot be looked into any more: the others say nothing of what is written there.
func TestOneOfTheFoldersAway(t *testing.T) {
	b := newFolder(t)
	b.o.Path = filepath.Join(b.dir, "*", "logs", "*.LOG")
	b.restart()
	for _, name := range []string{"hub1", "hub2"} {
		if err := os.MkdirAll(filepath.Join(b.dir, name, "logs"), 0o700); err != nil {
			t.Fatal(err)
		}
		b.log(filepath.Join(name, "logs", "MSGTRK12.LOG"), arrives(0, name))
	}
	b.log("README.TXT", "no folder")
	b.poll()
	for _, lost := range []string{filepath.Join(b.dir, "hub2", "logs"), filepath.Join(b.dir, "hub2")} {
		// One that cannot be read, also for root: a name that leads to itself.
		b.rename(lost, lost+"~")
		if err := os.Symlink(lost, lost); err != nil {
			t.Fatal(err)
		}
		before := b.memory.coverage
		b.clock.now = b.clock.now.Add(5 * time.Minute)
		b.log(filepath.Join("hub1", "logs", "MSGTRK12.LOG"), arrives(b.clock.now.Sub(noon).Minutes(), "on"))
		b.poll()
		if s := b.f.Status(); !strings.Contains(s.Blind, lost) || !reflect.DeepEqual(b.memory.coverage, before) {
			t.Errorf("blind: %q, coverage %v", s.Blind, b.memory.coverage)
		}
		if err := os.Remove(lost); err != nil {
			t.Fatal(err)
		}
		b.rename(lost+"~", lost)
		b.clock.now = b.clock.now.Add(5 * time.Minute)
		b.poll()
		if s := b.f.Status(); s.Blind != "" || !b.memory.coverage.End().Equal(b.clock.now) || len(b.memory.coverage) != 1 {
			t.Errorf("blind: %q, coverage %v", s.Blind, b.memory.coverage)
		}
	}
}

// TestFolderInAnyPieces writes several files in random pieces, with restarts: every line is read once.
func TestFolderInAnyPieces(t *testing.T) {
	for seed := range uint64(5) {
		b := newFolder(t)
		r := rand.New(rand.NewPCG(seed, 7))
		pending := map[string]string{}
		var want []string
		for hour := range 5 {
			for _, series := range []string{"MSGTRK", "MSGTRKMS", "MSGTRKMD"} {
				name := fmt.Sprintf("%s2026112%d-1.LOG", series, hour)
				text := trackingHeader
				for i := range 8 {
					id := fmt.Sprintf("%s-%d-%d", series, hour, i)
					want = append(want, id)
					text += arrives(float64(hour*60+i), id)
				}
				pending[name] = text
			}
			b.at(float64(hour*60 + 59))
			for len(pending) > 0 {
				names := slices.Sorted(func(yield func(string) bool) {
					for name := range pending {
						if !yield(name) {
							return
						}
					}
				})
				name := names[r.IntN(len(names))]
				if strings.HasSuffix(name, fmt.Sprintf("%d-1.LOG", hour)) && len(names) < 3 && hour < 4 && r.IntN(3) == 0 {
					break // the rest comes when the next hour's files are there
				}
				n := min(len(pending[name]), 1+r.IntN(700))
				b.write(filepath.Join(b.dir, name), pending[name][:n])
				if pending[name] = pending[name][n:]; pending[name] == "" {
					delete(pending, name)
				}
				if r.IntN(4) == 0 {
					b.restart()
				}
				if r.IntN(2) == 0 {
					b.poll()
				}
			}
		}
		b.poll()
		got := strings.Fields(b.ids())
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("seed %d: %d lines, want %d", seed, len(got), len(want))
		}
	}
}

// TestFolderThatRenames reads a folder in which the newest file always has the same name, and older ones are pushed on, and compressed.
func TestFolderThatRenames(t *testing.T) {
	line := func(seconds int, from string) string { // without a Message-ID, by which a second reading would show
		text, _, _ := strings.Cut(kerioLine(seconds, from), ", Msg-Id")
		return text + "\r\n"
	}
	b := newBench(t, func(o *Options) {})
	b.o.Dialects, b.o.Path = []string{Kerio}, filepath.Join(filepath.Dir(b.path), "*.log*")
	b.restart()
	b.write(b.path, line(1, "one@x.example"))
	b.poll()
	b.at(0.1)
	b.write(b.path, line(2, "two@x.example"))
	b.rename(b.path, b.path+".1")
	b.write(b.path, line(3, "three@x.example"))
	b.restart()
	b.poll()
	b.at(0.2)
	if err := os.Remove(b.path + ".1"); err != nil {
		t.Fatal(err)
	}
	pack(t, b.path+".2.gz", line(1, "one@x.example")+line(2, "two@x.example"))
	b.touch(b.path + ".2.gz")
	b.rename(b.path, b.path+".1")
	b.write(b.path, line(4, "four@x.example"))
	b.poll()
	if got := froms(b); got != "one@x.example two@x.example three@x.example four@x.example" {
		t.Error(got)
	}
}

// TestActivityInAFolder reads a phone's requests: one session, which a restart does not break, and which ends when nothing more is heard.
func TestActivityInAFolder(t *testing.T) {
	b := newBench(t, func(o *Options) {})
	b.o.Dialects, b.o.Path = []string{IIS}, filepath.Join(filepath.Dir(b.path), "u_ex*.log")
	b.restart()
	path := filepath.Join(filepath.Dir(b.path), "u_ex261123.log")
	request := func(minutes float64, user string) {
		b.at(minutes)
		at := b.clock.now.Format(time.DateTime)
		b.write(path, at+" 10.0.0.5 POST /Microsoft-Server-ActiveSync/default.eas Cmd=Sync&DeviceType=iPhone 443 "+user+" 203.0.113.20 Apple-iPhone/1 200 0 0 31\r\n")
		b.poll()
	}
	request(0, "anna")
	request(60, "anna")
	b.restart()
	request(120, "anna")
	request(300, "-")
	var got []string
	for _, o := range b.memory.observations {
		got = append(got, fmt.Sprintf("%s %v until %s", o.Sender, o.Open, o.Until.Format("15:04")))
	}
	if all := strings.Join(got, ", "); all != "anna true until 00:00, anna false until 14:00" {
		t.Error(all)
	}
	if n := b.f.Status().Sessions; n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// TestFolderOfOldFiles watches a folder in which nothing has been written for long: it is quiet, not missing.
func TestFolderOfOldFiles(t *testing.T) {
	b := newFolder(t)
	b.log("MSGTRK1.LOG", arrives(0, "a"))
	b.poll()
	for day := range 8 {
		b.at(float64(day) * 24 * 60)
		b.poll()
	}
	if s := b.f.Status(); s.Blind != "" || len(b.memory.coverage) != 1 || len(b.f.pos.Files) != 0 {
		t.Errorf("%+v, %v", s, b.memory.coverage)
	}
	b.log("MSGTRK2.LOG", arrives(7*24*60, "b"))
	b.poll()
	b.wantIDs("a b")
}

// TestUnreachableFolder tells a folder that cannot be looked into from one that is empty.
func TestUnreachableFolder(t *testing.T) {
	b := newFolder(t)
	b.log("MSGTRK1.LOG", arrives(0, "a"))
	b.poll()
	b.rename(b.dir, b.dir+".away")
	writeFile(t, b.dir, "no folder")
	b.at(30)
	b.poll()
	if s := b.f.Status(); !strings.Contains(s.Blind, "not a directory") {
		t.Errorf("blind: %q", s.Blind)
	}
}
