package logtail

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"time"

	"posthouse/ledger"
)

// tailSize is how many octets at the end of what was seen prove that a file is still the one we read.
const tailSize = 256

// place is how far one file was read.
type place struct {
	Inode    uint64 `json:"inode,omitempty"`
	Offset   int64  `json:"offset"`             // of the next line
	Seen     int64  `json:"seen"`               // where the file ended when it was last read; a line that is not yet whole lies between
	Tail     uint64 `json:"tail,omitempty"`     // hash of the octets before Seen
	TailSize int    `json:"tailsize,omitempty"` // their number
	Skipping bool   `json:"skipping,omitempty"`
}

// position is how far a log was read, and everything needed to go on from there. It is kept as JSON in the ledger's Offset.
type position struct {
	place // in the file that is read; in a folder that of the file it is in

	Files   map[string]filed `json:"files,omitempty"`  // of a folder: by their names
	Settled time.Time        `json:"settled,omitzero"` // files of a folder that were last written to by then, and are not among Files, were read

	Cursor   string `json:"cursor,omitempty"`   // of the last entry read, in a journal
	Complete bool   `json:"complete,omitempty"` // all files of a folder have been read once

	// From is where the coverage that was not yet granted begins. Zero: the place was lost; it begins with the next line.
	From time.Time `json:"from,omitzero"`
	// Lost is up to when the log had been read when the place was lost. What is read again of older lines proves nothing of the time since.
	Lost      time.Time       `json:"lost,omitzero"`
	LastLine  time.Time       `json:"last_line,omitzero"`  // stamp of the last line that had one
	LastHeard time.Time       `json:"last_heard,omitzero"` // stamp of the last line of a mail server
	Whole     time.Time       `json:"whole,omitzero"`      // when the log was last read to an end without zeros
	Zeros     time.Time       `json:"zeros,omitzero"`      // since when there have been zeros at its end; zero: there are none
	Live      time.Time       `json:"live,omitzero"`       // when the log was last read to its end, before this place
	Skewed    int             `json:"skewed,omitempty"`    // lines up to the last whose stamp cannot be true
	LastMail  time.Time       `json:"last_mail,omitzero"`  // stamp of the last line that told of mail: arrived, sent or delivered
	LastLogin time.Time       `json:"last_login,omitzero"` // stamp of the last line that told of a login, ours included
	Proven    bool            `json:"proven,omitempty"`    // it showed a message or a login once
	Began     time.Time       `json:"began,omitzero"`      // when this log was first followed
	Rate      rate            `json:"rate"`
	Rates     map[string]rate `json:"rates,omitempty"` // by dialect, where a log may hold several
	State     snapshot        `json:"state"`
}

func (p position) offset(source string) (*ledger.Offset, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("writing the position in %s: %w", source, err)
	}
	return &ledger.Offset{Source: source, Position: string(text)}, nil
}

func readPosition(o ledger.Offset) (position, error) {
	var p position
	if o.Position == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(o.Position), &p); err != nil {
		return position{}, fmt.Errorf("reading the position in %s: %w", o.Source, err)
	}
	if p.LastHeard.IsZero() { // an earlier version did not tell them apart
		p.LastHeard = p.LastLine
	}
	p.Proven = p.Proven || !p.LastMail.IsZero() || !p.State.LastOwn.IsZero() // likewise
	return p, nil
}

// see notes that the file was read up to a place.
func (p *place) see(file io.ReaderAt, end int64) {
	tail := make([]byte, min(end, tailSize))
	if n, _ := file.ReadAt(tail, end-int64(len(tail))); n == len(tail) {
		p.Seen, p.Tail, p.TailSize = end, sum(tail), n
	}
}

// continues tells whether the file still holds what was seen.
func (p place) continues(file io.ReaderAt) bool {
	if p.TailSize == 0 {
		return true
	}
	tail := make([]byte, p.TailSize)
	n, _ := file.ReadAt(tail, p.Seen-int64(p.TailSize))
	return n == len(tail) && sum(tail) == p.Tail
}

// begin is the beginning of a file.
func (p *place) begin(c candidate) {
	*p = c.was
	p.Inode = c.inode
}

func sum(octets []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(octets)
	return h.Sum64()
}
