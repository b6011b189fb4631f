package config

// Kind is what a mailbox is for.
type Kind string

// The kinds of mailboxes.
const (
	Person Kind = "person"
	Shared Kind = "shared"
	Room   Kind = "room" // answers invitations by itself: never gets a second copy
)

// Mailbox is one line of the mailboxes file.
type Mailbox struct {
	// Address is the primary address, in lower case; it names the mailbox.
	Address string
	// Aliases are the further addresses, in lower case.
	Aliases []string
	// Kind is Person where the file does not say.
	Kind Kind
	// Legacy and Cloud are how the mailbox is opened on either side.
	Legacy, Cloud Account
	// Home is the side where the owner reads at first; Legacy where the file does not say.
	Home Side
	// Wave names the group of mailboxes that move together; may be empty.
	Wave string
	// Line is where the mailbox stands in the file, from 1.
	Line int
}

// Account is a mailbox on one side.
type Account struct {
	// Server names one of Config.Servers; empty where that side has no server.
	Server string
	// Login is the user's name there; the address, as written, where the file does not say.
	Login string
	// Password may be zero: token logins and master users need none.
	Password Secret
}
