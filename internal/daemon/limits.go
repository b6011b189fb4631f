package daemon

import (
	"posthouse/config"
	"posthouse/relay/listener"
)

// limits are a listener's, in its own words: where the file says 0, the listener is told never.
func limits(l config.Listener) listener.Limits {
	return listener.Limits{
		MaxConnections: l.MaxConnections, MaxPerClient: l.MaxConnectionsPerClient,
		MaxPerNetwork: max(l.Limits.MaxConnectionsPerNetwork, l.MaxConnectionsPerClient),
		MaxErrors:     l.Limits.MaxErrors, MaxRefused: l.Limits.MaxRefused, MaxAccepted: l.Limits.MaxAccepted, MaxCommands: l.Limits.MaxCommands,
		SessionTimeout: l.Limits.SessionTime, MinDataRate: orNever(int64(l.Limits.MinDataRate)), TarpitAfter: orNever(l.Limits.TarpitAfter),
		NoEarlyTalkers: l.Limits.EarlyTalkers == config.EarlyRefuse, GreetPause: l.Limits.GreetPause, Trusted: l.Limits.Trusted, ProxyFrom: l.ProxyFrom,
	}
}

func orNever[T int | int64](n T) T {
	if n == 0 {
		return -1
	}
	return n
}
