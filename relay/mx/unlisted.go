package mx

import (
	"context"
	"slices"
)

// Unlisted fetches the MTA-STS policy that a domain publishes now, whatever is remembered, and tells its mode and which of the hosts it does not list.
func (f *Finder) Unlisted(ctx context.Context, domain string, hosts []string) (mode string, unlisted []string, _ error) {
	p, err := f.policies.fetch(ctx, domain)
	if err != nil {
		return "", nil, err
	}
	return string(p.mode), slices.DeleteFunc(slices.Clone(hosts), p.lists), nil
}
