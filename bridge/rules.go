package bridge

import (
	"slices"

	"posthouse/cutover"
)

// Rules say which folders and items are left out, and where folders go.
type Rules struct {
	// Skip are folder paths (by FolderPath.Key) that are not copied.
	Skip []string
	// Rename maps legacy folder paths to cloud paths, both by FolderPath.Key.
	Rename map[string]string
}

// folder says whether a legacy folder is copied, and if not, why.
func (r Rules) folder(f cutover.Folder) (ok bool, why string) {
	switch {
	case f.Foreign:
		return false, "outside the personal namespace"
	case f.NoSelect:
		return false, "holds no items"
	case f.Role.Virtual():
		return false, "virtual"
	case slices.Contains(r.Skip, f.Path.Key()):
		return false, "left out by the configuration"
	}
	return true, ""
}

// target is the cloud folder that a legacy folder's items go to: by role first, then by path.
func (r Rules) target(f cutover.Folder) cutover.Folder {
	want := cutover.Folder{Path: f.Path, Kind: f.Kind, Role: f.Role}
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
