package daemon

import (
	"context"
	"strings"

	"posthouse/config"
	"posthouse/internal/login"
	"posthouse/relay/delivery"
)

func (d *Daemon) smtpClient(name string, s config.Server) (*delivery.Client, error) {
	c, err := d.smtpConfig(name, s)
	if err != nil {
		return nil, err
	}
	return delivery.New(c)
}

func (d *Daemon) smtpConfig(name string, s config.Server) (c delivery.Config, err error) {
	to := delivery.Destination{
		Name: destinationName(name, config.ViaSMTP), Address: s.SMTP, MaxConnections: max(1, min(d.cfg.Relay.Workers, s.MaxConnections)),
		Protocol: delivery.Protocol(s.SMTPProtocol),
		TLS:      delivery.TLS{Mode: delivery.TLSMode(s.SMTPTLS), CAFile: s.CAFile},
		Proxy:    map[string]delivery.ProxyVersion{config.ProxyV1: delivery.ProxyV1, config.ProxyV2: delivery.ProxyV2}[s.Proxy],
	}
	if s.Fingerprint != "" {
		to.TLS.Fingerprints = []string{s.Fingerprint}
	}
	if s.ClientCert != "" {
		identity, err := d.tlsFor(s, s.SMTP)
		if err != nil {
			return c, err
		}
		to.TLS.ClientCertificate = identity.GetClientCertificate
	}
	if s.SMTPAuth != "" && s.SMTPAuth != "none" {
		to.Auth = smtpAuth(s, d.tokens[name])
	}
	c = delivery.Config{Destination: to, Hello: d.hostname(), Dial: connect}
	if domain, port, byMX := s.MX(); byMX {
		c.Find = d.hostsOf(domain, port)
	}
	return c, nil
}

// smtpAuth is our login. A token that was refused is fetched anew, unless it was just fetched.
func smtpAuth(s config.Server, tokens login.TokenSource) delivery.Auth {
	auth := delivery.Auth{Mechanism: delivery.Mechanism(strings.ToUpper(s.SMTPAuth)), Username: s.SMTPLogin, WithoutTLS: s.SMTPTLS == config.TLSNone}
	if s.SMTPAuth != config.SMTPAuthXOAuth2 {
		auth.Password = func(context.Context) (string, error) { return s.SMTPPassword.Reveal() }
		return auth
	}
	auth.Token = func(ctx context.Context, refused string) (string, error) {
		if refused != "" {
			tokens.Invalidate(s.SMTPLogin, refused)
		}
		return tokens.Token(ctx, s.SMTPLogin)
	}
	return auth
}
