package testserver

import (
	"bytes"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// Search serves SEARCH and UID SEARCH. TEXT and BODY look at the raw octets, without decoding transfer encodings.
func (c *session) Search(kind imapserver.NumKind, criteria *imap.SearchCriteria, _ *imap.SearchOptions) (*imap.SearchData, error) {
	data := &imap.SearchData{}
	err := c.around("SEARCH", c.folderPath(), func() error {
		return c.locked(func(*account) error {
			c.view.search(kind, criteria, data)
			return nil
		})
	})
	return data, err
}

func (v *view) search(kind imapserver.NumKind, criteria *imap.SearchCriteria, data *imap.SearchData) {
	var seqs imap.SeqSet
	var uids imap.UIDSet
	for i, m := range v.list {
		if m.gone || !v.matches(i, criteria) {
			continue
		}
		num := uint32(i + 1)
		seqs.AddNum(num)
		uids.AddNum(imap.UID(m.uid))
		if kind == imapserver.NumKindUID {
			num = m.uid
		}
		if data.Count == 0 {
			data.Min = num
		}
		data.Max = num
		data.Count++
	}
	data.All = seqs
	if kind == imapserver.NumKindUID {
		data.All = uids
	}
}

// matches tests the message at position i against all criteria.
func (v *view) matches(i int, c *imap.SearchCriteria) bool {
	m := v.list[i]
	return v.inSets(i, c) && m.inDates(c) && m.inSizes(c) && m.inFlags(c) && m.inText(c) && v.inOperators(i, c)
}

func (v *view) inSets(i int, c *imap.SearchCriteria) bool {
	for _, set := range c.SeqNum {
		if !v.inSeqs(uint32(i+1), set) {
			return false
		}
	}
	for _, set := range c.UID {
		if !v.inUIDs(v.list[i].uid, set) {
			return false
		}
	}
	return true
}

func (v *view) inSeqs(seq uint32, set imap.SeqSet) bool {
	return slices.ContainsFunc(set, func(r imap.SeqRange) bool {
		start, stop := bounds(r.Start, r.Stop, uint32(len(v.list)))
		return start <= seq && seq <= stop
	})
}

func (v *view) inUIDs(uid uint32, set imap.UIDSet) bool {
	return slices.ContainsFunc(set, func(r imap.UIDRange) bool {
		start, stop := bounds(uint32(r.Start), uint32(r.Stop), v.lastUID())
		return start <= uid && uid <= stop
	})
}

func (v *view) inOperators(i int, c *imap.SearchCriteria) bool {
	for _, not := range c.Not {
		if v.matches(i, &not) {
			return false
		}
	}
	for _, or := range c.Or {
		if !v.matches(i, &or[0]) && !v.matches(i, &or[1]) {
			return false
		}
	}
	return true
}

func (m *message) inFlags(c *imap.SearchCriteria) bool {
	missing := func(f imap.Flag) bool { return !m.has(string(f)) }
	present := func(f imap.Flag) bool { return m.has(string(f)) }
	return !slices.ContainsFunc(c.Flag, missing) && !slices.ContainsFunc(c.NotFlag, present)
}

func (m *message) inSizes(c *imap.SearchCriteria) bool {
	size := int64(len(m.data))
	return (c.Larger == 0 || size > c.Larger) && (c.Smaller == 0 || size < c.Smaller)
}

func (m *message) inDates(c *imap.SearchCriteria) bool {
	if !inDays(m.internal, c.Since, c.Before) {
		return false
	}
	if c.SentSince.IsZero() && c.SentBefore.IsZero() {
		return true
	}
	sent, err := mail.ParseDate(m.searchable().value("date"))
	return err == nil && inDays(sent, c.SentSince, c.SentBefore)
}

// inDays compares days without regard to time and zone (RFC 3501 §6.4.4).
func inDays(t, since, before time.Time) bool {
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return (since.IsZero() || !day.Before(since)) && (before.IsZero() || day.Before(before))
}

func (m *message) inText(c *imap.SearchCriteria) bool {
	for _, h := range c.Header {
		if !m.searchable().contains(strings.ToLower(h.Key), strings.ToLower(h.Value)) {
			return false
		}
	}
	for _, text := range c.Text {
		if !containsLower(m.data, text) {
			return false
		}
	}
	for _, text := range c.Body {
		if !containsLower(m.data[headerLength(m.data):], text) {
			return false
		}
	}
	return true
}

func containsLower(data []byte, text string) bool {
	return bytes.Contains(bytes.ToLower(data), bytes.ToLower([]byte(text)))
}

// searchable parses the header once: a bridge asks for a Message-ID in a folder of thousands, thousands of times.
func (m *message) searchable() searchHeader {
	m.parse.Do(func() { m.header = parseSearchHeader(m.data) })
	return m.header
}
