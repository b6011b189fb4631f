package evidence

import (
	"testing"
	"time"
	"unicode/utf8"

	"posthouse/evidence/book"
)

// A longer text would push the rest of its line out of the table's columns.
func TestWhysFitTheirColumn(t *testing.T) {
	const columns = 40
	now := hours(0)
	texts := map[string]bool{}
	for _, s := range []Sender{
		{Accepted: true}, {State: book.Switched}, {State: book.Switched, Chance: 0.5}, {State: book.Unseen, Rhythm: Rhythm(book.Share{Rate: 1e-9})},
		{State: book.Unseen, Rhythm: "every few months", Due: now.Add(time.Hour)}, {State: book.Unseen, Rhythm: "every few months"},
		{State: book.Stale, Channel: Sending}, {State: book.Stale, Channel: Login}, {State: book.Stale, Channel: Arriving},
	} {
		for _, switched := range []bool{false, true} {
			text, _ := why(s, switched, now)
			texts[text] = true
		}
	}
	texts[newcomers(book.Others{}, false).Why] = true
	texts[newcomers(book.Others{Old: 1234, All: 12345}, false).Why] = true
	for text := range texts {
		if n := utf8.RuneCountInString(text); n > columns || n == 0 {
			t.Errorf("%d columns: %s", n, text)
		}
	}
	if len(texts) != 12 {
		t.Errorf("%d texts: %v", len(texts), texts)
	}
}
