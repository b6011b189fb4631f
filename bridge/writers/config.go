package writers

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/evidence/witness"
	"posthouse/internal/clock"
	"posthouse/ledger"
)

// Config is what Past and News need.
type Config struct {
	Bridge interface {
		Progress() []bridge.Progress
		Past(ctx context.Context, m cutover.MailboxID, since time.Time, from map[string]ledger.Place, fields []string, took func(folder string, heads []bridge.Head, next ledger.Place) error) error
		News(ctx context.Context, m cutover.MailboxID, from ledger.Place, fields []string) (news []bridge.Head, next ledger.Place, more bool, err error)
	}
	Witness *witness.Witness
	Facts   interface {
		Fact(ctx context.Context, name string) (string, error)
		SetFact(ctx context.Context, name, value string) error
	}
	// Askable tells whether a mailbox can be read on a side.
	Askable func(cutover.MailboxID, cutover.Side) bool

	Switched func() time.Time          // when the MX records were; zero: not yet
	Domains  func() []string           // that move
	Ours     func(message string) bool // of our own test traffic

	Clock clock.Clock
	Log   logrus.FieldLogger
}
