package imapstore_test

import (
	"fmt"
	"testing"

	"posthouse/bridge/imapstore"
	"posthouse/bridge/storetest"
	"posthouse/test/neighbour"
)

func TestConformanceCyrus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, separator, below string
		slashes                bool
		settings               string
	}{
		{"as Debian has it", ".", "INBOX.", false, ""},
		{"slashes, beside INBOX", "/", "", true, "munge8bit: no\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := neighbour.StartCyrus(t, neighbour.CyrusConfig{Name: "cyrus", Users: people(60), Slashes: c.slashes, Settings: c.settings})
			habits := storetest.Habits{
				Batch: batch, Separator: c.separator, Hints: true, Places: true, Keywords: true, Flags: true, Search: true, Glances: true,
				Refuses: `"`, ASCIIHeaders: c.settings == "",
			}
			next := 0
			storetest.Run(t, habits, func(*testing.T) storetest.Mailbox {
				next++
				return realBox{
					address: server.IMAP, user: fmt.Sprintf("%s%d", user, next), below: c.below, change: func(*imapstore.Options) {},
					renew: func(_ *testing.T, user, _ string) { server.Renew(user) },
				}
			})
		})
	}
}
