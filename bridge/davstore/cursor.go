package davstore

import (
	"encoding/json"
	"fmt"

	"posthouse/ledger"
)

// validity is the only era: names of members hold for ever.
const validity = "1"

// cursor is what the caller keeps as an opaque string.
type cursor struct {
	Token string `json:"token,omitempty"` // everything that happened up to it was told
	After string `json:"after,omitempty"` // of the first look: names up to it were told
	Done  bool   `json:"done,omitempty"`  // the first look is over
	// Where there are no tokens:
	Tag  string `json:"tag,omitempty"`  // of the collection, when all was told
	Seen string `json:"seen,omitempty"` // fingerprints of what was told
}

func parseCursor(c ledger.Cursor) (cursor, error) {
	var parsed cursor
	if c == "" {
		return parsed, nil
	}
	if err := json.Unmarshal([]byte(c), &parsed); err != nil {
		return parsed, fmt.Errorf("cursor %q: %w", c, err)
	}
	return parsed, nil
}

func (c cursor) String() ledger.Cursor {
	text, _ := json.Marshal(c) // of strings only: it cannot fail
	return ledger.Cursor(text)
}
