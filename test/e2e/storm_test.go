package e2e

import (
	"math/rand/v2"
	"testing"
)

// The process is killed again and again at random moments while twenty send and the cloud takes what comes: every message that was answered 250 arrives, once.
func TestKillStorm(t *testing.T) {
	t.Parallel()
	luck := rand.New(rand.NewPCG(seed(t), 1))
	o := newOffice(t, folder(t), small, nil)
	var letters letters
	for range 12 {
		o.daemon.start()
		o.until(&letters, luck.IntN(200), 20)
	}
	o.wantAccepted(&letters)
}
