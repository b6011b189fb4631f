package sqlite

import "strings"

// batchSizes are the numbers of rows for which statements are prepared. More than 32 at once gain nothing that can be measured.
var batchSizes = [...]int{32, 8, 2, 1}

// batch is an INSERT of many rows.
type batch struct {
	texts   [len(batchSizes)]string
	columns int
}

// newBatch takes a statement up to VALUES and the values of one row.
func newBatch(head, row string) batch {
	b := batch{columns: strings.Count(row, "?")}
	for i, size := range batchSizes {
		b.texts[i] = head + " VALUES " + row + strings.Repeat(","+row, size-1)
	}
	return b
}

// insert writes rows whose values stand one after the other in args.
func (b *batch) insert(t *tx, args []any) error {
	for i, size := range batchSizes {
		for n := size * b.columns; len(args) >= n; args = args[n:] {
			if _, err := t.exec(b.texts[i], args[:n]...); err != nil {
				return err
			}
		}
	}
	return nil
}

// The lengths of IN lists for which statements are prepared. Shorter lists are filled up with NULL, which equals nothing.
const (
	shortList = 8
	longList  = 128
)

var (
	shortMarks = marks(shortList)
	longMarks  = marks(longList)
)

func marks(n int) string { return "(" + strings.TrimSuffix(strings.Repeat("?,", n), ",") + ")" }

// inLists calls f for each part of values with the text of its IN list and its arguments, which begin with those in first.
func inLists(first []any, values []any, f func(list string, args []any) error) error {
	for len(values) > 0 {
		length, list := shortList, shortMarks
		if len(values) > shortList {
			length, list = longList, longMarks
		}
		n := min(length, len(values))
		args := make([]any, len(first)+length)
		copy(args, first)
		copy(args[len(first):], values[:n])
		if err := f(list, args); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

// collectIn collects the rows of all parts. The query reads head, list, tail.
func collectIn[T any](q querier, scan func(scanner) (T, error), head, tail string, first, values []any) ([]T, error) {
	var all []T
	err := inLists(first, values, func(list string, args []any) error {
		part, err := collect(q, scan, head+list+tail, args...)
		all = append(all, part...)
		return err
	})
	return all, err
}
