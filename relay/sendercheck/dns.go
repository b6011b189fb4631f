package sendercheck

import (
	"context"
	"errors"
	"net"
	"time"
)

const (
	// lookup is how long one question is waited for.
	lookup = 5 * time.Second
	// maxRecord is how long a record may be that is read: a key of 16,384 bits fits. The work that a key makes grows with the cube of its length.
	maxRecord = 4096
)

// dns asks with a time limit of its own. Its errors are of a kind that everybody understands: there is nothing of that name, or it is not known now.
type dns struct{ Resolver }

func (d dns) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return ask(ctx, name, func(ctx context.Context) ([]string, error) {
		records, err := d.Resolver.LookupTXT(ctx, name)
		for _, r := range records {
			if len(r) > maxRecord {
				return nil, &net.DNSError{Err: "a record is too long", Name: name, IsNotFound: true}
			}
		}
		return records, err
	})
}

func (d dns) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return ask(ctx, name, func(ctx context.Context) ([]*net.MX, error) { return d.Resolver.LookupMX(ctx, name) })
}

func (d dns) LookupIPAddr(ctx context.Context, name string) ([]net.IPAddr, error) {
	return ask(ctx, name, func(ctx context.Context) ([]net.IPAddr, error) { return d.Resolver.LookupIPAddr(ctx, name) })
}

func (d dns) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	return ask(ctx, addr, func(ctx context.Context) ([]string, error) { return d.Resolver.LookupAddr(ctx, addr) })
}

func ask[T any](ctx context.Context, name string, question func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, lookup)
	defer cancel()
	answer, err := question(ctx)
	if err == nil || isNotFound(err) {
		return answer, err
	}
	return answer, &net.DNSError{UnwrapErr: err, Err: err.Error(), Name: name, IsTemporary: true}
}

func isNotFound(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}
