package cutover

import "strings"

// FolderKind says what a folder holds.
type FolderKind string

const (
	Mail     FolderKind = "mail"
	Calendar FolderKind = "calendar"
	Contacts FolderKind = "contacts"
)

// FolderRole is the special use of a folder (RFC 6154), found by attribute or by name.
type FolderRole string

const (
	NoRole  FolderRole = ""
	Inbox   FolderRole = "inbox"
	Sent    FolderRole = "sent"
	Drafts  FolderRole = "drafts"
	Junk    FolderRole = "junk"
	Trash   FolderRole = "trash"
	Archive FolderRole = "archive"
	All     FolderRole = "all"     // virtual: shows what lies elsewhere
	Flagged FolderRole = "flagged" // virtual
	Default FolderRole = "default" // the calendar, or the address book, that new items go to
)

// Virtual reports whether folders of this role only show items that lie in other folders.
func (r FolderRole) Virtual() bool { return r == All || r == Flagged }

// Subscription says whether a folder's owner subscribes to it: clients may hide the rest (RFC 9051 §6.3.7). It is empty where the server does not tell.
type Subscription string

const (
	Subscribed   Subscription = "subscribed"
	Unsubscribed Subscription = "unsubscribed"
)

// FolderPath is a folder's name as UTF-8 path elements, free of any server's separator: ["INBOX"], ["Projects", "2019"].
type FolderPath []string

// String joins the elements with " / " for people; it is not a server's name.
func (p FolderPath) String() string { return strings.Join(p, " / ") }

// Key is the path as one comparable string, elements divided by NUL (which no folder name can hold).
func (p FolderPath) Key() string { return strings.Join(p, "\x00") }

// PathFromKey is the inverse of Key.
func PathFromKey(key string) FolderPath { return strings.Split(key, "\x00") }

// Folder is one IMAP mailbox, one calendar or one address book on one side.
type Folder struct {
	Path FolderPath
	Kind FolderKind
	Role FolderRole
	// Name is the server's own name for the folder (an IMAP mailbox name in UTF-8 with its separator, a DAV href). Only the store that
	// yielded it understands it.
	Name string
	// Foreign marks folders outside the personal namespace (shared, other users'): they are copied only where somebody says so. Their Role is what they are to their owner.
	Foreign bool
	// NoSelect marks folders that hold only other folders.
	NoSelect     bool
	Subscription Subscription
	Look         Look
}

// Look is what calendars and address books have beside their name. It is given to a folder that is made, as far as its server takes it.
type Look struct {
	Description string
	Colour      string // #RRGGBB or #RRGGBBAA
	TimeZone    string // a whole VCALENDAR with one VTIMEZONE (RFC 4791 §5.2.2)
	Components  string // what a calendar holds: VEVENT, VTODO, VJOURNAL, divided by blanks; empty for whatever it takes
}
