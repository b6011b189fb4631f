package listener

import "time"

// pace is how fast a body comes. Only the time counts in which we wait for the client: what the disk takes is not the client's fault.
type pace struct {
	waited time.Duration
	octets int64
}

// slow notes what came, and reports whether over the last window it was less than a client has to send. It judges whole windows, so that
// a network may stand still for a while.
func (p *pace) slow(waited time.Duration, n int, window time.Duration, rate int64) bool {
	p.waited += waited
	p.octets += int64(n)
	if p.waited < window {
		return false
	}
	slow := float64(p.octets) < float64(rate)*p.waited.Seconds()
	*p = pace{}
	return slow
}

// tooSlow ends a message that would hold a connection for hours.
func (c *conn) tooSlow(n int) bool {
	if c.mode == modeCommand || c.trusted || c.cfg.MinDataRate < 0 || !c.pace.slow(time.Since(c.asked), n, c.cfg.DataTimeout, c.cfg.MinDataRate) {
		return false
	}
	c.abuse(SlowBody, &Refusal{Code: 421, Enhanced: [3]int{4, 4, 2}, Text: "The message comes too slowly"})
	return true
}
