package delivery

import (
	"context"
	"fmt"
	"net"
	"testing"

	"posthouse/test/neighbour"
)

// TestNeighboursTakeWhatGoesAlong: Postfix and Exim read the next envelope behind the end of a message, in the same packet, and take all messages by one session.
func TestNeighboursTakeWhatGoesAlong(t *testing.T) {
	for name, start := range map[string]func(t *testing.T, next string) (addr string){
		"Postfix": func(t *testing.T, next string) string {
			return neighbour.StartPostfix(t, neighbour.PostfixConfig{Name: "hop", NextHop: "lmtp:inet:" + next, Settings: "smtpd_discard_ehlo_keywords = chunking\n"}).SMTP
		},
		"Exim": func(t *testing.T, next string) string {
			return neighbour.StartExim(t, neighbour.EximConfig{Name: "hop", Next: next, Settings: "chunking_advertise_hosts ="}).SMTP
		},
	} {
		t.Run(name, func(t *testing.T) {
			dovecot := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "mailbox", Users: map[string]string{"anna": "secret"}})
			client := clientFor(t, start(t, dovecot.LMTP), nil)
			sessions, dial := 0, client.config.Dial
			client.config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				sessions++
				return dial(ctx, network, address)
			}
			const messages = 40
			envelope := func(i int) Envelope {
				return Envelope{ID: fmt.Sprint(i), From: "ann@old.example", Recipients: []Recipient{{Address: "anna@example.com"}}}
			}
			body := func(i int) *testBody { return newBody(fmt.Sprintf("Subject: letter %d\r\n\r\nhello\r\n", i)) }
			for i := range messages {
				env := envelope(i)
				env.Next = func() (Next, bool) { return Next{Envelope: envelope(i + 1), Size: body(i + 1).Size()}, i+1 < messages }
				outs, err := client.Send(t.Context(), env, body(i))
				accepted(t, outs, err)
			}
			if sessions != 1 || client.deaf.Load() {
				t.Errorf("%d sessions, deaf: %v", sessions, client.deaf.Load())
			}
		})
	}
}
