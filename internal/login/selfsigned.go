package login

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// Lengths of time of a certificate that we sign ourselves: nobody renews it but we, and it is made anew while there is time left.
const (
	selfSignedFor = 10 * 365 * 24 * time.Hour
	renewedBefore = 30 * 24 * time.Hour
)

// SelfSigned returns the certificate for name that nobody but we has signed, from the file, which holds its key as well. Where there is none that can be used, now or soon, one is made.
func SelfSigned(file, name string, now time.Time) (i *TLSIdentity, made bool, err error) {
	i, err = LoadTLSIdentity(file, file)
	if err == nil && i.Leaf().VerifyHostname(name) == nil && now.Add(renewedBefore).Before(i.Leaf().NotAfter) {
		return i, false, nil
	}
	if err := makeSelfSigned(file, name, now); err != nil {
		return nil, false, fmt.Errorf("making a certificate for %s: %w", name, err)
	}
	i, err = LoadTLSIdentity(file, file)
	return i, true, err
}

// makeSelfSigned replaces the file as a whole.
func makeSelfSigned(file, name string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(selfSignedFor), // clocks differ
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
