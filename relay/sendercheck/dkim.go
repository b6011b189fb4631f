package sendercheck

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

const (
	// maxSignatures is how many signatures of a message are looked at: each takes a question and a computation.
	maxSignatures = 10
	// maxSigned is how many fields a signature may name: each is looked for in the whole header.
	maxSigned = 250
)

// dkim has one result for each signature.
func (c *Checker) dkim(ctx context.Context, h header, message io.Reader) (all []Signature) {
	signatures := h.all("dkim-signature")
	if len(signatures) == 0 {
		return []Signature{{Result: None}}
	}
	for _, s := range signatures[:min(len(signatures), maxSignatures)] {
		if strings.Count(s, ":") > maxSigned {
			return []Signature{{Result: Neutral}}
		}
	}
	all = []Signature{{Result: TempError}}
	defer survive()
	body := &patient{reader: message}
	found, err := dkim.VerifyWithOptions(body, &dkim.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) { return c.dns.LookupTXT(ctx, name) }, MaxVerifications: maxSignatures,
	})
	if body.err != nil || err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
		return all
	}
	all = nil
	for _, v := range found {
		all = append(all, Signature{dkimResult(v.Err), v.Domain})
	}
	return all
}

func dkimResult(err error) Result {
	switch {
	case err == nil:
		return Pass
	case dkim.IsTempFail(err):
		return TempError
	case dkim.IsPermFail(err):
		return PermError
	}
	return Fail
}

// patient ends where its reader fails: the library leaves goroutines behind when it sees an error.
type patient struct {
	reader io.Reader
	err    error
}

func (p *patient) Read(b []byte) (int, error) {
	n, err := p.reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		p.err, err = err, io.EOF
	}
	return n, err
}
