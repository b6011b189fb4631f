package evidence

import (
	"net/netip"
	"time"
)

// LocalDelivery is a message that the old server delivered to one of its mailboxes, as a log tells of it. It is no use by itself: the arrival is. It is held against what came into the
// mailboxes, so that nothing is lost that was there between two looks only.
type LocalDelivery struct {
	At      time.Time // UTC
	Source  string
	Mailbox string     // the user, as the log names him: an address or a login
	Message string     // Message-ID, with its brackets
	Client  netip.Addr // who handed it over; the zero Addr if unknown
	Folder  string     // where it was put; "" if the log does not tell
	Lost    string     // what became of it instead of being put into a folder: "discarded by Sieve"; "" if it was
}
