package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// Client talks to the running service. Close is not needed: it keeps no connection open.
type Client struct {
	http *http.Client
	dial func(ctx context.Context) (net.Conn, error)
}

// ErrNotRunning: nobody listens at the socket.
var ErrNotRunning = errors.New("posthouse is not running")

// Dial makes a client for the socket at path. It does not connect yet.
func Dial(path string) *Client {
	dial := func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", path)
		if err != nil {
			return nil, fmt.Errorf("%w (%w)", ErrNotRunning, err)
		}
		return conn, nil
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }}
	return &Client{http: &http.Client{Transport: transport}, dial: dial}
}

// Reach connects, asks nothing, and hangs up: ErrNotRunning when nobody listens.
func (c *Client) Reach(ctx context.Context) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Status asks for everything at a glance.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return ask[Status](ctx, c, "/status", nil, "asking for the status")
}

// ask gets one object.
func ask[T any](ctx context.Context, c *Client, path string, query url.Values, doing string) (found T, err error) {
	body, err := c.do(ctx, http.MethodGet, path, query)
	if err != nil {
		return found, fmt.Errorf("%s: %w", doing, err)
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(&found); err != nil {
		return found, fmt.Errorf("%s: reading the answer: %w", doing, err)
	}
	return found, nil
}

// Verify compares mailboxes, all if none is named, with a few bodies of each or with all, and calls yield for each as its result comes in.
func (c *Client) Verify(ctx context.Context, mailboxes []string, full bool, yield func(Verified) error) error {
	body, err := c.do(ctx, http.MethodPost, "/verify", verifyQuery(mailboxes, full))
	if err != nil {
		return fmt.Errorf("verifying: %w", err)
	}
	return wrapped("verifying", lines(body, VerifySchema, func(v Verified) (string, string) { return v.Schema, v.Error }, yield))
}

func verifyQuery(mailboxes []string, full bool) url.Values {
	q := url.Values{"mailbox": mailboxes}
	if full {
		q.Set("full", "yes")
	}
	return q
}

// Backfill brings mailboxes up to date, all if none is named, and calls yield for each as it is done.
func (c *Client) Backfill(ctx context.Context, mailboxes []string, yield func(Backfilled) error) error {
	body, err := c.do(ctx, http.MethodPost, "/backfill", url.Values{"mailbox": mailboxes})
	if err != nil {
		return fmt.Errorf("copying: %w", err)
	}
	return wrapped("copying", lines(body, BackfillSchema, func(b Backfilled) (string, string) { return b.Schema, b.Error }, yield))
}

// Plan asks where the items of mailboxes will go, all if none is named, and calls yield for each as its plan comes in.
func (c *Client) Plan(ctx context.Context, mailboxes []string, yield func(Planned) error) error {
	body, err := c.do(ctx, http.MethodPost, "/plan", url.Values{"mailbox": mailboxes})
	if err != nil {
		return fmt.Errorf("planning: %w", err)
	}
	return wrapped("planning", lines(body, PlanSchema, func(p Planned) (string, string) { return p.Schema, p.Error }, yield))
}

// lines reads a stream of one shape. A line of another schema is the service's reason to end it.
func lines[T any](body io.ReadCloser, schema string, says func(T) (schema, failure string), yield func(T) error) error {
	defer body.Close()
	in := json.NewDecoder(body)
	for {
		var one T
		if err := in.Decode(&one); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		if got, failure := says(one); got != schema {
			return fmt.Errorf("the service ended it: %s", failure)
		}
		if err := yield(one); err != nil {
			return yielded{err}
		}
	}
}

// yielded is an error of the caller's own.
type yielded struct{ error }

// wrapped names the operation, unless the error is the caller's own.
func wrapped(what string, err error) error {
	var own yielded
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own.error
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (c *Client) do(ctx context.Context, method, path string, query url.Values) (io.ReadCloser, error) {
	return c.send(ctx, method, path, query, nil)
}

func (c *Client) send(ctx context.Context, method, path string, query url.Values, with io.Reader) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://posthouse"+path+"?"+query.Encode(), with)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	defer response.Body.Close()
	var e Error
	if err := json.NewDecoder(response.Body).Decode(&e); err != nil {
		return nil, fmt.Errorf("the service answered %s", response.Status)
	}
	return nil, errors.New(e.Text)
}
