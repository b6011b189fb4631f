package imapstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/sirupsen/logrus"

	"posthouse/cutover"
)

// WouldBe finds a folder by role, then by path, then by the names under which a refused path is made; else it tells the path that is made.
func (s *Store) WouldBe(ctx context.Context, want cutover.Folder) (f cutover.Folder, exists bool, err error) {
	folders, home, err := s.known(ctx)
	if err != nil {
		return cutover.Folder{}, false, err
	}
	f, exists = home.wouldBe(indexOf(folders), want)
	return f, exists, nil
}

func (n namespace) wouldBe(there folderIndex, want cutover.Folder) (f cutover.Folder, exists bool) {
	want.Path = n.fit(want.Path)
	for _, path := range substitutes(want.Path) {
		if found, ok := there.find(cutover.Folder{Path: path, Role: want.Role}); ok {
			return found, true
		}
	}
	want.Name = n.name(want.Path)
	return want, false
}

// EnsureFolder finds a folder as WouldBe does, and otherwise makes it, its parents too, with its role where the server takes one, and subscribes to it unless it is wanted unsubscribed.
// A path that the server refuses, or makes something else of, is made, and found later, under another name.
func (s *Store) EnsureFolder(ctx context.Context, want cutover.Folder) (cutover.Folder, error) {
	want, exists, err := s.WouldBe(ctx, want)
	if err != nil || exists {
		return want, err
	}
	var first error
	for _, path := range substitutes(want.Path) {
		f := want
		f.Path = path
		made, err := s.create(ctx, f)
		if err == nil {
			if path.Key() != want.Path.Key() {
				s.o.Log.WithError(first).WithFields(logrus.Fields{"folder": want.Path.String(), "as": made.Path.String()}).Info("the server does not take the name of a folder; it has another one")
			}
			return made, nil
		}
		if first == nil {
			first = fmt.Errorf("making folder %s: %w", want.Path, err)
		}
		if said, refused := answered(err); !errors.Is(err, errNotListed) && (!refused || said.waits()) {
			return cutover.Folder{}, fmt.Errorf("making folder %s: %w", path, err)
		}
	}
	return cutover.Folder{}, first
}

// errNotListed: the server made a folder, and then has none of this name.
var errNotListed = errors.New("the server says yes and does not list it")

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
	there, index := map[string]bool{}, indexOf(folders)
	for _, f := range folders {
		there[f.Path.Key()] = true
	}
	parentsFirst := func(a, b cutover.Folder) int { return len(a.Path) - len(b.Path) }
	for _, want := range slices.SortedStableFunc(slices.Values(wanted), parentsFirst) {
		want, exists := n.wouldBe(index, want)
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

// create makes a folder and finds it in the list.
func (s *Store) create(ctx context.Context, want cutover.Folder) (cutover.Folder, error) {
	_, home, err := s.known(ctx)
	if err != nil {
		return cutover.Folder{}, err
	}
	err = s.control.do(ctx, func(at *live) error {
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
	if err != nil {
		return cutover.Folder{}, err
	}
	folders, err := s.Folders(ctx)
	if err != nil {
		return cutover.Folder{}, err
	}
	if found, ok := indexOf(folders).find(want); ok {
		return found, nil
	}
	return cutover.Folder{}, errNotListed
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
