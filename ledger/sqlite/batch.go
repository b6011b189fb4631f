package sqlite

import "strings"

// batchRows is how many rows one statement writes. More than this gains nothing that can be measured.
const batchRows = 32

// batch is an INSERT of many rows in two prepared forms: batchRows at once, and one for the rest.
type batch struct {
	many, single string
	columns      int
}

// newBatch takes a statement up to VALUES and its columns.
func newBatch(head string, columns int) batch {
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", columns), ",") + ")"
	return batch{
		many:    head + " VALUES " + row + strings.Repeat(","+row, batchRows-1),
		single:  head + " VALUES " + row,
		columns: columns,
	}
}

// insert writes rows whose values stand one after the other in args.
func (b batch) insert(t *tx, args []any) error {
	for size := b.columns * batchRows; len(args) >= size; args = args[size:] {
		if _, err := t.exec(b.many, args[:size]...); err != nil {
			return err
		}
	}
	for ; len(args) > 0; args = args[b.columns:] {
		if _, err := t.exec(b.single, args[:b.columns]...); err != nil {
			return err
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
