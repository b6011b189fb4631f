package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Store is one mailbox on one side: the seam between the bridge and the protocols. A Store belongs to one worker; its methods are called by several
// goroutines at once only where said. A method whose context ends returns its error soon, closing the connection if it must. After an error that matches
// ErrConnection the next call connects again.
type Store interface {
	// Folders lists every folder the login can see, foreign ones included, with roles found by attribute or name. No two that hold items have the same path.
	Folders(ctx context.Context) ([]cutover.Folder, error)
	Source
	Target
	// Close logs out. Calls under way return an error.
	Close() error
}

// Source is what copying reads from.
type Source interface {
	// Next returns the next batch of changes after the cursor: new changes before old ranges, the backfill newest first. An empty batch means that nothing
	// is pending. The batch is a resumable unit: when every change in it has been disposed of, the caller keeps After as its cursor. Next may be
	// called with the After of a batch that is still being worked on, to read ahead, while Fetch runs: implementations allow both at once.
	Next(ctx context.Context, f cutover.Folder, c ledger.Cursor) (Batch, error)
	// Fetch opens the bodies of the given references, in any order, streaming: it calls got once for each, and returns when all were given.
	// Content is complete and of exact length when got sees it; got closes it or hands it on. A reference that is gone is reported with ErrGone
	// in Fetched.Err, one that cannot be read with its error; the others go on. got returning an error ends Fetch with it.
	Fetch(ctx context.Context, f cutover.Folder, refs []cutover.Ref, got func(Fetched) error) error
	// Wait returns nil as soon as there is a hint that the folder may have changed since the last Next or Wait returned, or when the context ends (its error). A hint is only a
	// hint.
	// ErrUnsupported where the server cannot tell: the caller polls.
	Wait(ctx context.Context, f cutover.Folder) error
}

// Target is what copying writes to.
type Target interface {
	// EnsureFolder returns the folder with this role, or else this path, creating it if there is none, subscribed unless it is wanted unsubscribed. The path it returns is the one in use.
	EnsureFolder(ctx context.Context, want cutover.Folder) (cutover.Folder, error)
	// State tells the folder's validity and its tail: the reference that the next item will have, or a lower bound of it.
	State(ctx context.Context, f cutover.Folder) (FolderState, error)
	// Scan yields the items at or after from ("" is the beginning) with their identities, without bodies.
	Scan(ctx context.Context, f cutover.Folder, from cutover.Ref) iter.Seq2[cutover.Item, error]
	// Search yields the items of the folder that may be those wanted (by trace, Message-ID, or what the server can search); the caller compares
	// identities itself, and may read items meanwhile. It is for few items in a large folder: Scan is for many.
	Search(ctx context.Context, f cutover.Folder, wanted []cutover.Identity) iter.Seq2[cutover.Item, error]
	// Put adds the items, many in flight, without the keywords that the folder cannot keep, and reports each one's outcome exactly once, out of order. It returns after the last outcome. Outcomes of items
	// whose reply was not seen have ErrUnknown: the caller asks. A refusal by the server has ErrRefused (ErrTooLarge where it clearly is for the item's size),
	// or ErrBusy when trying later may help (codes such as
	// OVERQUOTA, UNAVAILABLE, INUSE, or words of throttling). The error returned by Put itself is that of
	// the connection; every item without a reported outcome counts as ErrUnknown. The sequence may wait for outcomes, and ends soon after ctx does. Put may return
	// with an error while the sequence waits; its next item is not taken then. It and
	// outcome may be called on other goroutines than the caller's, outcome by one at a time and never after Put returned.
	Put(ctx context.Context, f cutover.Folder, items iter.Seq[PutItem], outcome func(Outcome)) error
	// Flags reads the flags that items have now; items that are gone are absent.
	Flags(ctx context.Context, f cutover.Folder, refs []cutover.Ref) (map[cutover.Ref]cutover.Flags, error)
	// SetFlags replaces the flags of items, as far as the server takes keywords (the flags actually set are returned by item).
	SetFlags(ctx context.Context, f cutover.Folder, flags map[cutover.Ref]cutover.Flags) (map[cutover.Ref]cutover.Flags, error)
}

