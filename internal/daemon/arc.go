package daemon

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"

	"posthouse/config"
	"posthouse/internal/destination"
	"posthouse/relay/arc"
)

// seal is what ARC sets are made by; nil where none is made.
func (d *Daemon) seal() (*destination.Seal, error) {
	c := d.cfg.Relay.ARC
	if c.Domain == "" || !d.seals() {
		return nil, nil
	}
	key, err := privateKey(c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("relay.arc.key_file: %w", err)
	}
	check := d.checks(0)
	sealer, err := arc.New(arc.Config{Domain: c.Domain, Selector: c.Selector, Key: key, AuthServID: d.hostname(), Lookup: check.lookup})
	if err != nil {
		return nil, err
	}
	return &destination.Seal{Sealer: sealer, Check: check.message}, nil
}

// seals tells whether there is a way out on which messages are sealed.
func (d *Daemon) seals() bool {
	for _, s := range d.cfg.Servers {
		if s.Side == config.Cloud && s.SMTP != "" {
			return true
		}
	}
	return d.cfg.Relay.Outside == config.OutsideMX
}

// privateKey reads a key in PEM: PKCS #8, or PKCS #1.
func privateKey(file string) (crypto.Signer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", file)
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s holds no private key", file)
	}
	return signer, nil
}
