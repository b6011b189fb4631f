package imapstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"posthouse/cutover"
)

// WouldBe finds a folder by role, then by path, then by the plainer letters in which a refused path is made; else it tells the path that is made.
func (s *Store) WouldBe(ctx context.Context, want cutover.Folder) (f cutover.Folder, exists bool, err error) {
	folders, home, err := s.known(ctx)
	if err != nil {
		return cutover.Folder{}, false, err
	}
	f, exists = home.wouldBe(folders, want)
	return f, exists, nil
}

func (n namespace) wouldBe(folders []cutover.Folder, want cutover.Folder) (f cutover.Folder, exists bool) {
	want.Path = n.fit(want.Path)
	for _, path := range []cutover.FolderPath{want.Path, plainer(want.Path)} {
		if found, ok := find(folders, cutover.Folder{Path: path, Role: want.Role}); ok {
			return found, true
		}
	}
	want.Name = n.name(want.Path)
	return want, false
}

// EnsureFolder finds a folder as WouldBe does, and otherwise makes it, its parents too, with its role where the server takes one, and subscribes to it unless it is wanted unsubscribed.
// A path that the server refuses is made, and found later, in plainer letters.
func (s *Store) EnsureFolder(ctx context.Context, want cutover.Folder) (cutover.Folder, error) {
	want, exists, err := s.WouldBe(ctx, want)
	if err != nil || exists {
		return want, err
	}
	err = s.create(ctx, want)
	if said, refused := answered(err); refused && !said.waits() && plainer(want.Path).Key() != want.Path.Key() {
		want.Path = plainer(want.Path)
		err = s.create(ctx, want)
	}
	if err != nil {
		return cutover.Folder{}, fmt.Errorf("making folder %s: %w", want.Path, err)
	}
	return s.made(ctx, want)
}

// PrepareFolders makes those of the folders that are not there, all at once instead of a few round trips each. What the server refuses is left to EnsureFolder, which finds a way or says
// why not.
func (s *Store) PrepareFolders(ctx context.Context, wanted []cutover.Folder) error {
	folders, home, err := s.known(ctx)
	if err != nil {
		return err
	}
	missing := home.missing(folders, wanted)
	if len(missing) == 0 {
		return nil
	}
	if err := s.control.do(ctx, func(at *live) error { return at.makeAll(missing) }); err != nil {
		return fmt.Errorf("making %d folders: %w", len(missing), err)
	}
	_, err = s.Folders(ctx)
	return err
}

// newFolder is a folder to be made.
type newFolder struct {
	name   string
	role   cutover.FolderRole
	hidden bool // not subscribed
}

// missing returns those of the folders that are not there, their parents before them.
func (n namespace) missing(folders, wanted []cutover.Folder) []newFolder {
	var missing []newFolder
	there := map[string]bool{}
	for _, f := range folders {
		there[f.Path.Key()] = true
	}
	parentsFirst := func(a, b cutover.Folder) int { return len(a.Path) - len(b.Path) }
	for _, want := range slices.SortedStableFunc(slices.Values(wanted), parentsFirst) {
		want, exists := n.wouldBe(folders, want)
		if exists {
			continue
		}
		for depth := 1; depth <= len(want.Path); depth++ {
			path := want.Path[:depth]
			if there[path.Key()] {
				continue
			}
			there[path.Key()] = true
			one := newFolder{name: n.name(path), hidden: depth < len(want.Path) || want.Subscription == cutover.Unsubscribed}
			if depth == len(want.Path) {
				one.role = want.Role
			}
			missing = append(missing, one)
		}
	}
	return missing
}

// makeAll waits for no answer before the next command. Refusals are no failure.
func (at *live) makeAll(folders []newFolder) error {
	var commands []*imapclient.Command
	var shown []string
	for _, f := range folders {
		if !f.hidden {
			shown = append(shown, f.name)
		}
		var options *imap.CreateOptions
		if use := specialUse(f.role); use != "" && at.caps.has("CREATE-SPECIAL-USE") {
			options = &imap.CreateOptions{SpecialUse: []imap.MailboxAttr{use}}
		}
		commands = append(commands, at.client.Create(f.name, options))
	}
	return at.waitAll(append(commands, at.subscribe(shown)...))
}