// Preparer is a Target that can make many folders at once. What it cannot make is left to EnsureFolder.
type Preparer interface {
	PrepareFolders(ctx context.Context, wanted []cutover.Folder) error
}

// Subscriber is a Store that knows which folders their owner subscribes to.
type Subscriber interface {
	// Subscriptions fills in what Folders did not tell, as far as the server can tell. It may cost a connection.
	Subscriptions(ctx context.Context, folders []cutover.Folder) error
	// Subscribe subscribes to the folders. Those for which the server refuses it stay as they are.
	Subscribe(ctx context.Context, folders []cutover.Folder) error
}

// Warmer is a Target that can get ready for a Put while the caller still looks what there is to put.
type Warmer interface {
	Warm(ctx context.Context)
}

// Pinger is a Store that can be asked for a sign of life.
type Pinger interface {
	// Ping returns nil when the server answers, as it would answer anything else: it connects and logs in if need be.
	Ping(ctx context.Context) error
}

// Mover is a Target that can move items between its folders, each whole or not at all.
type Mover interface {
	// Move tells where the items lie now, with the zero place where the server does not tell; those that are gone are absent. ErrUnsupported, and nothing is done, where the server cannot.
	Move(ctx context.Context, from cutover.Folder, refs []cutover.Ref, to cutover.Folder) (map[cutover.Ref]ledger.Place, error)
}

// Deleter is a Target that can delete. What the bridge deletes is what Rules.Deletions names, and nothing else.
type Deleter interface {
	// Delete deletes those of the items that still have the version given, and has the server tell nobody as far as it can be told. It returns what became of each that it came to: nil, also where it was gone
	// already, ErrChanged, ErrRefused, or ErrBusy, wrapped.
	Delete(ctx context.Context, f cutover.Folder, versions map[cutover.Ref]string) (map[cutover.Ref]error, error)
}

// Filler is a Target that takes many new items at once where a folder is empty.
type Filler interface {
	// Fills tells how many items, and octets, are worth being put together into the folder as it is now: none where they are put one by one anyway.
	Fills(ctx context.Context, f cutover.Folder) (items int, octets int64, err error)
	// Filled removes what keeps the places of items that a process before this one was to put and that do not come, now that none is left to come.
	Filled(ctx context.Context, f cutover.Folder) error
}

// Keeper is a Target that tells beforehand which flags a folder keeps.
type Keeper interface {
	// Keeps returns those of the flags that an item in the folder can have.
	Keeps(ctx context.Context, f cutover.Folder, flags cutover.Flags) (cutover.Flags, error)
}

// Foreseer is a Target that tells beforehand what EnsureFolder would do.
type Foreseer interface {
	// WouldBe returns the folder that EnsureFolder would find, or the one that it would make first, which then may still be refused by the server.
	WouldBe(ctx context.Context, want cutover.Folder) (f cutover.Folder, exists bool, err error)
}

// Glancer is a Source that tells with one question in which folders Next would find something.
type Glancer interface {
	// Glance tells of each folder how it is now, measured by the cursor that is kept for it.
	Glance(ctx context.Context, folders []cutover.Folder, cursors []ledger.Cursor) ([]Glance, error)
}

// Notifier is a Source that can wait for all folders of the mailbox at once.
type Notifier interface {
	// WaitAny returns nil as soon as there is a hint that any folder, or the list of them, may have changed since it returned last; the first time at once. When the context ends it returns its
	// error. ErrUnsupported where the server cannot tell: the caller waits for single folders, and polls.
	WaitAny(ctx context.Context) error
}

// Glance is a folder at a glance; the zero value says nothing.
type Glance struct {
	Known bool
	Items int
	// Quiet: the cursor covers everything that there is. Flags may be an exception, for a while, on servers that do not count changes.
	Quiet bool
}

// FolderState is what a store tells of a folder at a glance.
type FolderState struct {
	Validity string // the era of its references; IMAP's UIDVALIDITY
	Tail     cutover.Ref
	Items    int
}

