package sqlite

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	journalFile = "journal"
	// journalHead is the part of the file that tells how to read the rest.
	journalHead = 16 << 10
	// journalRoom is how many octets of records it takes before the database has to take them in.
	journalRoom = 2 << 20
	// journalSpare is kept behind them for a full disk: given back to it, it is the room that the database needs to take the records in.
	journalSpare = 6 << 20
	journalWhole = journalHead + journalRoom + journalSpare

	recordHead = 16 // epoch, length, checksum
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// journal is a file of records, each of which one change wrote, in order. Its space is there and was written before, so that a group of records costs the disk one write and one sync in place. Only
// those of the running epoch count; the database names it. Not safe for concurrent use.
type journal struct {
	file   *os.File
	epoch  uint64
	octets []byte // records of this epoch, as they lie in the file
	synced int    // how many of them are durable
	broken bool   // the file could not be written
	spent  bool   // its spare was given back
}

// journalTexts are the statements that records hold values for. The head of the file has them: whoever reads it runs what was meant when it was written, whatever its own say.
func journalTexts() []string {
	texts := []string{updateDeliveries.texts[len(batchSizes)-1], beginDeliveries.texts[len(batchSizes)-1]}
	for _, b := range order {
		texts = append(texts, b.texts[len(batchSizes)-1])
	}
	return texts
}

// The places of the texts.
const (
	textOfOutcome = iota
	textOfBeginning
	textOfTable // the first of them
)