// made finds a folder that was just created.
func (s *Store) made(ctx context.Context, want cutover.Folder) (cutover.Folder, error) {
	folders, err := s.Folders(ctx)
	if err != nil {
		return cutover.Folder{}, err
	}
	if found, ok := find(folders, want); ok {
		return found, nil
	}
	return cutover.Folder{}, fmt.Errorf("making folder %s: the server says yes and does not list it", want.Path)
}

// plainer replaces what some servers refuse in names: anything but letters, digits and harmless punctuation, and blanks and dots at the ends.
func plainer(path cutover.FolderPath) cutover.FolderPath {
	plain := make(cutover.FolderPath, len(path))
	for i, element := range path {
		runes := []rune(element)
		for j, r := range runes {
			end := j == 0 || j == len(runes)-1
			if !plainRune(r) || end && (r == ' ' || r == '.') {
				runes[j] = '_'
			}
		}
		plain[i] = string(runes)
	}
	return plain
}

func plainRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || strings.ContainsRune(" .-_+,@()[]'&", r)
}

// known returns the folders as last listed, listing them when they never were.
func (s *Store) known(ctx context.Context) ([]cutover.Folder, namespace, error) {
	s.mu.Lock()
	folders := s.folders
	s.mu.Unlock()
	if folders == nil {
		var err error
		if folders, err = s.Folders(ctx); err != nil {
			return nil, namespace{}, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return folders, s.spaces.home(), nil
}

// find looks by role, then by exact path, then by what a server that ignores case takes for the same.
func find(folders []cutover.Folder, want cutover.Folder) (cutover.Folder, bool) {
	usable := func(f cutover.Folder) bool { return !f.Foreign && !f.NoSelect }
	rules := []func(cutover.Folder) bool{
		func(f cutover.Folder) bool { return want.Role != cutover.NoRole && f.Role == want.Role },
		func(f cutover.Folder) bool { return f.Path.Key() == want.Path.Key() },
		func(f cutover.Folder) bool { return foldName(f.Path.Key()) == foldName(want.Path.Key()) },
	}
	for _, rule := range rules {
		if i := slices.IndexFunc(folders, func(f cutover.Folder) bool { return usable(f) && rule(f) }); i >= 0 {
			return folders[i], true
		}
	}
	return cutover.Folder{}, false
}

func (s *Store) create(ctx context.Context, want cutover.Folder) error {
	_, home, err := s.known(ctx)
	if err != nil {
		return err
	}
	return s.control.do(ctx, func(at *live) error {
		for depth := 1; depth < len(want.Path); depth++ {
			// Most servers make parents by themselves; refusals show at the folder itself.
			if err := at.make(home.name(want.Path[:depth]), cutover.NoRole); err != nil {
				if _, refused := answered(err); !refused {
					return err
				}
			}
		}
		name := home.name(want.Path)
		if err := at.make(name, want.Role); err != nil {
			return err
		}
		if want.Subscription == cutover.Unsubscribed {
			return nil
		}
		return at.waitAll(at.subscribe([]string{name}))
	})
}

// make creates one folder. One that exists is as good as made.
func (at *live) make(name string, role cutover.FolderRole) error {
	if use := specialUse(role); use != "" && at.caps.has("CREATE-SPECIAL-USE") {
		err := at.client.Create(name, &imap.CreateOptions{SpecialUse: []imap.MailboxAttr{use}}).Wait()
		if _, refused := answered(err); !refused {
			return err
		}
		// Servers refuse a use that they do not know or that another folder has (USEATTR, RFC 6154 §3): the folder is wanted all the same.
	}
	err := at.client.Create(name, nil).Wait()
	if said, ok := answered(err); ok && (said.code == "ALREADYEXISTS" || alreadyThere.MatchString(said.text)) {
		return nil
	}
	return err
}

func specialUse(role cutover.FolderRole) imap.MailboxAttr {
	for _, known := range attributeRoles {
		if known.role == role && !role.Virtual() {
			return known.attr
		}
	}
	return ""
}
