package delivery

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// tlsConfig is what every handshake with the destination uses.
func tlsConfig(c Config) (*tls.Config, error) {
	d := c.Destination
	pins, err := parseFingerprints(d.TLS.Fingerprints)
	if err != nil {
		return nil, err
	}
	roots, err := d.TLS.roots()
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		ServerName:           d.serverName(),
		RootCAs:              roots,
		MinVersion:           tls.VersionTLS12,
		GetClientCertificate: d.TLS.ClientCertificate,
		// Small records at the start help web pages, not messages.
		DynamicRecordSizingDisabled: true,
	}
	switch {
	case len(pins) > 0:
		config.InsecureSkipVerify = true
		config.VerifyConnection = pinned(pins)
	case d.TLS.SkipVerify, d.TLS.Mode == Opportunistic:
		config.InsecureSkipVerify = true
	case config.ServerName == "" && d.TLS.Mode != Plaintext && c.Find == nil:
		return nil, errors.New("TLS on a socket needs a server name")
	}
	return config, nil
}

func (t TLS) roots() (*x509.CertPool, error) {
	if t.CAFile == "" {
		return t.Roots, nil
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("reading CA file: %w", err)
	}
	pool := x509.NewCertPool()
	if t.Roots != nil {
		pool = t.Roots.Clone()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA file %s holds no certificate", t.CAFile)
	}
	return pool, nil
}

type fingerprint [sha256.Size]byte

func parseFingerprints(texts []string) ([]fingerprint, error) {
	var pins []fingerprint
	for _, text := range texts {
		b, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
		if err != nil || len(b) != sha256.Size {
			return nil, fmt.Errorf("fingerprint %q is not a SHA-256 digest in hexadecimal", text)
		}
		pins = append(pins, fingerprint(b))
	}
	return pins, nil
}

func pinned(pins []fingerprint) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		got := fingerprint(sha256.Sum256(state.PeerCertificates[0].Raw))
		if slices.Contains(pins, got) {
			return nil
		}
		return fmt.Errorf("%w: %s", ErrCertificate, hex.EncodeToString(got[:]))
	}
}

func (c *Client) handshake(ctx context.Context, s *conn) error {
	ctx, cancel := context.WithTimeout(ctx, s.dest.Timeouts.Connect)
	defer cancel()
	// The deadline of an earlier reply must not cut the handshake short.
	if err := s.raw.SetDeadline(time.Time{}); err != nil {
		return s.failed(StageTLS, err)
	}
	t := tls.Client(s.raw, c.tlsTo(s.host))
	if err := t.HandshakeContext(ctx); err != nil {
		return s.failed(StageTLS, s.demanded(err))
	}
	state := t.ConnectionState()
	s.net, s.tls = t, &state
	s.r = bufio.NewReaderSize(t, maxReplyLine)
	return nil
}
