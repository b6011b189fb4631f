package bridge_test

import (
	"fmt"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

// wish is how a folder of the cloud is subscribed to.
func (w *world) wish(name string) cutover.Subscription {
	w.t.Helper()
	store := w.cloud.Open(string(anna.ID))
	defer store.Close()
	folders, err := store.Folders(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range folders {
		if f.Path.Key() == name {
			return f.Subscription
		}
	}
	w.t.Errorf("no folder %s in the cloud", name)
	return ""
}

func (w *world) wantWishes(want map[string]cutover.Subscription) {
	w.t.Helper()
	for name, wish := range want {
		if got := w.wish(name); got != wish {
			w.t.Errorf("%s is %q, want %q", name, got, wish)
		}
	}
}

// What is subscribed on the old side is subscribed to in the cloud, once; nothing is unsubscribed there.
func TestSubscriptionsAreCarriedOverOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		add := func(name string, s cutover.Subscription) {
			w.old().AddFolder(cutover.Folder{Path: cutover.FolderPath{name}, Subscription: s})
		}
		add("Shown", cutover.Subscribed)
		add("Hidden", cutover.Unsubscribed)
		add("Unknown", "")
		for name, s := range map[string]cutover.Subscription{"There": cutover.Subscribed, "Kept": cutover.Unsubscribed} {
			add(name, s)
		}
		w.new().AddFolder(cutover.Folder{Path: cutover.FolderPath{"There"}, Subscription: cutover.Unsubscribed})
		w.new().AddFolder(cutover.Folder{Path: cutover.FolderPath{"Kept"}, Subscription: cutover.Subscribed})
		w.run(time.Minute)
		w.wantWishes(map[string]cutover.Subscription{
			"Shown": cutover.Subscribed, "Hidden": cutover.Unsubscribed, "Unknown": cutover.Subscribed, "There": cutover.Subscribed, "Kept": cutover.Subscribed,
		})

		w.new().Subscribe(cutover.FolderPath{"Shown"}, cutover.Unsubscribed) // the user's, in the cloud
		w.new().Subscribe(cutover.FolderPath{"There"}, cutover.Unsubscribed)
		w.start()
		time.Sleep(time.Minute)
		add("Later", cutover.Subscribed)
		w.old().Subscribe(cutover.FolderPath{"Hidden"}, cutover.Subscribed)
		w.old().Subscribe(cutover.FolderPath{"Kept"}, cutover.Subscribed)
		time.Sleep(5 * time.Minute)
		w.stop()
		w.run(5 * time.Minute)
		w.wantWishes(map[string]cutover.Subscription{
			"Shown": cutover.Unsubscribed, "There": cutover.Unsubscribed, "Later": cutover.Subscribed, "Hidden": cutover.Subscribed, "Kept": cutover.Subscribed,
		})
	})
}

// A cloud that cannot be told keeps no message waiting, and is told later.
func TestSubscriptionsStopNothing(t *testing.T) {
	for _, failure := range []error{bridge.ErrConnection, bridge.ErrBusy, bridge.ErrUnsupported} {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, memstore.Options{}, memstore.Options{})
			w.old().AddFolder(cutover.Folder{Path: projects, Subscription: cutover.Subscribed})
			w.old().Deliver(projects, memstore.Message{Raw: mail("one", "hello"), Date: time.Now()})
			w.new().AddFolder(cutover.Folder{Path: projects})
			w.new().SetFault(func(op string, _ int) error {
				if op == memstore.OpSubscribe {
					return fmt.Errorf("subscribe: %w", failure)
				}
				return nil
			})
			w.start()
			time.Sleep(10 * time.Second)
			if n, p := len(w.new().Messages(projects)), w.bridge.Progress()[0]; n != 1 || p.State != bridge.Following {
				t.Errorf("%d copies, %+v", n, p)
			}
			w.new().SetFault(nil)
			time.Sleep(5 * time.Minute)
			w.stop()
			w.wantWishes(map[string]cutover.Subscription{"Projects": cutover.Subscribed})
		})
	}
}
