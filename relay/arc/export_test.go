package arc

import (
	"context"
	"io"
)

// Validate says whether the chain of a message holds: the half of Seal that tests look at alone.
func Validate(ctx context.Context, message io.Reader, lookup Lookup) (Chain, error) {
	v, err := pass(message, newBody(true, -1))
	if err != nil {
		return Chain{}, err
	}
	return v.end(ctx, lookup)
}
