package ledger

import (
	"context"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
)

// FolderID names a pair of folders (legacy and its cloud counterpart) of one mailbox.
type FolderID int64

// FolderPair is a legacy folder and the cloud folder that its items go to.
type FolderPair struct {
	ID      FolderID
	Mailbox cutover.MailboxID
	Kind    cutover.FolderKind
	Role    cutover.FolderRole
	Legacy  cutover.FolderPath
	Cloud   cutover.FolderPath
}

// Cursor is how far a legacy folder has been followed. Only the store that made it understands it. The empty cursor is the beginning: the backfill is
// following from there.
type Cursor string

// Place is where an item lies on one side. Validity is the store's word for the era in which Ref holds (IMAP's UIDVALIDITY).
type Place struct {
	Validity string
	Ref      cutover.Ref
}

// ItemID names an item row.
type ItemID int64

// Item is one legacy item and what became of it.
type Item struct {
	ID          ItemID
	Folder      FolderID
	Legacy      Place
	Identity    cutover.Identity
	Size        int64
	Digest      cutover.Digest // zero until the body was read
	Flags       cutover.Flags  // on the legacy side, when last read
	Date        time.Time      // INTERNALDATE on the legacy side, whole seconds, UTC when read back; zero if unknown
	Version     string         // of the legacy item, when last read
	Disposition cutover.Disposition
	Cloud       Place         // zero until known; the cloud folder is the pair's
	CloudFlags  cutover.Flags // last written to, or adopted from, the cloud
	// CloudVersion is the copy's version that we wrote, or took over: another one means that somebody changed it there. Empty where the store has none.
	CloudVersion string
	// Tail is the cloud folder's next reference when the put was intended: after a crash the copy, if it was made, lies at or after it.
	Tail    string
	Capture cutover.CaptureID // for Captured: the capture that brought it
	Note    string            // why skipped or refused, where saved, which repair: for people
	// News is the use of the old server that the item is, as long as that is not recorded: nil for most. Settle records it together with an outcome, once and for all.
	News *evidence.Observation
}

// Tells reports whether settling the item records the use that it is. What is only intended may be forgotten, and met again.
func (i Item) Tells() bool { return i.News != nil && i.Disposition != cutover.Intended }

// RepairedNote begins the note of an item that the cloud took only after a repair.
const RepairedNote = "repaired: "

// Repaired reports whether the item was copied, and its copy repaired.
func (i Item) Repaired() bool {
	return i.Disposition == cutover.Copied && strings.HasPrefix(i.Note, RepairedNote)
}

// Expected is a captured message that will reach a cloud mailbox by a delivery of its own: the bridge must not put it a second time.
type Expected struct {
	Delivery DeliveryID
	Capture  cutover.CaptureID
	Identity cutover.Identity
	Digest   cutover.Digest
	State    DeliveryState
	// Seen is where it was seen, as the delivery has it.
	Seen string
	// Teed: the mailbox on the legacy side was to get a copy of it too (a best-effort delivery), which carries our trace.
	Teed bool
	// Joined are the mailbox's item rows that carry this capture. A legacy item that matches by key alone joins only while there is none; one with
	// our trace always does.
	Joined []ItemID
}

// Tally counts items of a mailbox or folder.
type Tally struct {
	Items map[cutover.Disposition]int
	Bytes map[cutover.Disposition]int64
	// Repaired is how many of those copied were repaired.
	Repaired int
}

// Items is what the bridge needs of its own past.
type Items interface {
	// Pair finds or creates the pair for a legacy folder of a mailbox, known by kind and legacy path: a calendar and a mail folder may share a name. The
	// cloud path of an existing pair is kept, and its role.
	Pair(ctx context.Context, p FolderPair) (FolderPair, error)
	Pairs(ctx context.Context, m cutover.MailboxID) ([]FolderPair, error)

	// Known returns the rows for the given legacy references of one validity; unknown references are absent.
	Known(ctx context.Context, f FolderID, validity string, refs []cutover.Ref) (map[cutover.Ref]Item, error)
	// ByKey returns the mailbox's rows, of all folders, whose match key is among keys.
	ByKey(ctx context.Context, m cutover.MailboxID, keys []cutover.Key) ([]Item, error)
	// Claimed returns which of the places in the pair's cloud folder belong to an item with a copy of its own there already, items of other pairs that
	// lead to the same cloud folder included. A copied or adopted item owns its place: a second one of the same pair is refused with ErrExists.
	Claimed(ctx context.Context, f FolderID, places []Place) (map[Place]ItemID, error)
	// Unsettled returns the folder's Intended rows: those that a crash cut off, when called before new work begins.
	Unsettled(ctx context.Context, f FolderID) ([]Item, error)
	// All streams a folder's rows in order of ID to yield, in batches, until it returns false.
	All(ctx context.Context, f FolderID, yield func(Item) bool) error

	// Intend makes rows durable as Intended before the put and returns them with IDs. ErrExists, and nothing written, when one of the legacy places has a
	// row already.
	Intend(ctx context.Context, items []Item) ([]Item, error)
	// Settle writes all fields of the given rows (creating those without an ID) and, if cursor is not nil, the folder's cursor, in one change.
	// The news of rows that tell become observations in that change, and the rows are returned without. A row without a folder is f's. ErrExists as in Intend, ErrNotFound for an ID or a folder that does not exist; nothing is written then.
	Settle(ctx context.Context, f FolderID, items []Item, cursor *Cursor) ([]Item, error)
	// Forget removes Intended rows whose put did not happen; rows that are settled stay.
	Forget(ctx context.Context, ids []ItemID) error

	// Expected returns the mailbox's required deliveries to the cloud side, dropped ones apart, whose capture has one of the match keys or one of the ids.
	Expected(ctx context.Context, m cutover.MailboxID, keys []cutover.Key, captures []cutover.CaptureID) ([]Expected, error)

	// Tally counts the mailbox's rows by disposition: those of folders of the kinds, or of all if none is given.
	Tally(ctx context.Context, m cutover.MailboxID, kinds ...cutover.FolderKind) (Tally, error)
}

// Cursors is how far each folder has come.
type Cursors interface {
	Cursor(ctx context.Context, f FolderID) (Cursor, error)
	// Reset forgets a folder's cursor; its rows stay and are matched again by identity.
	Reset(ctx context.Context, f FolderID) error
}
