package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

// trouble is what a folder meets, or an item.
type trouble struct {
	bridge.Store
	state  func(f cutover.Folder) error
	ensure func(f cutover.Folder) error
	put    func(bridge.PutItem) error
}

func (s trouble) EnsureFolder(ctx context.Context, f cutover.Folder) (cutover.Folder, error) {
	if s.ensure != nil {
		if err := s.ensure(f); err != nil {
			return cutover.Folder{}, err
		}
	}
	return s.Store.EnsureFolder(ctx, f)
}

func (s trouble) State(ctx context.Context, f cutover.Folder) (bridge.FolderState, error) {
	if s.state != nil {
		if err := s.state(f); err != nil {
			return bridge.FolderState{}, err
		}
	}
	return s.Store.State(ctx, f)
}

func (s trouble) Put(ctx context.Context, f cutover.Folder, items iter.Seq[bridge.PutItem], outcome func(bridge.Outcome)) error {
	return s.Store.Put(ctx, f, func(yield func(bridge.PutItem) bool) {
		for item := range items {
			if err := s.refused(item); err != nil {
				outcome(bridge.Outcome{ID: item.ID, Err: err})
			} else if !yield(item) {
				return
			}
		}
	}, outcome)
}

func (s trouble) refused(item bridge.PutItem) error {
	if s.put == nil {
		return nil
	}
	return s.put(item)
}

// One folder that cannot be measured, or has no place in the cloud, is a problem that is shown; the others are copied.
func TestOneBadFolderDoesNotStopTheOthers(t *testing.T) {
	bad := cutover.FolderPath{"Bad"}
	for name, arrange := range map[string]func(*world){
		"its state is refused": func(w *world) {
			w.lens = func(s bridge.Store) bridge.Store {
				return trouble{Store: s, state: func(f cutover.Folder) error {
					if f.Path.Key() == bad.Key() {
						return errors.New("NO [SERVERBUG] the folder is broken")
					}
					return nil
				}}
			}
		},
		"the cloud refuses its name": func(w *world) {
			w.glass = func(s bridge.Store) bridge.Store {
				return trouble{Store: s, ensure: func(f cutover.Folder) error {
					if f.Path.Key() == bad.Key() {
						return errors.New("NO [CANNOT] the name is reserved")
					}
					return nil
				}}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{}, memstore.Options{})
				w.old().AddFolder(cutover.Folder{Path: bad, Name: "Bad"})
				w.old().Deliver(inbox, memstore.Message{Raw: mail("one", "hello"), Date: time.Now()})
				arrange(w)
				w.start()
				time.Sleep(time.Minute)
				p := w.bridge.Progress()[0]
				w.stop()
				if n := len(w.new().Messages(inbox)); n != 1 {
					t.Errorf("%d copies of the other folder's message", n)
				}
				if name == "the cloud refuses its name" && !strings.Contains(p.Error, "reserved") {
					t.Errorf("the problem is not shown: %+v", p)
				}
			})
		})
	}
}

// The user renamed or deleted a folder in the cloud that is still being followed: it is made anew for what comes.
func TestACloudFolderThatIsGoneIsMadeAnew(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.start()
		time.Sleep(10 * time.Second)
		ensured := false
		w.new().SetFault(func(op string, _ int) error {
			ensured = ensured || op == memstore.OpEnsure
			if op == memstore.OpState && !ensured {
				return fmt.Errorf("the folder: %w", bridge.ErrGone)
			}
			return nil
		})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("one", "hello"), Date: time.Now()})
		time.Sleep(10 * time.Minute)
		w.stop()
		if n := len(w.new().Messages(inbox)); n != 1 {
			t.Errorf("%d copies, want 1", n)
		}
	})
}

// A server that asks to wait with one message and takes the others keeps neither those nor other folders waiting.
func TestOneMessageThatHasToWaitDoesNotStopTheOthers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		sent := cutover.FolderPath{"Sent"}
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.old().AddFolder(cutover.Folder{Path: sent, Name: "Sent", Role: cutover.Sent})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("big", strings.Repeat("x", 2000)), Date: time.Now()})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("small", "hello"), Date: time.Now()})
		w.old().Deliver(sent, memstore.Message{Raw: mail("sent", "hello"), Date: time.Now()})
		w.glass = func(s bridge.Store) bridge.Store {
			return trouble{Store: s, put: func(item bridge.PutItem) error {
				if item.Content.Size() > 1000 {
					return fmt.Errorf("%w: try again later", bridge.ErrBusy)
				}
				return nil
			}}
		}
		w.start()
		time.Sleep(time.Minute)
		w.stop()
		if n, m := len(w.new().Messages(inbox)), len(w.new().Messages(sent)); n != 1 || m != 1 {
			t.Errorf("%d copies in INBOX, %d in Sent, want 1 each", n, m)
		}
	})
}

// Folders that differ in case only become one where the cloud takes them for one: nothing is lost, nothing is there twice, moves between them move nothing.
func TestFoldersThatTheCloudTakesForOne(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		upper, lower := cutover.FolderPath{"Lists"}, cutover.FolderPath{"lists"}
		w := newWorld(t, memstore.Options{}, memstore.Options{FoldNames: true})
		for i, path := range []cutover.FolderPath{upper, lower} {
			w.old().AddFolder(cutover.Folder{Path: path})
			w.old().Deliver(path, memstore.Message{Raw: mail("both", "hello"), Date: time.Now()})
			w.old().Deliver(path, memstore.Message{Raw: mail(fmt.Sprint(i), "hello"), Date: time.Now()})
		}
		w.start()
		time.Sleep(time.Minute)
		wantPlan(t, w.plan(), "INBOX 0 there INBOX 0", "Lists 2 there Lists 4 with lists", "lists 2 there Lists 4 changed with Lists")
		moved := w.old().Messages(upper)[1].Ref
		w.old().Move(upper, moved, lower)
		w.old().Deliver(lower, memstore.Message{Raw: mail("later", "hello"), Date: time.Now()})
		time.Sleep(10 * time.Minute)
		r, err := w.bridge.Verify(t.Context(), anna.ID)
		if n := len(w.new().Messages(upper)); err != nil || n != 5 || r.Equal != 5 || len(r.Missing)+len(r.Extra)+len(r.Removed) > 0 {
			t.Errorf("%d copies, %+v, %v", n, r, err)
		}
		w.stop()
	})
}
