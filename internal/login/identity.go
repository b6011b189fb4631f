package login

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync/atomic"
)

// TLSIdentity is the certificate that posthouse shows, as a server and as a
// client, from a pair of PEM files that may be replaced while it is in use. It
// may be used by many goroutines.
type TLSIdentity struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
}

// LoadTLSIdentity reads the certificate, with its chain, and its key.
func LoadTLSIdentity(certFile, keyFile string) (*TLSIdentity, error) {
	i := &TLSIdentity{certFile: certFile, keyFile: keyFile}
	if _, err := i.Reload(); err != nil {
		return nil, err
	}
	return i, nil
}

// Reload reads the files again and reports whether they hold another
// certificate. New connections get it. After an error the old one stays in use.
func (i *TLSIdentity) Reload() (changed bool, err error) {
	cert, err := tls.LoadX509KeyPair(i.certFile, i.keyFile)
	if err != nil {
		return false, fmt.Errorf("loading the TLS certificate %s: %w", i.certFile, err)
	}
	old := i.current.Swap(&cert)
	return old == nil || !bytes.Equal(old.Leaf.Raw, cert.Leaf.Raw), nil
}

// Leaf is the certificate in use now, with its names and dates.
func (i *TLSIdentity) Leaf() *x509.Certificate { return i.current.Load().Leaf }

func (i *TLSIdentity) clientCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return i.current.Load(), nil
}
