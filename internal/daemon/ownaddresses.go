package daemon

import "net/netip"

// ownAddressAlarms is an alarm while nobody tells this machine's own addresses: we know ourselves by names and loopback alone then, so mail may be sent in a loop, and a device's address
// may be our own.
func ownAddressAlarms(own func() ([]netip.Addr, error)) []alarm {
	if _, err := own(); err != nil {
		return []alarm{{"own addresses", "addresses", 1, err.Error() + "; loops and whose an MX host is are told by names alone"}}
	}
	return nil
}
