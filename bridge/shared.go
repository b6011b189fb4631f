package bridge

import (
	"slices"

	"posthouse/cutover"
)

// Shared is a folder outside every personal namespace, with those below it, that is copied into one mailbox, whoever else sees it.
type Shared struct {
	From    cutover.FolderPath // as the legacy server lists it
	Mailbox cutover.MailboxID
	// Into is the folder that it becomes. Without one the tree is the mailbox: what lies in it goes to the INBOX, and nothing else that the login sees belongs to the mailbox.
	Into cutover.FolderPath
}

// outside says why a legacy folder is none of the mailbox's; "" if it is.
func (r Rules) outside(f cutover.Folder) string {
	s, mapped := r.shared(f)
	switch {
	case !f.Foreign && r.isTree():
		return "belongs to the login, not to this mailbox"
	case !f.Foreign:
		return ""
	case !mapped:
		return "outside the personal namespace"
	case s.Mailbox != r.Mailbox:
		return "copied into " + string(s.Mailbox)
	}
	return ""
}

// shared is the tree that a foreign folder lies in: the innermost.
func (r Rules) shared(f cutover.Folder) (found Shared, ok bool) {
	if !f.Foreign {
		return found, false
	}
	for _, s := range r.Shared {
		if len(s.From) > len(found.From) && len(s.From) <= len(f.Path) && slices.Equal(s.From, f.Path[:len(s.From)]) {
			found, ok = s, true
		}
	}
	return found, ok
}

// isTree reports whether the mailbox is a shared tree, rather than what is the login's own.
func (r Rules) isTree() bool {
	return slices.ContainsFunc(r.Shared, func(s Shared) bool { return s.Mailbox == r.Mailbox && len(s.Into) == 0 })
}

// place is where a legacy folder lies in the mailbox, and as what. The roles that folders of a tree have for its owner they keep where the tree is the whole mailbox.
func (r Rules) place(f cutover.Folder) (cutover.FolderPath, cutover.FolderRole) {
	s, mapped := r.shared(f)
	if !mapped {
		return f.Path, f.Role
	}
	rest := f.Path[len(s.From):]
	switch {
	case len(s.Into) > 0:
		return slices.Concat(s.Into, rest), cutover.NoRole
	case len(rest) == 0, len(rest) == 1 && rest[0] == "INBOX":
		return cutover.FolderPath{"INBOX"}, cutover.Inbox
	}
	return rest, f.Role
}

// role is what a legacy folder is in the mailbox.
func (r Rules) role(f cutover.Folder) cutover.FolderRole {
	_, role := r.place(f)
	return role
}
