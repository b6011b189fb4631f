package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// firstWithJournal is the schema that has a place for the journal's epoch.
const firstWithJournal = 14

// replay brings what a killed service left in its journal into the database, before anything else is done with that: the statements are those of the schema as it is.
func (l *Ledger) replay(ctx context.Context) error {
	found, err := l.left(&tx{st: l.w.st})
	if err != nil || len(found.records) == 0 {
		return err
	}
	err = l.replayAll(found)
	if isFull(err) && os.Truncate(filepath.Join(l.folder, journalFile), journalHead+journalRoom) == nil { // room of its own, kept for this
		err = l.replayAll(found)
	}
	if err != nil {
		return fmt.Errorf("taking in %d records of the journal: %w", len(found.records), err)
	}
	return nil
}

// left is what the journal has that the database has not.
func (l *Ledger) left(q querier) (journaled, error) {
	version, err := one(q, value[int], "PRAGMA user_version")
	if err != nil || version < firstWithJournal {
		return journaled{}, err
	}
	all, err := scripts()
	if err != nil || version > len(all) { // not for us to touch
		return journaled{}, err
	}
	epochs, err := collect(q, value[int64], "SELECT journal FROM marker")
	if err != nil || len(epochs) == 0 {
		return journaled{}, err
	}
	return readJournal(l.folder, uint64(epochs[0]))
}

func (l *Ledger) replayAll(found journaled) error {
	if err := l.w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	t := &tx{st: l.w.st}
	err := found.run(func(text string, values []any) error {
		_, err := t.exec(text, values...)
		return err
	})
	if err == nil {
		_, err = t.exec("UPDATE marker SET journal = ?", int64(newEpoch()))
	}
	if err == nil {
		err = l.w.exec("COMMIT")
	}
	if err != nil {
		_ = l.w.exec("ROLLBACK") // fails only where SQLite has rolled back already
	}
	return err
}

// run calls do with each statement and its values, in order.
func (j journaled) run(do func(text string, values []any) error) error {
	for _, record := range j.records {
		for len(record) > 0 {
			text, values, rest, err := j.statement(record)
			if err != nil {
				return err
			}
			if err := do(text, values); err != nil {
				return err
			}
			record = rest
		}
	}
	return nil
}

var errRecord = errors.New("a record of the journal cannot be read")

// statement decodes the first statement of a record.
func (j journaled) statement(record []byte) (text string, values []any, rest []byte, err error) {
	if int(record[0]) >= len(j.texts) {
		return "", nil, nil, errRecord
	}
	text, rest = j.texts[record[0]], record[1:]
	values = make([]any, strings.Count(text, "?"))
	for i := range values {
		if values[i], rest, err = valueOf(rest); err != nil {
			return "", nil, nil, err
		}
	}
	return text, values, rest, nil
}

// valueOf decodes the first of the values.
func valueOf(octets []byte) (v any, rest []byte, err error) {
	if len(octets) == 0 {
		return nil, nil, errRecord
	}
	kind, rest := octets[0], octets[1:]
	switch kind {
	case isNull:
		return nil, rest, nil
	case isFalse, isTrue:
		return kind == isTrue, rest, nil
	case isInt:
		n, used := binary.Varint(rest)
		if used <= 0 {
			return nil, nil, errRecord
		}
		return n, rest[used:], nil
	case isText, isOctets:
		n, used := binary.Uvarint(rest)
		if used <= 0 || n > uint64(len(rest)-used) {
			return nil, nil, errRecord
		}
		octets, rest := rest[used:used+int(n)], rest[used+int(n):]
		if kind == isText {
			return string(octets), rest, nil
		}
		return octets, rest, nil
	}
	return nil, nil, errRecord
}
