package imapstore

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"posthouse/bridge"
)

type sized struct{ bridge.Content }

func (sized) Size() int64 { return 1000 }

// What is in the air lies in memory: no more octets than the bound, whatever the number of messages; one that is larger flies alone.
func TestOctetsInTheAir(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upload{session: &session{}, most: 100, mostOctets: 3000, flights: map[string]*flight{}}
		u.landed.L = &u.mu
		one := bridge.PutItem{Content: sized{}}
		tag, f, _ := u.launch(group{one})
		u.launch(group{one, one})
		var next, large atomic.Bool
		go func() {
			u.launch(group{one})
			next.Store(true)
		}()
		synctest.Wait()
		if next.Load() {
			t.Error("a fourth message was sent")
		}
		u.mu.Lock()
		u.land(tag, f)
		u.mu.Unlock()
		synctest.Wait()
		if !next.Load() {
			t.Error("nothing was sent after one was answered")
		}
		alone := &upload{session: &session{}, most: 100, mostOctets: 900, flights: map[string]*flight{}}
		alone.landed.L = &alone.mu
		go func() {
			alone.launch(group{one})
			large.Store(true)
		}()
		synctest.Wait()
		if !large.Load() {
			t.Error("a message larger than the bound was not sent")
		}
	})
}
