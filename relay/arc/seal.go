package arc

import (
	"bufio"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Config is what a Sealer is made of.
type Config struct {
	// Domain and Selector name the public key: SELECTOR._domainkey.DOMAIN.
	Domain, Selector string
	// Key is RSA, or ed25519.PrivateKey.
	Key crypto.Signer
	// AuthServID names who says what the results say: our host name.
	AuthServID string
	Lookup     Lookup
}

// Sealer makes ARC sets. Safe for concurrent use.
type Sealer struct {
	cfg       Config
	algorithm string
}

// New checks the configuration.
func New(cfg Config) (*Sealer, error) {
	if !isWord(cfg.Domain) || !isWord(cfg.Selector) || !isWord(cfg.AuthServID) {
		return nil, errors.New("ARC: domain, selector and host name must be names")
	}
	algorithm, err := algorithmOf(cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("ARC: %w", err)
	}
	return &Sealer{cfg, algorithm}, nil
}

// pass reads a message once: the header, then the body through our own hash and the chain's.
func pass(message io.Reader, own *body) (*validation, error) {
	r := bufio.NewReaderSize(message, 32<<10)
	fields, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	v := begin(fields)
	hashes := []io.Writer{own}
	if v.body != nil {
		hashes = append(hashes, v.body)
	}
	_, err = io.Copy(io.MultiWriter(hashes...), r)
	return v, err
}

// Seal returns the ARC set for a message, which is to be put before it as it is: header fields with their line ends. The results are those of our own checks, as Authentication-Results writes
// them (RFC 8601), "" for none; the chain's own is added. The error is the reader's, or matches ErrHeader, ErrEnded or ErrTemporary; then the message goes as it is.
func (s *Sealer) Seal(ctx context.Context, message io.Reader, results string, now time.Time) ([]byte, error) {
	own := newBody(true, -1)
	v, err := pass(message, own)
	if err != nil {
		return nil, err
	}
	if v.chain.ended || v.chain.Sets >= maxSets {
		return nil, ErrEnded
	}
	chain, err := v.end(ctx, s.cfg.Lookup)
	if err != nil {
		return nil, err
	}
	made, err := s.set(v, chain, results, own.sum(), now)
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	return slices.Concat(made.seal.raw, made.signature.raw, made.results.raw), nil
}

func (s *Sealer) set(v *validation, chain Chain, results string, bodyHash []byte, now time.Time) (set, error) {
	n := chain.Sets + 1
	if results != "" {
		results = ";\r\n\t" + results
	}
	var made set
	made.results = field{resultsName, fmt.Appendf(nil, "ARC-Authentication-Results: i=%d; %s%s;\r\n\tarc=%s\r\n", n, s.cfg.AuthServID, results, chain.State)}
	names := signedNames(v.fields)
	head := fmt.Sprintf("ARC-Message-Signature: i=%d; a=%s; c=relaxed/relaxed;\r\n\td=%s; s=%s; t=%d;\r\n\th=%s;\r\n\tbh=%s;\r\n\tb=", n, s.algorithm,
		s.cfg.Domain, s.cfg.Selector, now.Unix(), fold(names, ":"), base64.StdEncoding.EncodeToString(bodyHash))
	made.signature = field{signatureName, []byte(head)}
	err := s.sign(&made.signature, append(signedHeader(v.fields, names, true), made.signature.unsigned(true)...))
	if err != nil {
		return made, err
	}
	head = fmt.Sprintf("ARC-Seal: i=%d; a=%s; cv=%s;\r\n\td=%s; s=%s; t=%d;\r\n\tb=", n, s.algorithm, chain.State, s.cfg.Domain, s.cfg.Selector, now.Unix())
	made.seal = field{sealName, []byte(head)}
	sets := []set{made} // a seal on a chain that fails is over its own set alone (§5.1.2)
	if chain.State != Fail {
		sets = append(slices.Clone(v.sets), made)
	}
	return made, s.sign(&made.seal, sealed(sets))
}

// sign appends the signature over data to a field that ends with b=.
func (s *Sealer) sign(f *field, data []byte) error {
	digest := sha256.Sum256(data)
	signature, err := sign(s.cfg.Key, digest[:])
	if err != nil {
		return err
	}
	text := base64.StdEncoding.EncodeToString(signature)
	for len(text) > 72 {
		f.raw = append(f.raw, text[:72]+"\r\n\t"...)
		text = text[72:]
	}
	f.raw = append(f.raw, text+"\r\n"...)
	return nil
}

// signs are the fields that tell what a message is (RFC 6376 §5.4.1), and the signatures of others. What hops add or change is not signed.
var signs = []string{
	"from", "reply-to", "subject", "date", "to", "cc", "message-id", "in-reply-to", "references", "sender", "mime-version", "content-type", "content-transfer-encoding", "content-id",
	"content-description", "resent-date", "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-message-id", "list-id", "list-help", "list-unsubscribe", "list-unsubscribe-post",
	"list-subscribe", "list-post", "list-owner", "list-archive", "dkim-signature",
}

// signedNames are the names of all fields to be signed, one for each time they stand there.
func signedNames(fields []field) []string {
	var names []string
	for _, name := range signs {
		for _, f := range fields {
			if f.name == name {
				names = append(names, name)
			}
		}
	}
	if !slices.Contains(names, "from") {
		names = append([]string{"from"}, names...) // must be among them (RFC 6376 §5.4), though it be absent
	}
	return names
}

// fold joins names and keeps lines short.
func fold(names []string, sep string) string {
	var b strings.Builder
	line := 0
	for i, name := range names {
		if i > 0 {
			b.WriteString(sep)
		}
		if line += len(name) + len(sep); line > 70 {
			b.WriteString("\r\n\t")
			line = len(name)
		}
		b.WriteString(name)
	}
	return b.String()
}

// CheckHeader reads a message's header and nothing more. The error is the reader's, or matches ErrHeader: then others should not be asked to read it either.
func CheckHeader(message io.Reader) error {
	_, err := readHeader(bufio.NewReaderSize(message, 32<<10))
	return err
}
