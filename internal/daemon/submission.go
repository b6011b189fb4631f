package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"posthouse/config"
	"posthouse/cutover"
	"posthouse/relay"
	"posthouse/relay/checkpassword"
	"posthouse/relay/listener"
)

// passwords asks the old server, on behalf of all listeners together.
func (d *Daemon) passwords() (listener.Authenticator, error) {
	if d.checker != nil {
		return passwords{d}, nil
	}
	c := d.cfg.Submission
	s := d.cfg.Servers[c.Server]
	ask := checkpassword.Config{
		Protocol: checkpassword.IMAP, Address: s.IMAP, Security: checkpassword.Security(s.IMAPTLS), Hello: d.hostname(), Dial: connect, AtOnce: c.AtOnce,
	}
	if c.Ask == config.AskSMTP {
		ask.Protocol, ask.Address, ask.Security = checkpassword.SMTP, c.SMTP, checkpassword.Security(c.SMTPTLS)
	}
	var err error
	if ask.TLS, err = d.tlsFor(s, ask.Address); err != nil {
		return nil, err
	}
	if err := noDumps(); err != nil {
		d.log.WithError(err).Warn("a crash of this process could leave passwords of users in a core dump")
	}
	d.checker = checkpassword.New(ask)
	return passwords{d}, nil
}

// passwords is the old server as the listener asks it.
type passwords struct{ d *Daemon }

// Authenticate tells a definite no from all other failures. The log names who was refused only where it is a mailbox: what else stands in the place of a name may be a password.
func (p passwords) Authenticate(ctx context.Context, s listener.Session, user string, password []byte) error {
	err := p.d.checker.Check(ctx, user, password, s.Remote.Addr())
	if !errors.Is(err, checkpassword.ErrWrong) {
		return err
	}
	log := p.d.log.WithField(listener.FieldSession, s.ID).WithField(listener.FieldClient, s.Remote.String())
	if m, known := p.d.user(user); known {
		log = log.WithField("mailbox", m.ID)
	}
	log.Info("login refused: the old server says that name or password is wrong")
	return fmt.Errorf("%w: %w", listener.ErrPassword, err)
}

// user is whose mailbox a login opens.
func (d *Daemon) user(login string) (cutover.Mailbox, bool) {
	return d.live.Load().directory.User(login, d.cfg.Submission.Server)
}

// rights are those of a listener's clients: users who logged in, and devices, may send outside.
func (d *Daemon) rights(l config.Listener) rights {
	switch l.Role {
	case config.RoleSubmission:
		return d.userRights
	case config.RoleDevices:
		return d.deviceRights(l)
	}
	return nil
}

func (d *Daemon) userRights(s listener.Session, p *relay.Peer) {
	if s.User == "" {
		return
	}
	p.Outward = true
	if m, known := d.user(s.User); known {
		p.Mailbox, p.FileSent = m.ID, d.live.Load().cfg.Submission.SentCopy
	}
}

// submissionPlan sends users' mail under senders of others to the old server: the one that knows the passwords, if it sends.
func submissionPlan(cfg *config.Config) relay.Plan {
	p := plan(cfg, cfg.Routes.Submission)
	for _, name := range append([]string{cfg.Submission.Server}, slices.Sorted(maps.Keys(cfg.Servers))...) {
		if s := cfg.Servers[name]; s.Side == config.Legacy && s.Sends() && p.Foreign == "" {
			p.Foreign = destinationName(name, config.ViaSMTP)
		}
	}
	return p
}
