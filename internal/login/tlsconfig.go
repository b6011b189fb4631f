package login

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
)

// TLSOptions say how a server we connect to proves who it is, and how we do.
type TLSOptions struct {
	// ServerName is the name in the server's certificate; it is also sent to
	// the server (SNI). Needed unless there is a Pin.
	ServerName string
	// CAFile is a PEM file of authorities that replace the system's; Roots does
	// the same from memory.
	CAFile string
	Roots  *x509.CertPool
	// Pin is the SHA-256 fingerprint of the server's own certificate in
	// hexadecimal digits, with colons or without. It takes the place of every
	// other check: name, authority and dates do not matter then.
	Pin string
	// Identity is the certificate we show if asked for one; nil for none.
	Identity *TLSIdentity
	// TLS10 allows what servers before 2012 need: TLS 1.0 and 1.1, key exchange
	// without forward secrecy, and 3DES. Pin such a server.
	TLS10 bool
}

// TLSConfig returns the configuration for connecting to one server.
func TLSConfig(o TLSOptions) (*tls.Config, error) {
	config := &tls.Config{ServerName: o.ServerName, RootCAs: o.Roots, MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		roots, err := readRoots(o.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = roots
	}
	switch {
	case o.Pin != "":
		pin, err := ParsePin(o.Pin)
		if err != nil {
			return nil, err
		}
		config.InsecureSkipVerify = true // VerifyConnection checks more than a chain would
		config.VerifyConnection = verifyPin(pin)
	case o.ServerName == "":
		return nil, errors.New("TLS needs the server's name or its certificate's fingerprint")
	}
	if o.TLS10 {
		allowOld(config)
	}
	if o.Identity != nil {
		config.GetClientCertificate = o.Identity.clientCertificate
	}
	return config, nil
}

func readRoots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the authorities' certificates: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the authorities' certificates: no certificate in %s", file)
	}
	return roots, nil
}

// allowOld adds what Go has left out of its defaults: RSA key exchange and 3DES
// are all that Windows Server 2003 speaks. RC4 stays out.
func allowOld(config *tls.Config) {
	config.MinVersion = tls.VersionTLS10
	for _, suite := range tls.CipherSuites() {
		config.CipherSuites = append(config.CipherSuites, suite.ID)
	}
	for _, suite := range tls.InsecureCipherSuites() {
		if !strings.Contains(suite.Name, "RC4") {
			config.CipherSuites = append(config.CipherSuites, suite.ID)
		}
	}
}

// Pin is a certificate's SHA-256 fingerprint.
type Pin [sha256.Size]byte

// Fingerprint returns a certificate's pin.
func Fingerprint(cert *x509.Certificate) Pin { return sha256.Sum256(cert.Raw) }

// ParsePin reads 64 hexadecimal digits, with colons or without, in either case,
// and with or without "sha256:" in front.
func ParsePin(text string) (Pin, error) {
	digits := strings.ToLower(strings.TrimSpace(text))
	digits = strings.TrimPrefix(digits, "sha256:")
	raw, err := hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
	if err != nil || len(raw) != sha256.Size {
		return Pin{}, fmt.Errorf("fingerprint %q is not a SHA-256 in 64 hexadecimal digits", text)
	}
	return Pin(raw), nil
}

// String returns the pin as ParsePin reads it and TLSOptions take it.
func (p Pin) String() string { return "sha256:" + hex.EncodeToString(p[:]) }

// PinError: the server showed another certificate than the pinned one.
type PinError struct{ Want, Got Pin }

func (e *PinError) Error() string {
	return fmt.Sprintf("the server's certificate is not the pinned one: it has %s, not %s", e.Got, e.Want)
}

func verifyPin(want Pin) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("the server showed no certificate")
		}
		if got := Fingerprint(state.PeerCertificates[0]); got != want {
			return &PinError{Want: want, Got: got}
		}
		return nil
	}
}
