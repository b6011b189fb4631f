package listener

import (
	"errors"
	"io"
	"os"
	"time"
)

// talksEarly lets a client go that speaks before it was greeted (RFC 5321 §3.1): programs that only push out spam do, servers do not. It is told to try
// again later: should it be an honest one, it can be put on the list of the trusted before mail comes back to its sender.
func (c *conn) talksEarly() bool {
	if !c.cfg.NoEarlyTalkers || c.trusted || c.cfg.ImplicitTLS {
		return false
	}
	early := speaks(c.raw)
	if !early && c.cfg.GreetPause > 0 {
		early = c.speaksWithin(c.cfg.GreetPause)
	}
	if early {
		c.abuse(EarlyTalker, &Refusal{Code: 421, Enhanced: [3]int{4, 5, 0}, Text: "Wait for the greeting"})
	}
	return c.dead.Load()
}

// speaksWithin waits for what should not come.
func (c *conn) speaksWithin(pause time.Duration) bool {
	var n int
	err := c.arm(true, false, time.Now().Add(pause))
	if err == nil {
		n, err = c.raw.Read(c.buf[:1])
		if c.disarm() {
			err = errShutdown
		}
	}
	switch {
	case errors.Is(err, errShutdown):
		c.interrupted()
	case errors.Is(err, os.ErrDeadlineExceeded):
	case errors.Is(err, io.EOF):
		c.die(EndHangUp, nil)
	case err != nil:
		c.die(EndReset, nil)
	}
	return n > 0
}
