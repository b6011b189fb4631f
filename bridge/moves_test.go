package bridge_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

var projects = cutover.FolderPath{"Projects"}

// moving is a world in which one message was copied from INBOX, and another lies in Projects.
func moving(t *testing.T, cloud memstore.Options) (w *world, ref cutover.Ref) {
	t.Helper()
	w = newWorld(t, memstore.Options{}, cloud)
	w.old().AddFolder(cutover.Folder{Path: projects, Kind: cutover.Mail})
	w.old().Deliver(projects, memstore.Message{Raw: mail("other", "hello"), Date: time.Now()})
	ref = w.old().Deliver(inbox, memstore.Message{Raw: mail("moved", "hello"), Date: time.Now(), Flags: cutover.NewFlags(`\Seen`)})
	w.start()
	time.Sleep(10 * time.Second)
	return w, ref
}

// wantPlaces demands the numbers of copies in INBOX and in Projects.
func (w *world) wantPlaces(inINBOX, inProjects int) {
	w.t.Helper()
	if a, b := len(w.new().Messages(inbox)), len(w.new().Messages(projects)); a != inINBOX || b != inProjects {
		w.t.Errorf("%d copies in INBOX and %d in Projects, want %d and %d", a, b, inINBOX, inProjects)
	}
}

func TestAMoveOnTheOldSideMovesTheCopy(t *testing.T) {
	for name, options := range map[string]memstore.Options{"places are told": {}, "places are not told": {NoPlaces: true}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w, ref := moving(t, options)
				w.new().SetFlags(inbox, held(t, w.new(), inbox, "moved").Ref, `\Seen`, "kept") // the user's, in the cloud
				moved := w.old().Move(inbox, ref, projects)
				time.Sleep(10 * time.Minute)
				w.wantPlaces(0, 2)
				wantFlags(t, w.new(), projects, "moved", `\Seen`, "kept")
				w.old().Move(projects, moved, inbox)
				time.Sleep(10 * time.Minute)
				w.wantPlaces(1, 1)
				r, err := w.bridge.Verify(t.Context(), anna.ID)
				if err != nil || r.Equal != 2 || len(r.Missing)+len(r.Extra)+len(r.Removed) > 0 {
					t.Errorf("verify: %+v, %v", r, err)
				}
				if p := w.bridge.Progress()[0]; p.Done != p.Total {
					t.Errorf("%d of %d are done", p.Done, p.Total)
				}
				w.stop()
			})
		})
	}
}

func TestFlagsThatChangedWithAMove(t *testing.T) {
	for name, options := range map[string]memstore.Options{"places are told": {}, "places are not told": {NoPlaces: true}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w, ref := moving(t, options)
				w.stop()
				w.old().SetFlags(inbox, ref, `\Seen`, `\Flagged`)
				moved := w.old().Move(inbox, ref, projects)
				w.run(10 * time.Minute)
				w.wantPlaces(0, 2)
				wantFlags(t, w.new(), projects, "moved", `\Flagged`, `\Seen`)
				w.old().SetFlags(projects, moved, `\Answered`)
				w.run(10 * time.Minute)
				wantFlags(t, w.new(), projects, "moved", `\Answered`)
			})
		})
	}
}

// Two equal messages are told apart by the flags that their copies were given, which are not those that they have now.
func TestFlagsOfEqualMessagesThatMoved(t *testing.T) {
	for name, flags := range map[string][2]string{"in order": {`\Seen`, `\Draft`}, "the other way round": {`\Draft`, `\Seen`}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{}, memstore.Options{NoPlaces: true})
				w.old().AddFolder(cutover.Folder{Path: projects, Kind: cutover.Mail})
				date := time.Now().Truncate(time.Second)
				var refs [2]cutover.Ref
				for i := range refs {
					refs[i] = w.old().Deliver(inbox, memstore.Message{Raw: mail("equal", "hello"), Date: date, Flags: cutover.NewFlags(flags[i])})
				}
				w.run(10 * time.Minute)
				w.old().SetFlags(inbox, refs[0], flags[1])
				w.old().SetFlags(inbox, refs[1], `\Flagged`)
				w.old().Move(inbox, refs[1], projects)
				w.old().Move(inbox, refs[0], projects)
				w.run(10 * time.Minute)
				if got, want := copies(w.new(), projects), copies(w.old(), projects); !maps.Equal(got, want) {
					t.Errorf("in the cloud %v, want %v", got, want)
				}
			})
		})
	}
}

