package daemon

import (
	"context"
	"time"

	"posthouse/internal/records"
	"posthouse/ledger/sqlite"
)

// Offline opens what the ledger in a state folder tells of captured mail, where no daemon works there. Errors are those of sqlite.Read. done closes it, and gives the folder's lock back.
func Offline(ctx context.Context, folder, organisation string, now func() time.Time) (r *records.Records, done func() error, err error) {
	l, err := sqlite.Read(ctx, folder)
	if err != nil {
		return nil, nil, err
	}
	return &records.Records{Ledger: l, Now: now, Organisation: func() string { return organisation }}, l.Close, nil
}