// makeJournal makes the file, or takes one that is there and of which nothing counts any more. On a disk that is nearly full it makes none: others need the space more.
func makeJournal(folder string, epoch uint64) (*journal, error) {
	path := filepath.Join(folder, journalFile)
	free, err := freeSpace(folder)
	if err == nil && free < 3*journalWhole {
		err = unix.ENOSPC
	}
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err = layOut(f); err == nil {
		err = syncFolder(folder)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return &journal{file: f, epoch: epoch}, nil
}

// layOut has all the space allotted, once, and writes the head. What was written before needs no more of the file system's own bookkeeping when it is written again.
func layOut(f *os.File) error {
	texts, err := json.Marshal(journalTexts())
	if err != nil {
		return err
	}
	head := record(nil, 0, texts)
	if len(head) > journalHead {
		return fmt.Errorf("the statements take %d octets", len(texts))
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var nothing [64 << 10]byte
	for at := info.Size(); at < journalWhole; at += int64(len(nothing)) {
		if _, err := f.WriteAt(nothing[:], at); err != nil {
			return err
		}
	}
	if _, err := f.WriteAt(head, 0); err != nil {
		return err
	}
	return f.Sync()
}

// record appends a framed payload.
func record(to []byte, epoch uint64, payload []byte) []byte {
	to = binary.BigEndian.AppendUint64(to, epoch)
	to = binary.BigEndian.AppendUint32(to, uint32(len(payload)))
	to = binary.BigEndian.AppendUint32(to, crc32.Update(crc32.Checksum(to[len(to)-12:], castagnoli), castagnoli, payload))
	return append(to, payload...)
}

// payloadOf is that of the first record in octets, and how long the record is; nil when there is none of this epoch, or none that is whole.
func payloadOf(octets []byte, epoch uint64) (payload []byte, length int) {
	if len(octets) < recordHead || binary.BigEndian.Uint64(octets) != epoch {
		return nil, 0
	}
	n := int(binary.BigEndian.Uint32(octets[8:]))
	if n == 0 || n > len(octets)-recordHead {
		return nil, 0
	}
	payload = octets[recordHead : recordHead+n]
	if crc32.Update(crc32.Checksum(octets[:12], castagnoli), castagnoli, payload) != binary.BigEndian.Uint32(octets[12:]) {
		return nil, 0
	}
	return payload, recordHead + n
}

// begin starts a record and returns its place.
func (j *journal) begin() int {
	if j.octets == nil {
		j.octets = make([]byte, 0, journalRoom+2*maxBlob)
	}
	at := len(j.octets)
	j.octets = append(j.octets, make([]byte, recordHead)...)
	return at
}

// end frames the record that began at a place; false, and it is taken back, when there is no room for it. One that says nothing is none: whoever reads takes it for the end.
func (j *journal) end(at int) bool {
	if len(j.octets) == at+recordHead {
		j.octets = j.octets[:at]
		return true
	}
	if len(j.octets) > journalRoom {
		j.octets = j.octets[:at]
		return false
	}
	head, payload := j.octets[at:at+recordHead], j.octets[at+recordHead:]
	binary.BigEndian.PutUint64(head, j.epoch)
	binary.BigEndian.PutUint32(head[8:], uint32(len(payload)))
	binary.BigEndian.PutUint32(head[12:], crc32.Update(crc32.Checksum(head[:12], castagnoli), castagnoli, payload))
	return true
}

// sync makes all records durable.
func (j *journal) sync() error {
	if _, err := j.file.WriteAt(j.octets[j.synced:], int64(journalHead+j.synced)); err != nil {
		j.broken = true
		return err
	}
	if err := unix.Fdatasync(int(j.file.Fd())); err != nil {
		j.broken = true
		return err
	}
	j.synced = len(j.octets)
	return nil
}

// usable tells whether it takes more.
func (j *journal) usable() bool { return j.sound() && !j.full() }

// sound tells whether it is worth keeping.
func (j *journal) sound() bool { return !j.broken && !j.spent }

func (j *journal) full() bool { return len(j.octets) >= journalRoom-maxBlob }

// last are the last octets that were written.
func (j *journal) last(n int) []byte {
	return j.octets[len(j.octets)-n : len(j.octets) : len(j.octets)]
}

// spend gives the spare to a full disk; false when that was done before.
func (j *journal) spend() bool {
	if j.spent {
		return false
	}
	j.spent = true
	return j.file.Truncate(journalHead+journalRoom) == nil
}

func (j *journal) path() string { return j.file.Name() }

func (j *journal) close() error { return j.file.Close() }

// reset begins an epoch, once the database has what is in the journal.
func (j *journal) reset(epoch uint64) {
	j.epoch, j.octets, j.synced, j.broken = epoch, j.octets[:0], 0, false
}

func newEpoch() uint64 { return rand.Uint64() >> 1 } // SQLite's integers have a sign

// journaled is what a journal holds for the database.
type journaled struct {
	texts   []string
	records [][]byte
}

// readJournal reads the records of an epoch; none where there is no journal.
func readJournal(folder string, epoch uint64) (found journaled, err error) {
	f, err := os.Open(filepath.Join(folder, journalFile))
	if errors.Is(err, fs.ErrNotExist) {
		return found, nil
	}
	if err != nil {
		return found, err
	}
	defer f.Close()
	octets, err := io.ReadAll(io.LimitReader(f, journalHead+journalRoom))
	if err != nil || len(octets) < journalHead {
		return found, err
	}
	for rest := octets[journalHead:]; ; {
		payload, n := payloadOf(rest, epoch)
		if payload == nil {
			break
		}
		found.records, rest = append(found.records, payload), rest[n:]
	}
	if len(found.records) == 0 {
		return found, nil
	}
	head, _ := payloadOf(octets[:journalHead], 0)
	if err := json.Unmarshal(head, &found.texts); err != nil {
		return found, fmt.Errorf("the head of %s cannot be read: %w", journalFile, err)
	}
	return found, nil
}

// The values of a record: a statement's place in the texts, then its values.
const (
	isNull = iota
	isFalse
	isTrue
	isInt
	isText
	isOctets
)

// appendValues encodes the values of one statement.
func appendValues(to []byte, text int, values []any) ([]byte, error) {
	to = append(to, byte(text))
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			to = append(to, isNull)
		case bool:
			if v {
				to = append(to, isTrue)
			} else {
				to = append(to, isFalse)
			}
		case int:
			to = binary.AppendVarint(append(to, isInt), int64(v))
		case int64:
			to = binary.AppendVarint(append(to, isInt), v)
		case string:
			to = append(binary.AppendUvarint(append(to, isText), uint64(len(v))), v...)
		case []byte:
			if v == nil {
				to = append(to, isNull) // as SQLite has it
				continue
			}
			to = append(binary.AppendUvarint(append(to, isOctets), uint64(len(v))), v...)
		default:
			return to, fmt.Errorf("a journal cannot hold a %T", v)
		}
	}
	return to, nil
}
