package bridge_test

import (
	"testing"
	"time"

	"posthouse/bridge/memstore"
)

// What is deleted on the old side keeps its disposition: more is done then than lies there, and nobody is shown 3 of 2.
func TestNoMoreIsDoneThanThereIs(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w, ref := moving(t, memstore.Options{})
		defer w.stop()
		w.old().Remove(inbox, ref)
		w.old().Deliver(inbox, memstore.Message{Raw: mail("news", "hello"), Date: time.Now()})
		time.Sleep(10 * time.Minute)
		if p := w.bridge.Progress()[0]; p.Done != 3 || p.Total != 3 {
			t.Errorf("%d of %d are done", p.Done, p.Total)
		}
	})
}
