package login

import "crypto/tls"

// ServerOptions say what a listener allows its clients.
type ServerOptions struct {
	// Old allows TLS 1.0 and 1.1 and what goes with them: for printers and scanners in reach.
	Old bool
	// AskClient asks clients for a certificate. One is not needed, and it proves nothing about them: whoever uses it looks at it.
	AskClient bool
}

// ServerConfig returns a configuration for listeners that shows the first identity whose certificate has the name that the client asks for and that the client can use, else the first of all. It
// issues no session tickets: Microsoft's senders abort STARTTLS when TLS 1.3 sends them one (golang/go#70232).
func ServerConfig(o ServerOptions, identities ...*TLSIdentity) *tls.Config {
	config := &tls.Config{
		MinVersion:             tls.VersionTLS12,
		SessionTicketsDisabled: true,
		GetCertificate:         func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return choose(hello, identities), nil },
	}
	if o.Old {
		allowOld(config)
	}
	if o.AskClient {
		config.ClientAuth = tls.RequestClientCert
	}
	return config
}

func choose(hello *tls.ClientHelloInfo, identities []*TLSIdentity) *tls.Certificate {
	if len(identities) > 1 && hello.ServerName != "" {
		for _, i := range identities {
			if cert := i.current.Load(); hello.SupportsCertificate(cert) == nil {
				return cert
			}
		}
	}
	return identities[0].current.Load()
}