// A copy is no move: the first one is still there.
func TestACopyOnTheOldSideIsCopied(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w, _ := moving(t, memstore.Options{})
		w.old().Deliver(projects, held(t, w.old(), inbox, "moved"))
		time.Sleep(10 * time.Minute)
		w.wantPlaces(1, 2)
		w.stop()
	})
}

// What the user moved or deleted in the cloud stays so when it is moved on the old side.
func TestAMoveOfWhatTheUserTouched(t *testing.T) {
	for name, touch := range map[string]func(w *world, ref cutover.Ref){
		"moved":   func(w *world, ref cutover.Ref) { w.new().Move(inbox, ref, projects) },
		"deleted": func(w *world, ref cutover.Ref) { w.new().Remove(inbox, ref) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w, ref := moving(t, memstore.Options{})
				touch(w, held(t, w.new(), inbox, "moved").Ref)
				before := len(w.new().Messages(projects))
				w.old().Move(inbox, ref, projects)
				time.Sleep(10 * time.Minute)
				w.wantPlaces(0, before)
				r, err := w.bridge.Verify(t.Context(), anna.ID)
				if err != nil || len(r.Missing)+len(r.Extra) > 0 {
					t.Errorf("verify: %+v, %v", r, err)
				}
				w.stop()
			})
		})
	}
}

// The reply to a put was lost, and then the user moved the message on the old side: its body cannot be compared any more, and its copy is found all the same, and moved.
func TestAMoveWhileItsCopyIsInDoubt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w, _ := moving(t, memstore.Options{})
		lost := w.loseReply(bridge.ErrConnection)
		ref := w.old().Deliver(inbox, memstore.Message{Raw: mail("doubtful", "hello"), Date: time.Now().Truncate(time.Second)})
		synctest.Wait()
		w.old().Move(inbox, ref, projects)
		time.Sleep(20 * time.Minute)
		w.stop()
		if !lost() {
			t.Error("no reply was lost")
		}
		w.wantPlaces(1, 2)
	})
}

// A system writes messages that differ in their Message-ID only, without a Date: one that comes while another is deleted is no move.
func TestADatelessMessageIsNoMoveOfAnother(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dateless := func(id string) memstore.Message {
			return memstore.Message{Raw: []byte("Message-ID: <" + id + ">\r\nFrom: cron@example.com\r\nSubject: done\r\n\r\ndone\r\n"), Date: time.Unix(1e9, 0)}
		}
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.old().AddFolder(cutover.Folder{Path: projects})
		first := w.old().Deliver(projects, dateless("9"))
		w.start()
		time.Sleep(time.Minute)
		w.old().Remove(projects, first)
		w.old().Deliver(inbox, dateless("10"))
		time.Sleep(5 * time.Minute)
		w.stop()
		w.wantPlaces(1, 1)
	})
}

// A server that estimates sizes lists other ones than its messages have when they are read, and messages without a Message-ID are known by their sizes too: those that the user moves are moved all
// the same, also when nobody had read them since the reply to their put was lost.
func TestAMoveOfWhatHasNoKeyWhereSizesAreEstimated(t *testing.T) {
	for _, inDoubt := range []bool{false, true} {
		t.Run(fmt.Sprintf("in doubt %t", inDoubt), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{Estimates: true}, memstore.Options{})
				w.old().AddFolder(cutover.Folder{Path: projects})
				if inDoubt {
					w.loseReply(bridge.ErrConnection)
				}
				w.start()
				ref := w.old().Deliver(inbox, memstore.Message{Raw: []byte("From: printer@example.com\r\nSubject: scan\r\n\r\na scan\r\n"), Date: time.Unix(1e9, 0)})
				if synctest.Wait(); !inDoubt {
					time.Sleep(time.Minute)
				}
				w.old().Move(inbox, ref, projects)
				time.Sleep(20 * time.Minute)
				w.stop()
				w.wantPlaces(0, 1)
			})
		})
	}
}

