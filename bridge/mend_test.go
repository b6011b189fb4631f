package bridge_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/ledger"
)

// What servers refuse.
var (
	hatesZeros = func(raw []byte) error {
		if bytes.IndexByte(raw, 0) >= 0 {
			return errors.New("NO Message contains NUL")
		}
		return nil
	}
	hatesBareLF = func(raw []byte) error {
		if bytes.Count(raw, []byte("\n")) != bytes.Count(raw, []byte("\r\n")) {
			return errors.New("NO Message contains bare newlines")
		}
		return nil
	}
	hatesOctets = func(raw []byte) error {
		header, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
		if bytes.ContainsFunc(header, func(r rune) bool { return r >= 0x80 }) {
			return errors.New("BAD 8-bit data in header")
		}
		return nil
	}
	hatesAll = func([]byte) error { return errors.New("NO I do not like it") }
)

func refusing(any ...func([]byte) error) memstore.Options {
	return memstore.Options{Refuse: func(raw []byte) error {
		for _, refuse := range any {
			if err := refuse(raw); err != nil {
				return err
			}
		}
		return nil
	}}
}

// puts counts what the cloud is given from now on.
func (w *world) puts() *atomic.Int32 {
	var n atomic.Int32
	w.new().SetFault(func(op string, _ int) error {
		if op == memstore.OpPut {
			n.Add(1)
		}
		return nil
	})
	return &n
}

// row is the row of the only item with a note.
func (w *world) row() (found ledger.Item) {
	w.t.Helper()
	pairs, err := w.ledger.Pairs(w.t.Context(), anna.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range pairs {
		if err := w.ledger.All(w.t.Context(), p.ID, func(i ledger.Item) bool {
			if i.Note != "" {
				found = i
			}
			return found.Note == ""
		}); err != nil {
			w.t.Fatal(err)
		}
	}
	return found
}

// wantSaved checks that the original lies byte for byte where the note says.
func (w *world) wantSaved(note string, raw []byte) {
	w.t.Helper()
	_, name, _ := strings.Cut(note, "saved as ")
	name, _, _ = strings.Cut(name, ";")
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, raw) {
		w.t.Errorf("note %q: the file holds %q, %v", note, got, err)
	}
}

const bad = "Message-ID: <bad>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nFrom: M\xfcller <m@x.example>\r\nSubject: a\x00b\n\r\nbo\x00dy\r\n"

func TestARefusedItemIsRepairedAsLittleAsNeeded(t *testing.T) {
	lines := strings.ReplaceAll(bad, "b\n", "b\r\n")
	zeros := strings.NewReplacer("a\x00b", "ab", "bo\x00dy", "bo dy").Replace(lines)
	octets := strings.ReplaceAll(zeros, "M\xfcller", "=?ISO-8859-1?Q?M=FCller?=")
	for name, c := range map[string]struct {
		cloud memstore.Options
		want  string
		note  string
		puts  int32 // of the bad message
	}{
		"bare LF": {refusing(hatesBareLF), lines, "repaired: bare line ends; ", 2},
		"NUL":     {refusing(hatesZeros), zeros, "repaired: bare line ends, NUL octets; ", 3},
		"8-bit":   {refusing(hatesOctets, hatesZeros), octets, "repaired: bare line ends, NUL octets, 8-bit header; ", 4},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{Batch: 2}, c.cloud)
				date := time.Now().Truncate(time.Second)
				for i := range 4 {
					w.old().Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint(i), "good"), Date: date})
				}
				w.old().Deliver(inbox, memstore.Message{Raw: []byte(bad), Date: date, Flags: cutover.NewFlags(`\Seen`)})
				for i := range 4 {
					w.old().Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint(10+i), "good"), Date: date})
				}
				puts := w.puts()
				w.start()
				time.Sleep(10 * time.Second)
				row := w.row()
				report, err := w.bridge.VerifyFully(t.Context(), anna.ID)
				if err != nil || report.Equal != 9 || report.Bodies != 9 || report.Moved+len(report.Missing)+len(report.Extra)+len(report.Altered) != 0 {
					t.Errorf("report %+v, %v", report, err)
				}
				tally, err := w.ledger.Tally(t.Context(), anna.ID)
				if err != nil || tally.Items[cutover.Copied] != 9 || tally.Repaired != 1 {
					t.Errorf("tally %+v, %v", tally, err)
				}
				if p := w.bridge.Progress()[0]; p.Repaired != 1 || p.Done != 9 {
					t.Errorf("progress %+v, want 9 done and 1 of them repaired", p)
				}
				w.stop()
				if row.Disposition != cutover.Copied || !strings.HasPrefix(row.Note, c.note) {
					t.Errorf("%s: %q", row.Disposition, row.Note)
				}
				w.wantSaved(row.Note, []byte(bad))
				want := copies(w.old(), inbox)
				was, is := w.old().Messages(inbox)[4], w.new()
				if got := copies(is, inbox); len(got) != len(want) || got[copyOf(c.want, was)] != 1 {
					t.Errorf("the cloud does not hold %q once", c.want)
				}
				if n := puts.Load(); n != 8+c.puts {
					t.Errorf("%d puts, want %d", n, 8+c.puts)
				}
				w.run(10 * time.Minute)
				if n := puts.Load(); n != 8+c.puts {
					t.Errorf("another run put %d more", n-8-c.puts)
				}
			})
		})
	}
}

