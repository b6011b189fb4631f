package control

import (
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"
)

// checked accepts only peers that may connect; others are closed without a word.
type checked struct {
	net.Listener
	peers Peers
}

func (c checked) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c.peers.allow(conn) {
			return conn, nil
		}
		conn.Close()
	}
}

// allow asks the kernel who is at the other end.
func (p Peers) allow(conn net.Conn) bool {
	cred, err := credentials(conn)
	return err == nil && p.permits(cred.Uid, cred.Gid)
}

func (p Peers) permits(uid, gid uint32) bool {
	if uid == 0 || uid == uint32(os.Getuid()) {
		return true
	}
	return p.Named && (gid == p.Group || inGroup(uid, p.Group))
}

// inGroup looks the user's further groups up: the kernel only tells the primary one.
func inGroup(uid, group uint32) bool {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return false
	}
	groups, err := u.GroupIds()
	return err == nil && slices.Contains(groups, strconv.FormatUint(uint64(group), 10))
}
