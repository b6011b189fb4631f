package accounts

import (
	"crypto/sha256"

	"posthouse/internal/login"
)

// secretOf tells passwords apart. One that cannot be read is like none; so are tokens, which change by themselves.
func secretOf(c *login.Credential) secret {
	if c.Password == nil {
		return secret{}
	}
	password, err := c.Password()
	if err != nil {
		return secret{}
	}
	return sha256.Sum256([]byte(password))
}

// passwordLogin is for servers that offer no SASL mechanism; tokens cannot go that way.
func passwordLogin(c *login.Credential) func() (string, string, error) {
	if c.Password == nil {
		return nil
	}
	return c.UsernamePassword
}

func (s *Accounts) credential(a account, srv *server, user string) *login.Credential {
	if srv.Mechanism != "" {
		return &login.Credential{Username: user, Tokens: srv.Tokens, Mechanism: srv.Mechanism}
	}
	c := &login.Credential{Username: user, Password: func() (string, error) { return s.login(a).password() }}
	if srv.Master == nil {
		return c
	}
	c.Password = srv.Master.Password
	if srv.Master.Authzid {
		c.Username, c.Authzid = srv.Master.User, user
	} else {
		c.Username = login.MasterUser(user, "*", srv.Master.User)
	}
	return c
}

// password is the mailbox's own. One that nobody gave is empty.
func (l Login) password() (string, error) {
	if l.Password == nil {
		return "", nil
	}
	return l.Password()
}