// copyOf is how copies names a message with other octets.
func copyOf(raw string, m memstore.Message) string {
	b := memstore.NewServer(memstore.Options{}).Mailbox("x")
	b.Deliver(inbox, memstore.Message{Raw: []byte(raw), Flags: m.Flags, Date: m.Date})
	for name := range copies(b, inbox) {
		return name
	}
	return ""
}

func TestNoRepairHelps(t *testing.T) {
	for name, c := range map[string]struct {
		cloud memstore.Options
		raw   string
		note  string
		puts  int32
	}{
		"refused whatever it is": {refusing(hatesAll), bad, "; refused all the same with these repaired: bare line ends, NUL octets, 8-bit header", 4},
		"nothing to repair":      {refusing(hatesAll), string(mail("good", "good")), "saved as ", 1},
		"too large":              {memstore.Options{MaxSize: 50}, bad, "larger than 50 octets; saved as ", 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{}, c.cloud)
				w.old().Deliver(inbox, memstore.Message{Raw: []byte(c.raw), Date: time.Now().Truncate(time.Second)})
				puts := w.puts()
				w.start()
				time.Sleep(10 * time.Minute)
				row := w.row()
				w.stop()
				if row.Disposition != cutover.Refused || !strings.Contains(row.Note, c.note) || strings.Contains(row.Note, "these repaired") != (c.puts > 1) {
					t.Errorf("%s: %q", row.Disposition, row.Note)
				}
				w.wantSaved(row.Note, []byte(c.raw))
				if n := puts.Load(); n != c.puts {
					t.Errorf("%d puts, want %d", n, c.puts)
				}
			})
		})
	}
}

// The original is safe before anything else is put; where it cannot be kept, nothing is, and the rest goes on.
func TestNoRepairWithoutTheOriginal(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, refusing(hatesZeros))
		date := time.Now().Truncate(time.Second)
		w.old().Deliver(inbox, memstore.Message{Raw: []byte(bad), Date: date})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("good", "good"), Date: date})
		block := filepath.Join(w.state, "refused")
		if err := os.WriteFile(block, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		w.run(time.Minute)
		if n := len(w.new().Messages(inbox)); n != 1 {
			t.Errorf("%d messages in the cloud, want only the good one", n)
		}
		if err := os.Remove(block); err != nil {
			t.Fatal(err)
		}
		w.run(10 * time.Minute)
		if n := len(w.new().Messages(inbox)); n != 2 {
			t.Errorf("%d messages in the cloud, want both", n)
		}
	})
}

// The reply to the put of a repaired message is lost, or the server does not tell where it put it, or the ledger is gone: its copy is found, whatever became of its identity, and there is no
// second.
func TestARepairedItemIsNotPutTwice(t *testing.T) {
	for name, options := range map[string]memstore.Options{"places": {}, "no places": {NoPlaces: true}} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, store known %t", name, known), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					options.Refuse = refusing(hatesOctets, hatesZeros, hatesBareLF).Refuse
					w := newWorld(t, memstore.Options{}, options)
					date := time.Now().Truncate(time.Second)
					if known {
						w.old().Deliver(inbox, memstore.Message{Raw: mail("good", "good"), Date: date})
						w.run(time.Minute)
					}
					before := len(w.new().Messages(inbox))
					w.old().Deliver(inbox, memstore.Message{Raw: []byte(bad), Date: date})
					w.old().Deliver(inbox, memstore.Message{Raw: []byte(bad), Date: date})
					lost := w.loseReply(bridge.ErrUnknown)
					w.run(10 * time.Minute)
					if n := len(w.new().Messages(inbox)) - before; n != 2 || !lost() {
						t.Fatalf("%d copies, want 2 (a reply was lost: %t)", n, lost())
					}
					w.state = t.TempDir()
					w.start()
					time.Sleep(10 * time.Minute)
					report, err := w.bridge.Verify(t.Context(), anna.ID)
					w.stop()
					if n := len(w.new().Messages(inbox)) - before; n != 2 || err != nil || len(report.Missing)+len(report.Extra) != 0 {
						t.Errorf("%d copies after the ledger was lost, want 2; report %+v, %v", n, report, err)
					}
				})
			})
		}
	}
}

