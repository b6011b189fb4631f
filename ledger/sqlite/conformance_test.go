package sqlite_test

import (
	"testing"

	"posthouse/ledger"
	"posthouse/ledger/ledgertest"
	"posthouse/ledger/sqlite"
)

func TestConformance(t *testing.T) {
	folders := map[ledger.Ledger]string{}
	open := func(t *testing.T, folder string) ledger.Ledger {
		l, err := sqlite.Open(t.Context(), folder, sqlite.Options{Reserve: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		folders[l] = folder
		return l
	}
	ledgertest.Run(t,
		func(t *testing.T) ledger.Ledger { return open(t, t.TempDir()) },
		func(t *testing.T, l ledger.Ledger) ledger.Ledger {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, folders[l])
		})
}
