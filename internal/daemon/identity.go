package daemon

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"posthouse/config"
	"posthouse/internal/control"
	"posthouse/internal/login"
)

// identity is one of our certificates and the files it was read from.
type identity struct {
	cert, key  string
	selfSigned bool
	*login.TLSIdentity
}

// identity reads a certificate and its key; the same files are read once. Only Start calls it.
func (d *Daemon) identity(cert, key string) (*login.TLSIdentity, error) {
	if i := d.known(cert, key); i != nil {
		return i, nil
	}
	i, err := login.LoadTLSIdentity(cert, key)
	if err != nil {
		return nil, err
	}
	d.identities = append(d.identities, identity{cert, key, false, i})
	return i, nil
}

func (d *Daemon) known(cert, key string) *login.TLSIdentity {
	for _, i := range d.identities {
		if i.cert == cert && i.key == key {
			return i.TLSIdentity
		}
	}
	return nil
}

// identitiesOf are a listener's certificates. With none it has one that we sign ourselves, for its name: senders that encrypt and verify nobody, as nearly all do, are served by it.
func (d *Daemon) identitiesOf(l config.Listener, hostname string) ([]*login.TLSIdentity, error) {
	var all []*login.TLSIdentity
	if l.TLSCert == "" {
		i, err := d.selfSigned(hostname)
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	} else {
		i, err := d.identity(l.TLSCert, l.TLSKey)
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	for _, file := range l.TLSMore {
		i, err := d.identity(file, file)
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, nil
}

func (d *Daemon) selfSigned(hostname string) (*login.TLSIdentity, error) {
	file := filepath.Join(d.cfg.State, "tls", hostname+".pem")
	if i := d.known(file, file); i != nil {
		return i, nil
	}
	i, made, err := login.SelfSigned(file, hostname, d.opts.Clock.Now())
	if err != nil {
		return nil, err
	}
	if made {
		d.log.WithField("file", file).Warnf("made a certificate for %s that nobody else has signed: give tls_cert and tls_key a real one", hostname)
	}
	d.identities = append(d.identities, identity{file, file, true, i})
	return i, nil
}

// readIdentities reads every certificate again and returns what puts them to use, so that none is replaced when one is broken.
func (d *Daemon) readIdentities() (use func() error, err error) {
	for _, i := range d.identities {
		if _, err := login.LoadTLSIdentity(i.cert, i.key); err != nil {
			return nil, err
		}
	}
	return func() error {
		for _, i := range d.identities {
			if _, err := i.Reload(); err != nil {
				return fmt.Errorf("%s was replaced while it was read: %w", i.cert, err)
			}
		}
		return nil
	}, nil
}

// renewIdentities takes over certificates whose files were replaced. A pair that is broken, or only half replaced yet, leaves the old one in use, and is an alarm while it lasts.
func (d *Daemon) renewIdentities(context.Context) error {
	var broken []string
	for _, i := range d.identities {
		switch changed, err := i.Reload(); {
		case err != nil:
			broken = append(broken, fmt.Sprintf("the certificate in use is an old one: %v", err))
		case changed:
			d.log.WithField("file", i.cert).Infof("took over a new certificate, valid until %s", i.Leaf().NotAfter.UTC().Format(time.DateOnly))
		}
	}
	d.brokenIdentities.Store(&broken)
	return nil
}

// expiresSoon is when somebody should look after a certificate: those that renew themselves do a month before.
const expiresSoon = 14 * 24 * time.Hour

// certificateAlarms tell of certificates that are broken or end soon.
func (d *Daemon) certificateAlarms(now time.Time) []alarm {
	var texts []string
	if broken := d.brokenIdentities.Load(); broken != nil {
		texts = slices.Clone(*broken)
	}
	for _, i := range d.identities {
		if until := i.Leaf().NotAfter; until.Before(now.Add(expiresSoon)) {
			texts = append(texts, fmt.Sprintf("the certificate %s is valid until %s only", i.cert, until.UTC().Format(time.DateTime)))
		}
	}
	var all []alarm
	for _, text := range texts {
		all = append(all, alarm{"certificate", "certificates", 1, text})
	}
	return all
}

// certificate is what a listener shows to clients that ask for no other name.
func (d *Daemon) certificate(listener, hostname string) control.Certificate {
	l := d.cfg.Listeners[listener]
	if l.TLS == config.TLSNone {
		return control.Certificate{}
	}
	for _, i := range d.identities {
		if i.cert == l.TLSCert || l.TLSCert == "" && i.selfSigned && i.Leaf().VerifyHostname(hostname) == nil {
			return control.Certificate{Names: i.Leaf().DNSNames, Until: i.Leaf().NotAfter.UTC(), SelfSigned: i.selfSigned}
		}
	}
	return control.Certificate{}
}
