package imapstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"posthouse/bridge"
	"posthouse/cutover"
)

// notThere is how servers without response codes say that a folder does not exist.
var notThere = regexp.MustCompile(`(?i)(does ?n.t|not) exist|no such|unknown (mailbox|folder)|not found|nonexist`)

// alreadyThere is how they say that it does.
var alreadyThere = regexp.MustCompile(`(?i)already exists|mailbox exists|folder exists|duplicate`)

// Folders lists what LIST "" "*" yields.
func (s *Store) Folders(ctx context.Context) ([]cutover.Folder, error) {
	list, spaces, err := s.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing folders: %w", err)
	}
	if !spaces.personal() {
		spaces = append(spaces, guessed(list)...)
	}
	found := foldersOf(list, spaces)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.folders, s.spaces = slices.Clone(found), spaces
	return found, nil
}

// missed forgets the list where one of its folders is not there any more: who wants that folder is to find it, or make it, by what is there now.
func (s *Store) missed(err error) {
	if errors.Is(err, bridge.ErrGone) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.folders = nil
	}
}

// list asks through go-imap, or, where that cannot read the answer, by ourselves. What it cannot read once it never can.
func (s *Store) list(ctx context.Context) (list []*imap.ListData, spaces namespaces, err error) {
	err = s.control.do(ctx, func(at *live) error {
		if spaces, err = at.namespaces(); err != nil || s.odd.Load() {
			return err
		}
		var told bool
		list, told, err = at.list()
		s.told.Store(told && err == nil)
		return err
	})
	var unconnected connectError
	if err == nil && !s.odd.Load() || ctx.Err() != nil || errors.As(err, &unconnected) || err != nil && !errors.Is(err, bridge.ErrConnection) {
		return list, spaces, err
	}
	s.told.Store(false)
	ours, failed := s.listOurselves(ctx)
	if failed != nil {
		return nil, nil, failed
	}
	if !s.odd.Swap(true) {
		s.o.Log.WithError(err).Info("the list of folders holds names that are not modified UTF-7; reading it by ourselves")
	}
	return ours, spaces, nil
}

func (at *live) namespaces() (namespaces, error) {
	if !at.caps.has("NAMESPACE") {
		return nil, nil
	}
	data, err := at.client.Namespace().Wait()
	if _, refused := answered(err); refused {
		return nil, nil // listed and refused: old gateways do
	}
	if err != nil {
		return nil, err
	}
	return newNamespaces(data), nil
}

// list asks for uses and subscriptions too where the server can tell them. One that says so and refuses is asked for the names alone.
func (at *live) list() (list []*imap.ListData, told bool, err error) {
	if at.caps.has("LIST-EXTENDED") {
		list, err := at.client.List("", "*", &imap.ListOptions{ReturnSubscribed: true, ReturnSpecialUse: at.caps.has("SPECIAL-USE")}).Collect()
		if _, refused := answered(err); !refused {
			return list, true, err
		}
	}
	list, err = at.client.List("", "*", nil).Collect()
	return list, false, err
}

func foldersOf(list []*imap.ListData, spaces namespaces) []cutover.Folder {
	var folders []cutover.Folder
	seen := map[string]bool{}
	for _, data := range list {
		if seen[data.Mailbox] || data.Mailbox == "" {
			continue
		}
		seen[data.Mailbox] = true
		path, foreign := spaces.path(data.Mailbox, separator(data.Delim))
		folders = append(folders, cutover.Folder{
			Path: path, Kind: cutover.Mail, Name: data.Mailbox, Foreign: foreign, Role: spaces.role(data),
			NoSelect: slices.Contains(data.Attrs, imap.MailboxAttrNoSelect) || slices.Contains(data.Attrs, imap.MailboxAttrNonExistent),
		})
	}
	apart(folders)
	rolesByName(folders)
	subscribed := map[string]bool{}
	for _, data := range list {
		subscribed[data.Mailbox] = slices.Contains(data.Attrs, imap.MailboxAttrSubscribed)
	}
	tell(folders, subscribed)
	return folders
}

// apart gives each folder a path of its own: one name may be there in two encodings, below the INBOX beside it ("INBOX.INBOX"), or in a foreign namespace. Of those with one path the plainest keeps
// it, the others are told apart by the server's name for them.
func apart(folders []cutover.Folder) {
	byPath := map[string][]int{}
	for i, f := range folders {
		if !f.NoSelect {
			byPath[f.Path.Key()] = append(byPath[f.Path.Key()], i)
		}
	}
	for _, alike := range byPath {
		slices.SortFunc(alike, func(a, b int) int {
			return cmp.Or(oddity(folders[a])-oddity(folders[b]), strings.Compare(folders[a].Name, folders[b].Name))
		})
		for _, i := range alike[1:] {
			path := slices.Clone(folders[i].Path)
			path[len(path)-1] += " [" + inASCII(folders[i].Name) + "]"
			folders[i].Path = path
		}
	}
}

func oddity(f cutover.Folder) int {
	_, odd := oddName(f.Name)
	switch {
	case f.Name == "INBOX":
		return 0
	case f.Foreign:
		return 3
	case odd:
		return 2
	}
	return 1
}

// inASCII writes the octets of an odd name visibly.
func inASCII(name string) string {
	raw, odd := oddName(name)
	if !odd {
		return name
	}
	var b strings.Builder
	for _, c := range []byte(raw) {
		if c < ' ' || c > '~' {
			fmt.Fprintf(&b, "=%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

var attributeRoles = []struct {
	attr imap.MailboxAttr
	role cutover.FolderRole
}{
	{imap.MailboxAttrSent, cutover.Sent}, {imap.MailboxAttrDrafts, cutover.Drafts}, {imap.MailboxAttrJunk, cutover.Junk},
	{imap.MailboxAttrTrash, cutover.Trash}, {imap.MailboxAttrArchive, cutover.Archive}, {imap.MailboxAttrAll, cutover.All},
	{imap.MailboxAttrFlagged, cutover.Flagged},
	{imap.MailboxAttrImportant, cutover.Flagged}, // RFC 8457: virtual too, and the same to us
}

// role is what the server tells of a folder's use.
func (all namespaces) role(data *imap.ListData) cutover.FolderRole {
	if all.of(visible(data.Mailbox)).virtual {
		return cutover.All
	}
	return roleByAttribute(data)
}

func roleByAttribute(data *imap.ListData) cutover.FolderRole {
	if data.Mailbox == "INBOX" {
		return cutover.Inbox
	}
	for _, known := range attributeRoles {
		if slices.Contains(data.Attrs, known.attr) {
			return known.role
		}
	}
	return cutover.NoRole
}
