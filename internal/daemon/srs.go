package daemon

import (
	"fmt"
	"strings"

	"posthouse/config"
	"posthouse/relay/srs"
)

// rewriter is the Sender Rewriting Scheme as it is configured; nil if it is not.
func rewriter(c config.SRS) (*srs.Rewriter, error) {
	if c.Domain == "" {
		return nil, nil
	}
	secret, err := c.Secret.Reveal()
	if err != nil {
		return nil, fmt.Errorf("relay.srs.secret: %w", err)
	}
	return srs.New(srs.Config{
		Domain: c.Domain, Secrets: strings.FieldsFunc(secret, func(c rune) bool { return c == '\n' || c == '\r' }), Separator: c.Separator[0], HashLength: c.HashLength, MaxAge: c.MaxAge,
	})
}