// Everything fails at random while every third message needs a repair: each arrives, once.
func TestRepairsWhateverFails(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				cloud := refusing(hatesOctets, hatesZeros, hatesBareLF)
				cloud.OutOfOrder, cloud.NoPlaces = seed%2 == 0, seed%3 == 2
				w := newWorld(t, memstore.Options{Batch: 7}, cloud)
				date := time.Now().Truncate(time.Second)
				for i := range 60 {
					raw := mail(fmt.Sprint(i), "good")
					if i%3 == 0 {
						raw = []byte(strings.ReplaceAll(bad, "<bad>", fmt.Sprintf("<bad%d>", i%27)))
					}
					w.old().Deliver(inbox, memstore.Message{Raw: raw, Date: date.Add(time.Duration(i) * time.Second)})
				}
				random := rand.New(rand.NewPCG(seed, 1))
				var mu sync.Mutex
				fault := func(string, int) error {
					mu.Lock()
					defer mu.Unlock()
					if random.IntN(15) == 0 {
						return fmt.Errorf("cut: %w", bridge.ErrConnection)
					}
					return nil
				}
				for range 5 {
					w.old().SetFault(fault)
					w.new().SetFault(fault)
					w.run(time.Minute)
				}
				w.old().SetFault(nil)
				w.new().SetFault(nil)
				w.start()
				time.Sleep(20 * time.Minute)
				report, err := w.bridge.Verify(t.Context(), anna.ID)
				tally, _ := w.ledger.Tally(t.Context(), anna.ID)
				w.stop()
				if n := len(w.new().Messages(inbox)); n != 60 || err != nil || report.Equal != 60 || len(report.Missing)+len(report.Extra)+len(report.Removed) != 0 {
					t.Errorf("%d messages in the cloud, want 60; report %+v, %v", n, report, err)
				}
				if tally.Items[cutover.Copied]+tally.Items[cutover.Adopted] != 60 || tally.Repaired != 20 {
					t.Errorf("tally %+v, want 60, 20 of them repaired", tally)
				}
			})
		})
	}
}

// What the cloud refused is kept as a file once, also when it is moved on the old side, and is not put again. If somebody put it into the cloud by hand, that is its copy.
func TestARefusedMessageIsMoved(t *testing.T) {
	for _, byHand := range []bool{false, true} {
		inBubble(t, func(t *testing.T) {
			w, _ := moving(t, refusing(func(raw []byte) error {
				if bytes.Contains(raw, []byte("bad")) {
					return errors.New("NO")
				}
				return nil
			}))
			defer w.stop()
			bad := memstore.Message{Raw: mail("bad", "hello"), Date: time.Now()}
			ref := w.old().Deliver(inbox, bad)
			time.Sleep(5 * time.Minute)
			puts := w.puts()
			missing := 1
			if byHand {
				w.new().Deliver(projects, bad)
				missing = 0
			}
			w.old().Move(inbox, ref, projects)
			time.Sleep(5 * time.Minute)
			files, err := filepath.Glob(filepath.Join(w.state, "refused", "*.eml"))
			if err != nil || len(files) != 1 || puts.Load() != 0 {
				t.Errorf("by hand %t: saved as %q, %d puts, %v", byHand, files, puts.Load(), err)
			}
			r, err := w.bridge.VerifyFully(t.Context(), anna.ID)
			if err != nil || r.Equal != 3-missing || len(r.Missing) != missing || len(r.Extra)+len(r.Altered)+len(r.Removed)+r.Moved != 0 {
				t.Errorf("by hand %t: verify: %+v, %v", byHand, r, err)
			}
			if missing > 0 && !strings.Contains(r.Missing[0].Why, files[0]) {
				t.Errorf("missing %+v, want it to name the file", r.Missing)
			}
			if p := w.bridge.Progress()[0]; p.State != bridge.Following || p.Done != p.Total {
				t.Errorf("progress %+v", p)
			}
		})
	}
}

// A cloud renders anew what it takes repaired, and invents a Message-ID: the copy is found all the same where the reply is lost, or the cloud does not tell where things lie, and is not put again.
func TestARepairedMessageThatIsRenderedAnew(t *testing.T) {
	for _, places := range []bool{true, false} {
		t.Run(fmt.Sprintf("places %t", places), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				options := refusing(hatesZeros)
				options.Render, options.NoPlaces = anew, !places
				w := newWorld(t, memstore.Options{}, options)
				w.old().Deliver(inbox, memstore.Message{Raw: bare(someDate, "z\x00ro"), Date: time.Now().Truncate(time.Second)})
				if places {
					w.loseReply(bridge.ErrUnknown)
				}
				w.run(time.Hour)
				if n := len(w.new().Messages(inbox)); n != 1 {
					t.Errorf("%d copies in the cloud, want one", n)
				}
			})
		})
	}
}