// A message without a Message-ID is moved, the reply to the move of its copy is lost, by a cloud that renders mail anew, and the user moves it on: its copy follows.
func TestAMoveWhileTheCopysMoveIsInDoubt(t *testing.T) {
	eachPlacing(t, func(t *testing.T, options memstore.Options) {
		options.Render = anew
		w := newWorld(t, memstore.Options{}, options)
		for _, path := range []cutover.FolderPath{projects, archive} {
			w.old().AddFolder(cutover.Folder{Path: path, Kind: cutover.Mail})
		}
		ref := w.old().Deliver(inbox, memstore.Message{Raw: bare(someDate, "hello"), Date: time.Now().Truncate(time.Second)})
		w.run(10 * time.Minute)
		w.glass = func(of bridge.Store) bridge.Store { return &losesMoves{of, of.(bridge.Mover)} }
		ref = w.old().Move(inbox, ref, projects)
		w.start()
		synctest.Wait()
		w.stop()
		w.glass = nil
		w.old().Move(projects, ref, archive)
		w.run(10 * time.Minute)
		w.wantPlaces(0, 0)
		if n := len(w.new().Messages(archive)); n != 1 {
			t.Errorf("%d copies in the Archive, want one", n)
		}
	})
}

// Users file messages at random while they are copied and followed, everything fails at random, and the process ends and begins again: in the end every folder holds what it holds on the old side.
func TestUsersMoveMessagesAtRandom(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{Batch: 7, Estimates: seed%8 > 3}, memstore.Options{Batch: 7, NoPlaces: seed%4 == 3})
				paths := w.fill(seed+200, 80)
				random := rand.New(rand.NewPCG(seed, 3))
				var mu sync.Mutex // both stores ask, from goroutines of their own
				fault := func(string, int) error {
					mu.Lock()
					defer mu.Unlock()
					if seed%2 == 1 && random.IntN(25) == 0 {
						return fmt.Errorf("cut: %w", bridge.ErrConnection)
					}
					return nil
				}
				w.old().SetFault(fault)
				w.new().SetFault(fault)
				for range 5 {
					w.start()
					for range 12 {
						mu.Lock()
						from, to, n := paths[random.IntN(len(paths))], paths[random.IntN(len(paths))], random.IntN(3000)
						mu.Unlock()
						time.Sleep(time.Duration(n) * time.Millisecond)
						synctest.Wait()
						if all := w.old().Messages(from); len(all) > 0 && !slices.Equal(from, to) {
							w.old().Move(from, all[n%len(all)].Ref, to)
						}
					}
					w.stop()
				}
				w.old().SetFault(nil)
				w.new().SetFault(nil)
				w.run(20 * time.Minute)
				w.wantEqual(paths...)
			})
		})
	}
}

// A message whose copy was repaired is moved on the old side: while the reply to the put is lost, or later, where the server does not tell where things lie. There is one copy, in its place, and
// flags go on to follow.
func TestAMoveOfWhatWasRepaired(t *testing.T) {
	for _, inDoubt := range []bool{true, false} {
		t.Run(fmt.Sprintf("in doubt %t", inDoubt), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				options := refusing(hatesZeros)
				options.NoPlaces = !inDoubt
				w, _ := moving(t, options)
				if err := w.ledger.SetFact(t.Context(), "keeps-bytes/cloud", "yes"); err != nil {
					t.Fatal(err)
				}
				if inDoubt {
					w.loseReply(bridge.ErrConnection)
				}
				ref := w.old().Deliver(inbox, memstore.Message{Raw: mail("bad", "z\x00ro"), Date: time.Now().Truncate(time.Second)})
				if synctest.Wait(); !inDoubt {
					time.Sleep(time.Minute)
				}
				ref = w.old().Move(inbox, ref, projects)
				time.Sleep(20 * time.Minute)
				w.wantPlaces(1, 2)
				w.old().SetFlags(projects, ref, `\Flagged`)
				time.Sleep(20 * time.Minute)
				wantFlags(t, w.new(), projects, "bad", `\Flagged`)
				r, err := w.bridge.VerifyFully(t.Context(), anna.ID)
				if err != nil || r.Equal != 3 || r.Moved+len(r.Missing)+len(r.Extra)+len(r.Altered)+len(r.Removed) != 0 {
					t.Errorf("verify: %+v, %v", r, err)
				}
				w.stop()
			})
		})
	}
}
