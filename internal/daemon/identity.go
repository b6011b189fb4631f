package daemon

import (
	"fmt"

	"posthouse/internal/login"
)

// identity is one of our certificates and the files it was read from.
type identity struct {
	cert, key string
	*login.TLSIdentity
}

// identity reads a certificate and its key; the same files are read once. Only Start calls it.
func (d *Daemon) identity(cert, key string) (*login.TLSIdentity, error) {
	for _, i := range d.identities {
		if i.cert == cert && i.key == key {
			return i.TLSIdentity, nil
		}
	}
	i, err := login.LoadTLSIdentity(cert, key)
	if err != nil {
		return nil, err
	}
	d.identities = append(d.identities, identity{cert, key, i})
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
