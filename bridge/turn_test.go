package bridge_test

import (
	"context"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/ledger"
)

var sent = cutover.FolderPath{"Sent"}

// glancing tells what Next would find, calls then, and gives hints the time to arrive.
type glancing struct {
	bridge.Store
	then func()
}

func (g *glancing) Glance(ctx context.Context, folders []cutover.Folder, cursors []ledger.Cursor) ([]bridge.Glance, error) {
	glances := make([]bridge.Glance, len(folders))
	for i, f := range folders {
		batch, err := g.Next(ctx, f, cursors[i])
		glances[i].Quiet = err == nil && len(batch.Changes) == 0
	}
	g.then()
	time.Sleep(time.Second)
	return glances, nil
}

// A message comes into a folder just after a glance said that it is quiet: the hint is not taken for one about what was seen, and nobody waits for the next poll.
func TestAHintWhileFoldersAreLookedAt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.old().AddFolder(cutover.Folder{Path: sent, Role: cutover.Sent, Kind: cutover.Mail})
		armed := false
		w.lens = func(s bridge.Store) bridge.Store {
			return &glancing{Store: s, then: func() {
				if armed {
					armed = false
					w.old().Deliver(sent, memstore.Message{Raw: mail("sent", "hello"), Date: time.Now().Truncate(time.Second)})
				}
			}}
		}
		w.start()
		time.Sleep(90 * time.Second) // the first poll is over, the next one is far
		armed = true
		w.old().Deliver(inbox, memstore.Message{Raw: mail("received", "hello"), Date: time.Now().Truncate(time.Second)})
		time.Sleep(10 * time.Second)
		w.wantEqual(inbox, sent)
		if armed {
			t.Error("nobody looked")
		}
		w.stop()
	})
}
