package bridge

import (
	"slices"
	"strings"

	"posthouse/cutover"
)

// Rules say which folders and items of one mailbox are left out, and where folders go.
type Rules struct {
	Mailbox cutover.MailboxID
	// Skip are patterns of folders that are not copied: as many levels as the folder has, in each of which * stands for any text, also none.
	Skip []cutover.FolderPath
	// Copy are patterns of folders that are copied although Skip leaves them out.
	Copy []cutover.FolderPath
	// Rename maps legacy folder paths to cloud paths, both by FolderPath.Key.
	Rename map[string]string
	// Shared are the trees on the mailbox's legacy server that are copied although they lie outside every personal namespace, those of other mailboxes too.
	Shared []Shared
	// Discard copies items that are marked as deleted into the cloud's Trash; else they are left out.
	Discard bool
	// Deletions is how many events, or contacts, that are deleted in one folder on the old side are deleted in the cloud too, within a day; none when 0. Of more at once none is.
	Deletions int
}

// folder says whether a legacy folder is copied, and if not, why.
func (r Rules) folder(f cutover.Folder) (ok bool, why string) {
	if why := r.outside(f); why != "" {
		return false, why
	}
	switch {
	case f.NoSelect:
		return false, "holds no items"
	case f.Role.Virtual():
		return false, "virtual"
	case matchesAny(r.Skip, f.Path) && !matchesAny(r.Copy, f.Path):
		return false, "left out by the configuration"
	}
	return true, ""
}

// matchesAny reports whether one of the patterns fits the path.
func matchesAny(patterns []cutover.FolderPath, path cutover.FolderPath) bool {
	return slices.ContainsFunc(patterns, func(pattern cutover.FolderPath) bool { return slices.EqualFunc(pattern, path, matches) })
}

// matches reports whether a pattern with * for any text fits the whole of name.
func matches(pattern, name string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, first)
	if !ok {
		return false
	}
	for part, more, star := strings.Cut(rest, "*"); star; part, more, star = strings.Cut(rest, "*") {
		if _, name, ok = strings.Cut(name, part); !ok {
			return false
		}
		rest = more
	}
	return strings.HasSuffix(name, rest)
}

// target is the cloud folder that a legacy folder's items go to: by role first, then by path.
func (r Rules) target(f cutover.Folder) cutover.Folder {
	path, role := r.place(f)
	want := cutover.Folder{Path: path, Kind: f.Kind, Role: role, Subscription: subscription(f), Look: f.Look}
	if renamed, ok := r.Rename[f.Path.Key()]; ok {
		want.Path, want.Role = cutover.PathFromKey(renamed), cutover.NoRole
	}
	return want
}

// item says whether an item is copied, and if not, why.
func (r Rules) item(flags cutover.Flags) (ok bool, why string) {
	if flags.Has(`\Deleted`) {
		return false, "marked as deleted"
	}
	return true, ""
}
