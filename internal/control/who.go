package control

import (
	"context"
	"net"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

type whoKey struct{}

// withWho notes for a connection's requests who is at its other end.
func withWho(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, whoKey{}, who(conn))
}

// who is the peer's name, as the kernel and the system know it.
func who(conn net.Conn) string {
	cred, err := credentials(conn)
	if err != nil {
		return "somebody"
	}
	id := strconv.FormatUint(uint64(cred.Uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}

// credentials asks the kernel who is at the other end (SO_PEERCRED).
func credentials(conn net.Conn) (cred *unix.Ucred, err error) {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	var credErr error
	err = raw.Control(func(fd uintptr) { cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err == nil {
		err = credErr
	}
	return cred, err
}
