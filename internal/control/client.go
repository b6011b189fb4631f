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
type Client struct{ http *http.Client }

// ErrNotRunning: nobody listens at the socket.
var ErrNotRunning = errors.New("posthouse is not running")

// Dial makes a client for the socket at path. It does not connect yet.
func Dial(path string) *Client {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			conn, err := d.DialContext(ctx, "unix", path)
			if err != nil {
				return nil, fmt.Errorf("%w (%w)", ErrNotRunning, err)
			}
			return conn, nil
		},
	}
	return &Client{http: &http.Client{Transport: transport}}
}

// Status asks for everything at a glance.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	body, err := c.do(ctx, http.MethodGet, "/status", nil)
	if err != nil {
		return s, fmt.Errorf("asking for the status: %w", err)
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(&s); err != nil {
		return s, fmt.Errorf("reading the status: %w", err)
	}
	return s, nil
}

// Verify compares mailboxes, all if none is named, and calls yield for each as its result comes in.
func (c *Client) Verify(ctx context.Context, mailboxes []string, yield func(Verified) error) error {
	body, err := c.do(ctx, http.MethodPost, "/verify", url.Values{"mailbox": mailboxes})
	if err != nil {
		return fmt.Errorf("verifying: %w", err)
	}
	defer body.Close()
	lines := json.NewDecoder(body)
	for {
		var v Verified
		if err := lines.Decode(&v); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading the verification: %w", err)
		}
		if v.Schema != VerifySchema {
			return fmt.Errorf("verifying: the service ended it: %s", v.Error)
		}
		if err := yield(v); err != nil {
			return err
		}
	}
}

func (c *Client) do(ctx context.Context, method, path string, query url.Values) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://posthouse"+path+"?"+query.Encode(), nil)
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
