package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Queued lists deliveries by filter and calls yield for each.
func (c *Client) Queued(ctx context.Context, f QueueFilter, yield func(Queued) error) error {
	body, err := c.do(ctx, http.MethodGet, "/queue", f.query())
	if err != nil {
		return fmt.Errorf("looking for mail: %w", err)
	}
	return wrapped("looking for mail", lines(body, QueuedSchema, func(q Queued) (string, string) { return q.Schema, q.Error }, yield))
}

// Act does a deed, and calls yield for each delivery with what came of it.
func (c *Client) Act(ctx context.Context, d Deed, yield func(Acted) error) error {
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	body, err := c.send(ctx, http.MethodPost, "/queue", nil, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %w", d.Do, err)
	}
	return wrapped(d.Do, lines(body, ActedSchema, func(a Acted) (string, string) { return a.Schema, a.Error }, yield))
}

// Message reads a captured message. The caller closes it; a message that was cut off ends with an error, not with io.EOF.
func (c *Client) Message(ctx context.Context, capture string) (io.ReadCloser, error) {
	body, err := c.do(ctx, http.MethodGet, "/message", url.Values{"capture": {capture}})
	if err != nil {
		return nil, fmt.Errorf("reading message %s: %w", capture, err)
	}
	return body, nil
}

// Trace asks what became of the messages that an ID, a Message-ID or an address names.
func (c *Client) Trace(ctx context.Context, asked string) (Trace, error) {
	return ask[Trace](ctx, c, "/trace", url.Values{"asked": {asked}}, "tracing "+asked)
}
