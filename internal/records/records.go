package records

import (
	"context"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// Records are a ledger as people ask it. Its methods are safe for concurrent use; its fields are set before the first.
type Records struct {
	Ledger Ledger
	Now    func() time.Time
	// Organisation signs the notices to senders; "" is nobody.
	Organisation func() string
	// Courier delivers; nil: nobody does.
	Courier Courier
}

// Ledger is what is read. Each method is that of ledger.Ledger.
type Ledger interface {
	ledger.Bodies
	Capture(ctx context.Context, id cutover.CaptureID) (ledger.Capture, error)
	FindCaptures(ctx context.Context, f ledger.CaptureFilter) ([]ledger.Capture, error)
	Deliveries(ctx context.Context, f ledger.DeliveryFilter) ([]ledger.Delivery, error)
	History(ctx context.Context, id cutover.CaptureID) ([]ledger.Event, error)
	LocalDeliveries(ctx context.Context, f ledger.LocalFilter) ([]ledger.LocalDelivery, error)
	Said(ctx context.Context, message string) ([]evidence.Observation, error)
}

// Courier tells what it means to do.
type Courier interface {
	// SentAgain is when a delivery in doubt is sent again unless it shows up before; zero while its mailbox gives no answer.
	SentAgain(id ledger.DeliveryID) time.Time
	// Retry is when a destination that cannot be reached is tried again; zero while nothing is known against it.
	Retry(destination string) time.Time
}
