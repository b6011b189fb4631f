package config

import "net"

// Metrics is where counters can be read.
type Metrics struct {
	// Address on which GET /metrics is answered, in the text format of Prometheus. One of this machine itself. When not given: nowhere.
	Address string `toml:"address" as:"listen" example:"127.0.0.1:9125"`
}

func (c *checker) metrics() {
	address := c.cfg.Metrics.Address
	host, _, _ := net.SplitHostPort(address)
	if address != "" && !isLoopback(host) {
		c.bad("metrics.address", "for example 127.0.0.1:9125", "%s is reached from elsewhere: whoever reaches it reads who sends mail here", address)
	}
}
