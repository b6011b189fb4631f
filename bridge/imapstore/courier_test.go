package imapstore_test

import (
	"fmt"
	"testing"

	"posthouse/bridge/imapstore"
	"posthouse/bridge/storetest"
	"posthouse/test/neighbour"
)

// Courier has neither CONDSTORE nor LITERAL+, MULTIAPPEND, MOVE, LIST-EXTENDED or SASL.
func TestConformanceCourier(t *testing.T) {
	t.Parallel()
	server := neighbour.StartCourier(t, neighbour.CourierConfig{Name: "courier", Users: people(60)})
	habits := storetest.Habits{Batch: batch, Separator: ".", Hints: true, Places: true, Keywords: true, Search: true, Refuses: "😀", EndsLines: true}
	next := 0
	storetest.Run(t, habits, func(*testing.T) storetest.Mailbox {
		next++
		return realBox{
			address: server.IMAP, user: fmt.Sprintf("%s%d", user, next), below: "INBOX.", change: func(o *imapstore.Options) { o.FlagPoll = 1 },
			renew: func(_ *testing.T, user, _ string) { server.Renew(user) },
		}
	})
}
