package daemon_test

import (
	"fmt"
	"testing"
)

// However few connections a server allows, every mailbox gets its turn, and so do questions and comparisons.
func TestFewConnections(t *testing.T) {
	for _, n := range []int{2, 4, 16} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			b := newBed(t, layout{servers: fmt.Sprintf("max_connections = %d", n), to: `to = ["home:mailbox"]`, mailboxes: threePeople + "dora@example.com,,person,cloud\neric@example.com,,person,cloud\n"})
			for i, address := range b.addresses() {
				b.fill(address, uint64(i), 30)
			}
			b.start()
			b.until("the copy", copied)
			var last []byte
			for _, address := range b.addresses() {
				last = b.send("to "+address, "x@sender.example", address)
			}
			b.until("every message to be seen", settled(5))
			b.once(b.cloud, "eric@example.com", last)
			for address, v := range b.verify() {
				if v.Equal != 30 || len(v.Missing)+len(v.Extra) != 0 || v.Error != "" {
					t.Errorf("verified %s: %+v", address, v)
				}
			}
			b.again()
			if open := max(b.legacy.Open(), b.cloud.Open()); open > n {
				t.Errorf("%d connections are open, %d are allowed", open, n)
			}
		})
	}
}
