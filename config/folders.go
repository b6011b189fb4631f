package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// FolderLevels takes a folder's name apart as people write it: levels divided by /, and \/ for one that is part of a name.
func FolderLevels(name string) []string {
	var levels []string
	var level strings.Builder
	for i := 0; i < len(name); i++ {
		switch {
		case name[i] == '\\' && i+1 < len(name) && name[i+1] == '/':
			i++
			level.WriteByte('/')
		case name[i] == '/':
			levels = append(levels, level.String())
			level.Reset()
		default:
			level.WriteByte(name[i])
		}
	}
	return append(levels, level.String())
}

func checkFolder(text string) (string, *fault) {
	if slices.Contains(FolderLevels(text), "") || strings.ContainsFunc(text, unicode.IsControl) {
		return "", &fault{text: fmt.Sprintf("%q is not a folder", text), hint: "levels are divided by /, and none is empty"}
	}
	return text, nil
}

// folders looks at the rules that name mailboxes.
func (c *checker) folders() {
	b := c.cfg.Bridge
	var mailboxes []string
	for _, m := range c.cfg.Mailboxes {
		mailboxes = append(mailboxes, m.Address)
	}
	for _, address := range slices.Sorted(maps.Keys(b.Mailboxes)) {
		if _, bad := checkAddress(address); bad == nil && !c.blind && !slices.Contains(mailboxes, address) {
			c.badKey("bridge.mailboxes."+address, didYouMean(address, mailboxes), "%q is no mailbox", address)
		}
	}
	names := slices.Sorted(maps.Keys(b.Shared))
	for i, name := range names {
		c.mailbox("bridge.shared."+name+".mailbox", b.Shared[name].Mailbox, mailboxes)
		c.ownLogin(name, b.Shared[name])
		for _, other := range names[:i] {
			c.sharedTwice(name, other)
		}
	}
}

// ownLogin warns where a mailbox that gets a tree beside its own folders borrows another mailbox's login to see it: that one's folders would be taken for its own.
func (c *checker) ownLogin(name string, tree SharedTree) {
	i := slices.IndexFunc(c.cfg.Mailboxes, func(m Mailbox) bool { return m.Address == tree.Mailbox })
	if i < 0 || tree.Into == "" || c.isTree(tree.Mailbox) {
		return
	}
	for _, m := range c.cfg.Mailboxes {
		if own := c.cfg.Mailboxes[i].Legacy; m.Address != tree.Mailbox && m.Legacy.Server == own.Server && m.Legacy.Login == own.Login && !c.isTree(m.Address) {
			c.warning("bridge.shared."+name+".into", "leave into away: then the tree is the mailbox", "%s has the legacy_login of %s, whose own folders are copied into both", tree.Mailbox, m.Address)
		}
	}
}

// isTree reports whether a mailbox is a shared tree and nothing else.
func (c *checker) isTree(address string) bool {
	for _, tree := range c.cfg.Bridge.Shared {
		if tree.Mailbox == address && tree.Into == "" {
			return true
		}
	}
	return false
}

// sharedTwice refuses two trees that are one on the old server, or that both are to be one whole mailbox.
func (c *checker) sharedTwice(name, other string) {
	a, b := c.cfg.Bridge.Shared[name], c.cfg.Bridge.Shared[other]
	if a.Folder == "" || a.Mailbox == "" || b.Mailbox == "" {
		return // was refused while it was read
	}
	if a.Folder == b.Folder && c.cfg.legacyServer(a.Mailbox) == c.cfg.legacyServer(b.Mailbox) {
		c.bad("bridge.shared."+name+".folder", "", "%q is copied into %s already", a.Folder, b.Mailbox)
	}
	if a.Mailbox == b.Mailbox && a.Into == "" && b.Into == "" {
		c.bad("bridge.shared."+name+".mailbox", "name the folder that it goes into", "%s is [bridge.shared.%s] already", a.Mailbox, other)
	}
}

// legacyServer is the old server of a mailbox; "" if there is no such mailbox.
func (c *Config) legacyServer(address string) string {
	for _, m := range c.Mailboxes {
		if m.Address == address {
			return m.Legacy.Server
		}
	}
	return ""
}
