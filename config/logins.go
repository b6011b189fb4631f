package config

import (
	"cmp"
	"fmt"
	"strings"
)

// opened is who has a login on a server already.
type opened struct {
	address string
	line    int
}

// openedTwice refuses a second mailbox with the login of another: the mail of two people would become one mailbox, or one person's be copied into two. On the old server a
// shared tree may be seen by somebody else's login; the tree is then all that is copied, or ownLogin warns.
func (r *roster) openedTwice(address string, a Account, side Side, at cell) {
	s, ok := r.cfg.Servers[a.Server]
	if !ok || s.IMAP+s.DAV == "" || side == Legacy && r.cfg.hasTree(address) {
		return
	}
	key := [2]string{strings.ToLower(cmp.Or(s.IMAP, s.DAV)), mailboxOf(a.Login)}
	first, twice := r.opened[key]
	if !twice {
		r.opened[key] = opened{address, at.line}
		return
	}
	if first.address == address {
		return // which was said
	}
	hint := "each mailbox needs its own"
	if side == Legacy {
		hint += ", but for a folder that others share: [bridge.shared.NAME]"
	}
	r.report(at, fmt.Sprintf("%s_login of %s is that of %s already, in line %d", side, address, first.address, first.line), hint)
}

// mailboxOf is whose mailbox a login opens: the part before the separator where a master user logs in, in any case of letters, as servers compare them.
func mailboxOf(login string) string {
	if i := strings.IndexByte(login, '*'); i > 0 {
		login = login[:i]
	}
	return strings.ToLower(login)
}

// hasTree reports whether a shared tree is copied into the mailbox.
func (c *Config) hasTree(address string) bool {
	for _, tree := range c.Bridge.Shared {
		if tree.Mailbox == address {
			return true
		}
	}
	return false
}
