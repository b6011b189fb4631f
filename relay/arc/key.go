package arc

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Lookup returns the TXT records of a name. An error that ErrTemporary matches may end some day; any other means that there are none.
type Lookup func(ctx context.Context, name string) ([]string, error)

// ErrTemporary: whether the chain holds cannot be said now.
var ErrTemporary = errors.New("for the time being")

const (
	rsaSHA256     = "rsa-sha256"
	ed25519SHA256 = "ed25519-sha256"
)

// publicKey finds the key of a signature (RFC 6376 §3.6).
func publicKey(ctx context.Context, lookup Lookup, t tags) (crypto.PublicKey, error) {
	name := t["s"] + "._domainkey." + t["d"]
	if t["s"] == "" || t["d"] == "" {
		return nil, errors.New("s= or d= is missing")
	}
	records, err := lookup(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	for _, record := range records {
		if key, err := parseKey(record, t["a"]); err == nil {
			return key, nil
		}
	}
	return nil, fmt.Errorf("no key for %s at %s", t["a"], name)
}

func parseKey(record, algorithm string) (crypto.PublicKey, error) {
	t, err := parseTags(record)
	if err != nil {
		return nil, err
	}
	if v, given := t["v"]; given && v != "DKIM1" {
		return nil, fmt.Errorf("v=%s", v)
	}
	if _, given := t["h"]; given && !slices.Contains(t.list("h"), "sha256") {
		return nil, fmt.Errorf("h=%s", t["h"])
	}
	if _, given := t["s"]; given && !slices.Contains(t.list("s"), "*") && !slices.Contains(t.list("s"), "email") {
		return nil, fmt.Errorf("s=%s", t["s"])
	}
	octets, err := t.octets("p")
	if err != nil {
		return nil, err
	}
	switch kind := t["k"]; {
	case algorithm == rsaSHA256 && (kind == "" || kind == "rsa"):
		return parseRSA(octets)
	case algorithm == ed25519SHA256 && kind == "ed25519" && len(octets) == ed25519.PublicKeySize:
		return ed25519.PublicKey(octets), nil
	}
	return nil, fmt.Errorf("k=%s", t["k"])
}

// parseRSA reads a SubjectPublicKeyInfo, or the bare key that some publish.
func parseRSA(octets []byte) (*rsa.PublicKey, error) {
	any, err := x509.ParsePKIXPublicKey(octets)
	key, ok := any.(*rsa.PublicKey)
	if err != nil {
		key, err = x509.ParsePKCS1PublicKey(octets)
		ok = err == nil
	}
	switch {
	case !ok:
		return nil, errors.New("not an RSA key")
	case key.N.BitLen() < minRSA:
		return nil, errors.New("the RSA key is too short")
	}
	return key, nil
}

// minRSA: RFC 8301 §3.2.
const minRSA = 1024

// checkSignature verifies a signature over a SHA-256 digest.
func checkSignature(key crypto.PublicKey, digest, signature []byte) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, signature)
	case ed25519.PublicKey:
		if ed25519.Verify(key, digest, signature) {
			return nil
		}
	}
	return errors.New("the signature does not verify")
}

// algorithmOf is the name of a private key's algorithm.
func algorithmOf(key crypto.Signer) (string, error) {
	if key == nil {
		return "", errors.New("no key")
	}
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() < minRSA {
			return "", errors.New("the RSA key is too short")
		}
		return rsaSHA256, nil
	case ed25519.PublicKey:
		return ed25519SHA256, nil
	}
	return "", errors.New("neither an RSA nor an Ed25519 key")
}

// sign signs a SHA-256 digest; Ed25519 signs the digest itself (RFC 8463 §3).
func sign(key crypto.Signer, digest []byte) ([]byte, error) {
	if _, ok := key.(ed25519.PrivateKey); ok {
		return key.Sign(nil, digest, crypto.Hash(0))
	}
	return key.Sign(nil, digest, crypto.SHA256)
}

// isWord reports whether a text can stand in a tag or as a name in DNS.
func isWord(s string) bool { return s != "" && len(s) <= 253 && !strings.ContainsAny(s, " \t\r\n;=") }
