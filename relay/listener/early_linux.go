package listener

import (
	"net"
	"syscall"
)

// speaks tells whether octets have come already. It waits for nothing.
func speaks(raw net.Conn) (yes bool) {
	socket, ok := raw.(syscall.Conn)
	if !ok {
		return false
	}
	rc, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	rc.Control(func(fd uintptr) {
		var octet [1]byte
		n, _, err := syscall.Recvfrom(int(fd), octet[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		yes = err == nil && n > 0
	})
	return yes
}
