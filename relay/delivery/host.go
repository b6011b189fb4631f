package delivery

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
)

// Host is one address of a destination that is found anew for each session.
type Host struct {
	Name    string // as its certificate must carry it
	Address string // host:port
	Demand  Demand
}

// Demand is what a published policy (DANE, MTA-STS) wants of TLS with a host,
// whatever the destination's own mode. Fingerprints of the destination are
// stronger, though.
type Demand struct {
	// By says whose demand it is, for people; empty: nobody demands anything.
	By string
	// Verify looks at the session in place of chain and name of the certificate.
	Verify func(tls.ConnectionState) error
	// Unverified: encryption alone is demanded.
	Unverified bool
}

// connect tries the hosts in their order. When all fail the error tells of each;
// its stage and reply are the first one's, whom the others stand in for.
func (c *Client) connect(ctx context.Context, o *Origin) (*conn, error) {
	if c.config.Find == nil {
		network, address, err := c.config.Destination.endpoint()
		if err != nil {
			return nil, err
		}
		return c.dial(ctx, network, Host{Address: address}, o)
	}
	hosts, err := c.config.Find(ctx)
	if err != nil {
		return nil, c.ended(ctx, &SessionError{Destination: c.config.Destination.Name, Stage: StageMX, Err: err})
	}
	var failed []error
	for _, h := range hosts {
		s, err := c.dial(ctx, "tcp", h, o)
		if err == nil {
			return s, nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, inAll(failed)
}

// inAll makes one error of those of all hosts.
func inAll(failed []error) error {
	first, ok := failed[0].(*SessionError)
	if !ok || len(failed) == 1 {
		return failed[0]
	}
	var rest []string
	for _, err := range failed[1:] {
		if s, ok := err.(*SessionError); ok {
			err = fmt.Errorf("%s: %w", s.Stage, s.cause())
		}
		rest = append(rest, err.Error())
	}
	all := *first
	all.Err = fmt.Errorf("%w (and then %s)", cmp.Or(first.Err, errRefused), strings.Join(rest, "; "))
	return &all
}

// named puts the host's name before an error where there are several.
func (h Host) named(err error) error {
	if h.Name == "" {
		return err
	}
	return fmt.Errorf("%s[%s]: %w", h.Name, h.Address, err)
}

// demanded says who wanted it, where TLS failed. What the destination itself
// asks for is nobody else's demand.
func (c *conn) demanded(err error) error {
	demand := c.host.Demand
	if demand.By == "" || errors.Is(err, ErrCertificate) || demand.Unverified && c.dest.TLS.Mode == STARTTLS {
		return err
	}
	return &Unmet{Demand: demand, Err: err}
}

// Unmet is TLS with a host that is not as a published policy demands.
type Unmet struct {
	Demand Demand
	Err    error
}

func (u *Unmet) Error() string {
	what := "verified TLS"
	if u.Demand.Unverified {
		what = "TLS"
	}
	return u.Demand.By + " demands " + what + ": " + u.Err.Error()
}

func (u *Unmet) Unwrap() error { return u.Err }

// tlsTo is what a handshake with the host uses.
func (c *Client) tlsTo(h Host) *tls.Config {
	if h.Name == "" {
		return c.tls
	}
	config := c.tls.Clone()
	if c.config.Destination.TLS.ServerName == "" {
		config.ServerName = h.Name
	}
	if h.Demand.By != "" && !h.Demand.Unverified && config.VerifyConnection == nil {
		config.InsecureSkipVerify = h.Demand.Verify != nil
		config.VerifyConnection = h.Demand.Verify
	}
	return config
}
