package sqlite

import (
	"errors"
	"fmt"
	"testing"

	"posthouse/ledger"
)

// TestGatheredRows: captures that are stored together go in few statements; what one of them does wrong is answered to it alone, and a change among them sees what came before it.
func TestGatheredRows(t *testing.T) {
	for _, n := range []int{1, 2, 3, 44} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			l := openIn(t, t.TempDir(), Options{})
			keep := func(id string) func() error {
				return func() error { return keepBody(t.Context(), l, id, []byte("body of "+id), ledger.Due) }
			}
			release := stall(l)
			var waiting []<-chan error
			for i := range n {
				waiting = append(waiting, submittedBy(t, l, keep(fmt.Sprint("c", i))))
			}
			again := submittedBy(t, l, keep("c0"))
			seen := -1
			look := submittedBy(t, l, func() error {
				return l.changeAgain(t.Context(), func(x *tx) (err error) {
					seen, err = one(x, value[int], "SELECT count(*) FROM captures c JOIN bodies b ON b.capture = c.n JOIN deliveries d ON d.capture = c.n")
					return err
				})
			})
			last := submittedBy(t, l, keep("last"))
			if err := release(); err != nil {
				t.Error(err)
			}
			for i, w := range append(waiting, look, last) {
				if err := <-w; err != nil {
					t.Errorf("%d: %v", i, err)
				}
			}
			if err := <-again; !errors.Is(err, ledger.ErrExists) {
				t.Errorf("a second capture of the same id: %v", err)
			}
			if seen != n {
				t.Errorf("a change saw %d captures before it, want %d", seen, n)
			}
			for i := range n {
				if got, err := bodyOf(t.Context(), l, fmt.Sprint("c", i)); err != nil || string(got) != fmt.Sprint("body of c", i) {
					t.Errorf("c%d: %q, %v", i, got, err)
				}
			}
			if all := ask[int](t, l, "SELECT count(*) FROM deliveries"); all != n+1 {
				t.Errorf("%d deliveries, want %d", all, n+1)
			}
			mustClose(t, l)
		})
	}
}
