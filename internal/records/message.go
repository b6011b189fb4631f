package records

import (
	"context"
	"errors"
	"fmt"
	"io"

	"posthouse/ledger"
	"posthouse/relay"
)

// Message writes a captured message as it goes out.
func (r *Records) Message(ctx context.Context, name string, w io.Writer) error {
	c, err := r.capture(ctx, name)
	if err != nil {
		return err
	}
	return r.Write(c, w)
}

// Write writes the message of a capture.
func (r *Records) Write(c ledger.Capture, w io.Writer) error {
	message := relay.Message(r.Ledger, c)
	body, err := message.Open()
	if errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("message %s is kept no more: relay.retention is over", c.ID)
	}
	if err != nil {
		return err
	}
	defer body.Close()
	n, err := io.Copy(w, body)
	if want := message.Size(); err == nil && n != want {
		err = fmt.Errorf("message %s has %d octets, and is said to have %d", c.ID, n, want)
	}
	return err
}