// Batch is a resumable unit of changes.
type Batch struct {
	Validity string
	Changes  []Change
	After    ledger.Cursor
	// Fresh: these changes are news, not old ranges of the backfill.
	Fresh bool
	// Left is how many items older ranges still hold, for progress; -1 if unknown.
	Left int
	// Reset: the folder's references of before hold no more (UIDVALIDITY changed, or a restored backup): rows are matched again by identity.
	Reset bool
}

// ChangeKind says what happened to an item.
type ChangeKind string

const (
	Added   ChangeKind = "added"
	Changed ChangeKind = "changed" // its content: calendars and contacts
	Flagged ChangeKind = "flags"
	Removed ChangeKind = "removed"
)

// Change is one change of one item. For Removed only Ref is set; for Flagged the identity may be missing.
type Change struct {
	Kind ChangeKind
	Item cutover.Item
}

// identified reports whether the change tells which item its reference names.
func (c Change) identified() bool { return c.Kind != Removed && !c.Item.Identity.Match().IsZero() }

// Fetched is one item's content, or why there is none.
type Fetched struct {
	Ref     cutover.Ref
	Version string // that the content is; empty where the store has none
	Content Content
	Err     error
}

// Content is a complete body that can be opened again and again until it is closed: small ones lie in memory, large ones in an unnamed file.
type Content interface {
	Size() int64 // exact
	Open() (io.ReadCloser, error)
	Close() error // gives memory or file back
}

// PutItem is an item on its way into a target.
type PutItem struct {
	ID      int // the caller's number, repeated in the Outcome
	Flags   cutover.Flags
	Date    time.Time // INTERNALDATE
	Content Content
	// Replace is the version that is to be replaced, of the item At (DAV's If-Match); empty means create.
	Replace string
	At      cutover.Ref
}

// Outcome is what became of a PutItem.
type Outcome struct {
	ID      int
	Place   ledger.Place // zero when the server does not tell (no UIDPLUS)
	Version string
	// Left are the keywords that the server does not take: the item lies there without them.
	Left cutover.Flags
	Err  error // nil, ErrRefused, ErrChanged, ErrBusy or ErrUnknown, wrapped
}

// RefusedLogin is a refused login. It matches ErrLogin.
type RefusedLogin struct {
	At, Next time.Time // when it was tried, and before when nobody tries it again; zero where nobody remembers
	Err      error     // what the server said
}

// Error names the times in the zone of this machine.
func (r *RefusedLogin) Error() string {
	when := ""
	if !r.Next.IsZero() {
		when = " at " + r.At.Local().Format("15:04") + ", next try " + r.Next.Local().Format("15:04")
	}
	return ErrLogin.Error() + when + ": " + r.Err.Error()
}

// Unwrap makes errors.Is find both the sentinel and the cause.
func (r *RefusedLogin) Unwrap() []error { return []error{ErrLogin, r.Err} }

var (
	// ErrConnection: the connection broke or could not be made; the other side is to be tried again later.
	ErrConnection = errors.New("connection lost")
	// ErrNoServer: the configuration names no mailbox server on that side. Nothing changes that but another configuration.
	ErrNoServer = errors.New("no mailbox server on that side")
	// ErrLogin: the login was refused. Retrying soon does not help; a person must look.
	ErrLogin = errors.New("login refused")
	// ErrGone: the item is no longer there.
	ErrGone = errors.New("gone")
	// ErrBusy: the server asks to come back later (throttled, over quota, in use); the text says what it said.
	ErrBusy = errors.New("server asks to wait")
	// ErrRefused: the server refused this item for good; the text says why.
	ErrRefused = errors.New("refused")
	// ErrTooLarge: it did so for the item's size. It matches ErrRefused.
	ErrTooLarge = fmt.Errorf("%w for its size", ErrRefused)
	// ErrSchedules: it did, or would have us do, because invitations would be sent. It matches ErrRefused.
	ErrSchedules = fmt.Errorf("%w: it would send invitations", ErrRefused)
	// ErrChanged: what was to be replaced has another version by now, or is gone. Nothing was put.
	ErrChanged = errors.New("changed meanwhile")
	// ErrUnknown: the reply was not seen: the item may or may not have been put.
	ErrUnknown = errors.New("outcome unknown")
	// ErrUnsupported: the server cannot do this.
	ErrUnsupported = errors.New("not supported by the server")
)
