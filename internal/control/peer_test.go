package control

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestPermits(t *testing.T) {
	own := uint32(os.Getuid())
	const stranger, theirs, other = 4_000_000_001, 4_000_000_002, 4_000_000_003
	named := Peers{Group: theirs, Named: true}
	for _, c := range []struct {
		name     string
		peers    Peers
		uid, gid uint32
		want     bool
	}{
		{"root", Peers{}, 0, 0, true},
		{"root of any group", named, 0, other, true},
		{"ourselves", Peers{}, own, other, true},
		{"a stranger", Peers{}, stranger, other, false},
		{"a stranger, a group is named", named, stranger, other, false},
		{"a member", named, stranger, theirs, true},
		{"no group is named, and theirs is 0", Peers{}, stranger, 0, false},
		{"the group is root's", Peers{Group: 0, Named: true}, stranger, 0, true},
	} {
		if got := c.peers.permits(c.uid, c.gid); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

func TestInGroup(t *testing.T) {
	if own := uint32(os.Getuid()); !inGroup(own, uint32(os.Getgid())) {
		t.Error("we are not in our own group")
	}
	if inGroup(0, 4_000_000_002) || inGroup(4_000_000_001, 0) {
		t.Error("a member of what they are no member of")
	}
}

// The kernel tells who is at the other end: here we ourselves.
func TestAllowAsksTheKernel(t *testing.T) {
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "c"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conn, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	peer, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if !(Peers{}).allow(peer) {
		t.Error("we may not ask ourselves")
	}
	peer.Close()
	if (Peers{}).allow(peer) {
		t.Error("somebody of whom the kernel tells nothing may ask")
	}
}
