package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"posthouse/test/forgetful"
	"posthouse/test/neighbour"
)

// The power goes while mail arrives and leaves, again and again, and takes with it whatever was not synced: every message that was answered 250 arrives, once.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	luck := rand.New(rand.NewPCG(seed(t), 0))
	dir := folder(t)
	disk := forgetfulDisk(t, filepath.Join(dir, "state"), false, luck)
	o := newOffice(t, dir, "", nil)
	var letters letters
	for round := range 5 {
		o.daemon.start()
		o.until(&letters, 10+luck.IntN(150), 6)
		if err := disk.Crash(); err != nil {
			t.Fatal(err)
		}
		if disk.Syncs() == 0 {
			t.Fatalf("round %d: nothing was synced, %d letters were accepted", round, len(letters.accepted))
		}
	}
	o.wantAccepted(&letters)
}

// wantAccepted demands everything once that was answered 250; what was not may have arrived as well, once.
func (o *office) wantAccepted(l *letters) {
	o.t.Helper()
	o.daemon.start()
	o.settled()
	found := o.received(staff[0])
	for _, name := range l.accepted {
		if found[name] == 0 {
			o.t.Errorf("%s was accepted and did not arrive", name)
		}
	}
	for name, n := range found {
		if n > 1 {
			o.t.Errorf("%s arrived %d times", name, n)
		}
	}
	o.t.Logf("%d letters accepted, %d arrived", len(l.accepted), len(found))
	o.daemon.stop()
}

// A disk that only says that it syncs loses what was accepted: the test above would notice if nobody synced.
func TestPowerCutOfADiskThatLies(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	disk := forgetfulDisk(t, filepath.Join(dir, "state"), true, nil)
	o := newOffice(t, dir, "", nil)
	o.mx.Stop()
	o.daemon.start()
	for n := range 5 {
		if answer := o.send(fmt.Sprint(n), 0, staff[0]); answer.Code != 250 {
			t.Fatal(answer)
		}
	}
	o.daemon.kill()
	if err := disk.Crash(); err != nil {
		t.Fatal(err)
	}
	if err := o.mx.Start(); err != nil {
		t.Fatal(err)
	}
	o.daemon.start()
	o.settled()
	if n := len(o.received(staff[0])); n != 0 || disk.Syncs() == 0 {
		t.Errorf("%d of 5 letters survived without being synced; syncs that were asked for: %d", n, disk.Syncs())
	}
	o.daemon.stop()
}

// forgetfulDisk is one that is mounted until the test ends.
func forgetfulDisk(t *testing.T, path string, lies bool, luck *rand.Rand) *forgetful.Disk {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	disk, err := forgetful.Mount(path, lies, luck)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		t.Skipf("no file system of our own can be mounted here (%v): loss of power is not tested; run as root, with /dev/fuse", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := disk.Unmount(); err != nil {
			t.Errorf("unmounting the forgetful disk: %v", err)
		}
	})
	return disk
}

// letters are those of a sender who goes on until nobody answers.
type letters struct {
	sent     atomic.Int64
	mu       sync.Mutex
	accepted []string
}

// until sends with so many connections at once, and kills the daemon in the midst of it once so many more were accepted.
func (o *office) until(l *letters, more, connections int) {
	o.t.Helper()
	before := len(l.accepted)
	var senders sync.WaitGroup
	for range connections {
		senders.Go(func() {
			for {
				n := l.sent.Add(1)
				name := fmt.Sprint("letter-", n)
				answer, err := o.try(name, int(n%3)*100<<10, staff[0])
				if err != nil || answer.Code != 250 {
					return // it may have been stored all the same
				}
				l.mu.Lock()
				l.accepted = append(l.accepted, name)
				l.mu.Unlock()
			}
		})
	}
	neighbour.Wait(o.t, time.Minute, "letters to be accepted", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.accepted) >= before+more
	})
	o.daemon.kill()
	senders.Wait()
}
