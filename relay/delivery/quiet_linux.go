package delivery

import (
	"errors"
	"syscall"
	"time"
)

// socketQuiet reports that the socket has nothing to read, not even its end. It
// looks without taking, so TLS is not disturbed.
func (c *conn) socketQuiet() bool {
	s, ok := c.raw.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := s.SyscallConn()
	// The deadline of the last read may have passed meanwhile.
	if err != nil || c.raw.SetReadDeadline(time.Time{}) != nil {
		return false
	}
	quiet := false
	err = raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && quiet
}
