package imapstore

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"posthouse/cutover"
)

// substitutes are the paths under which a folder is made, and found later, each where the server refuses the one before: as it is; in plainer letters; shorter, or with a mark where it
// is short already, as the name may be reserved; without punctuation; and as one name at the top. Each follows from the path alone, so that it is found again.
func substitutes(path cutover.FolderPath) (all []cutover.FolderPath) {
	plain, bare := plainer(path, " .-_+,@()[]'&"), plainer(path, " -_")
	for _, next := range []cutover.FolderPath{path, plain, shorter(plain), bare, {cut(strings.Join(bare, "-"), path.Key())}} {
		if !slices.ContainsFunc(all, func(earlier cutover.FolderPath) bool { return earlier.Key() == next.Key() }) {
			all = append(all, next)
		}
	}
	return all
}

// plainer replaces what some servers refuse in names: anything but letters, digits and the punctuation that is kept, and blanks and dots at the ends. (Dovecot's Maildir++ has no dot in a
// name, even where another character separates levels.)
func plainer(path cutover.FolderPath, keep string) cutover.FolderPath {
	plain := make(cutover.FolderPath, len(path))
	for i, element := range path {
		runes := []rune(element)
		for j, r := range runes {
			end := j == 0 || j == len(runes)-1
			if !plainRune(r, keep) || end && (r == ' ' || r == '.') {
				runes[j] = '_'
			}
		}
		plain[i] = string(runes)
	}
	return plain
}

func plainRune(r rune, keep string) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || strings.ContainsRune(keep, r)
}

// maxElement is how many octets an element of a shortened path has at most, in modified UTF-7. Servers take 255 or more, some of them for the whole path.
const maxElement = 64

func shorter(path cutover.FolderPath) cutover.FolderPath {
	short := slices.Clone(path)
	for i, element := range path {
		if len(encodeName(element)) > maxElement {
			short[i] = cut(element, element)
		}
	}
	if short.Key() == path.Key() {
		short[len(short)-1] += "_"
	}
	return short
}

// cut shortens an element, with an end that tells it from others that begin alike.
func cut(element, whole string) string {
	sum := sha256.Sum256([]byte(whole))
	end := fmt.Sprintf("-%x", sum[:4])
	for len(encodeName(element)) > maxElement-len(end) {
		_, size := utf8.DecodeLastRuneInString(element)
		element = element[:len(element)-size]
	}
	return strings.TrimRight(element, " .") + end
}

// folderIndex finds folders that can hold messages of ours.
type folderIndex struct {
	byRole          map[cutover.FolderRole]cutover.Folder
	byPath, byLikes map[string]cutover.Folder
}

func indexOf(folders []cutover.Folder) folderIndex {
	x := folderIndex{byRole: map[cutover.FolderRole]cutover.Folder{}, byPath: map[string]cutover.Folder{}, byLikes: map[string]cutover.Folder{}}
	for _, f := range slices.Backward(folders) { // the first of several stays
		if !f.Foreign && !f.NoSelect {
			x.byRole[f.Role], x.byPath[f.Path.Key()], x.byLikes[likeness(f.Path)] = f, f, f
		}
	}
	return x
}

// find looks by role, then by exact path, then by what a server that ignores case, or blanks at the ends, takes for the same.
func (x folderIndex) find(want cutover.Folder) (cutover.Folder, bool) {
	if f, ok := x.byRole[want.Role]; ok && want.Role != cutover.NoRole {
		return f, true
	}
	if f, ok := x.byPath[want.Path.Key()]; ok {
		return f, true
	}
	f, ok := x.byLikes[likeness(want.Path)]
	return f, ok
}

func likeness(path cutover.FolderPath) string {
	folded := make(cutover.FolderPath, len(path))
	for i, element := range path {
		folded[i] = foldName(element)
	}
	return folded.Key()
}
