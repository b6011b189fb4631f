package cutover

// Side is one of the two ends of a cutover.
type Side string

const (
	Legacy Side = "legacy" // the old side
	Cloud  Side = "cloud"  // the new side
)

// Route is the way an item takes, and the role of the listener that takes it.
type Route string

const (
	Arriving   Route = "arriving"   // from other organisations, by the old MX
	Submission Route = "submission" // from users who log in
	Devices    Route = "devices"    // from printers, scanners and scripts of the house
	Notices    Route = "notices"    // from us ourselves: what became of a message
)

// MailboxID names a mailbox for ever: its primary address, folded to lower case.
type MailboxID string

// MailboxKind says who uses a mailbox.
type MailboxKind string

const (
	Person MailboxKind = "person"
	Shared MailboxKind = "shared"
	Room   MailboxKind = "room" // books itself: it never gets a second copy of anything
)

// Mailbox is one person's (or shared, or room's) store on both sides.
type Mailbox struct {
	ID      MailboxID
	Primary Address
	Aliases []Address
	Kind    MailboxKind
	Home    Side // where the owner reads now
	Wave    string
	Legacy  Account
	Cloud   Account
}

// Account is a mailbox's place on one side. Its secret is not here: internal/login keeps it.
type Account struct {
	Server string // name of the server in the configuration
	Login  string
}

// On returns the mailbox's account on one side.
func (m Mailbox) On(side Side) Account {
	if side == Cloud {
		return m.Cloud
	}
	return m.Legacy
}
