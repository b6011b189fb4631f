package memstore

import (
	"fmt"
	"sync"

	"posthouse/bridge"
	"posthouse/cutover"
)

// Options are the habits of a server. The zero value is a server that does everything right.
type Options struct {
	Separator string // of folder names; "/" when empty
	Batch     int    // items in a batch; 100 when zero
	MaxSize   int64  // larger items are refused; 0 is no limit
	// Refuse, if not nil, is asked about every item; one that it has an error for is refused.
	Refuse     func(raw []byte) error
	FoldNames  bool // names that differ in case only are one
	NoPlaces   bool // outcomes do not tell the place (no UIDPLUS)
	NoHints    bool // Wait is not supported (no IDLE)
	NoKeywords bool // only system flags are kept
	Merge      bool // a folder keeps one of equal messages: a put or a move of another returns the place of the first (Gmail)
	Removals   bool // Next tells of removed items; IMAP without QRESYNC does not
	// Render, if not nil, is what the server stores instead of what is put.
	Render     func(raw []byte) []byte
	OutOfOrder bool // outcomes of a Put are told by threes, last first
	Estimates  bool // sizes are listed larger than messages are (Exchange)
}

// fits is why an item is refused; nil where it is taken.
func (o Options) fits(raw []byte) error {
	if o.MaxSize > 0 && int64(len(raw)) > o.MaxSize {
		return fmt.Errorf("%w: larger than %d octets", bridge.ErrTooLarge, o.MaxSize)
	}
	if o.Refuse == nil {
		return nil
	}
	if err := o.Refuse(raw); err != nil {
		return fmt.Errorf("%w: %w", bridge.ErrRefused, err)
	}
	return nil
}

// Server holds mailboxes by name. It is safe for concurrent use, as everything of this package is.
type Server struct {
	options Options
	mu      sync.Mutex
	boxes   map[string]*Mailbox
}

// NewServer returns a server without mailboxes.
func NewServer(o Options) *Server {
	if o.Separator == "" {
		o.Separator = "/"
	}
	if o.Batch <= 0 {
		o.Batch = 100
	}
	return &Server{options: o, boxes: map[string]*Mailbox{}}
}

// Mailbox returns the mailbox of that name, making it, with an empty INBOX, when there is none.
func (s *Server) Mailbox(name string) *Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.boxes[name]
	if box == nil {
		box = &Mailbox{options: s.options, changed: make(chan struct{}), calls: map[string]int{}}
		box.folders = append(box.folders, box.newFolder(cutover.Folder{Path: cutover.FolderPath{"INBOX"}, Kind: cutover.Mail, Role: cutover.Inbox}))
		s.boxes[name] = box
	}
	return box
}

// Open returns a Store on the mailbox, which it makes when there is none.
func (s *Server) Open(name string) *Store {
	return &Store{box: s.Mailbox(name), closed: make(chan struct{}), seen: map[string]uint64{}, eras: map[string]uint32{}}
}
