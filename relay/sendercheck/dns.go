package sendercheck

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"
)

const (
	// lookup is how long one question is waited for.
	lookup = 5 * time.Second
	// maxRecord is how long a record may be that is read: a key of 16,384 bits fits. The work that a key makes grows with the cube of its length.
	maxRecord = 4096
)

// dns asks with a time limit of its own, and remembers. Its errors are of a kind that everybody understands: there is nothing of that name, or it is not known now.
type dns struct {
	resolver Resolver
	memory   *memory
}

func (d dns) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return ask(ctx, d, question{"TXT", name}, d.texts, func(r string) int { return len(r) })
}

// texts are TXT records that can be read.
func (d dns) texts(ctx context.Context, name string) ([]string, error) {
	records, err := d.resolver.LookupTXT(ctx, name)
	for _, r := range records {
		if len(r) > maxRecord {
			return nil, &net.DNSError{Err: "a record is too long", Name: name, IsNotFound: true}
		}
	}
	return records, err
}

func (d dns) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return ask(ctx, d, question{"MX", name}, d.resolver.LookupMX, func(r *net.MX) int { return len(r.Host) })
}

func (d dns) LookupIPAddr(ctx context.Context, name string) ([]net.IPAddr, error) {
	return ask(ctx, d, question{"A", name}, d.resolver.LookupIPAddr, func(r net.IPAddr) int { return len(r.IP) + len(r.Zone) })
}

func (d dns) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	return ask(ctx, d, question{"PTR", addr}, d.resolver.LookupAddr, func(r string) int { return len(r) })
}

func ask[T any](ctx context.Context, d dns, q question, lookUp func(context.Context, string) ([]T, error), sizeOf func(T) int) ([]T, error) {
	if known, fresh := d.memory.recall(q); fresh {
		return slices.Clone(known.records.([]T)), known.err
	}
	limited, cancel := context.WithTimeout(ctx, lookup)
	defer cancel()
	records, err := lookUp(limited, q.name)
	if err != nil && !isNotFound(err) {
		err = &net.DNSError{UnwrapErr: err, Err: err.Error(), Name: q.name, IsTemporary: true}
	}
	if ctx.Err() != nil {
		return records, err // it may have been the asker who gave up
	}
	size := 64
	for _, r := range records {
		size += 64 + sizeOf(r)
	}
	d.memory.remember(q, slices.Clone(records), size, err)
	return records, err
}

func isNotFound(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}
