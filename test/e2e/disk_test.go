package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"posthouse/test/neighbour"
)

// The disk is full: mail is refused for the time being, the daemon lives on and answers, and once there is space again mail is taken and every message that was ever
// answered 250 arrives, once.
func TestFullDisk(t *testing.T) {
	for name, reserve := range map[string]string{"a reserve is kept": "8MB", "to the last block": "0B"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fullDisk(t, reserve)
		})
	}
}

func fullDisk(t *testing.T, reserve string) {
	dir := folder(t)
	state := filepath.Join(dir, "state")
	disk(t, state, "24m")
	o := newOffice(t, dir, fmt.Sprintf("disk_reserve = %q", reserve), nil)
	o.mx.Stop() // so that nothing is settled and removed
	o.daemon.start()
	filler := filepath.Join(state, "filler")
	if err := os.WriteFile(filler, make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	accepted := o.fill(200)
	if len(accepted) == 0 {
		t.Fatal("nothing was accepted before the disk was full")
	}
	if s := o.daemon.status(); s.Queue.Due+s.Queue.Sending != len(accepted) {
		t.Errorf("%d letters wait, %d were accepted", s.Queue.Due+s.Queue.Sending, len(accepted))
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	neighbour.Wait(t, patience, "mail to be taken again", func() bool {
		return o.send("again", 300<<10, "anna@example.com").Code == 250
	})
	if err := o.mx.Start(); err != nil {
		t.Fatal(err)
	}
	o.wantReceived("anna@example.com", append(accepted, "again")...)
	o.settled()
	o.daemon.stop()
}

// fill sends at most n letters, until several in a row are refused for lack of space, and returns those that were accepted.
func (o *office) fill(n int) (accepted []string) {
	o.t.Helper()
	refused := 0
	for i := range n {
		number := fmt.Sprint(i)
		switch answer := o.send(number, 300<<10, "anna@example.com"); {
		case answer.Code == 250:
			accepted, refused = append(accepted, number), 0
		case answer.Code == 452 && strings.Contains(answer.Text, "4.3.1"):
			refused++
		default:
			o.t.Fatalf("letter %d: %s", i, answer)
		}
		if refused == 5 {
			return accepted
		}
	}
	o.t.Fatalf("%d letters did not fill the disk", n)
	return nil
}

// disk mounts a small file system.
func disk(t *testing.T, path, size string) {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("tmpfs", path, "tmpfs", 0, "mode=0700,size="+size)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("no right to mount a small disk here: a full disk is not tested; run as root")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, 0); err != nil {
			t.Errorf("unmounting the small disk: %v", err)
		}
	})
}
