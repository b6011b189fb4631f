package imapstore

import (
	"context"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"posthouse/cutover"
)

var identityHeader = &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierHeader, HeaderFields: cutover.IdentityFields}

// details are what is asked for of each message, from everything down to what cannot surprise: INTERNALDATE and FLAGS are where servers send what
// go-imap does not parse. ENVELOPE and BODYSTRUCTURE are never asked for.
var details = []imap.FetchOptions{
	{UID: true, Flags: true, InternalDate: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{identityHeader}},
	{UID: true, Flags: true, BodySection: []*imap.FetchItemBodySection{identityHeader}},
	{UID: true, BodySection: []*imap.FetchItemBodySection{identityHeader}},
}

// culpritsOneByOne is how many messages are sorted out at one level of detail before the rest of the batch is read with less.
const culpritsOneByOne = 3

// items reads the headers of messages, by rising UID. A message that is gone is left out. One that cannot be read at any level of detail is an item with a
// reference only: who asks for its body will hear why.
func (s *Store) items(ctx context.Context, f cutover.Folder, uids []imap.UID) ([]cutover.Item, error) {
	found := map[imap.UID]*record{}
	open := uids
	for level := 0; level < len(details) && len(open) > 0; level++ {
		v := survival{store: s, link: s.control, f: f, tries: 1, enduring: true, limit: culpritsOneByOne, try: headers(level, found)}
		if err := v.run(ctx, open); err != nil {
			return nil, err
		}
		if len(v.missing) > 0 {
			if err := s.passedOver(ctx, f, v.missing, found); err != nil {
				return nil, err
			}
		}
		open = nil
		for _, uid := range uids {
			if v.bad[uid] != nil {
				open = append(open, uid)
			}
		}
	}
	for _, uid := range open {
		found[uid] = &record{uid: uid}
	}
	return itemsOf(uids, found), nil
}

func headers(level int, found map[imap.UID]*record) func(*live, []imap.UID) ([]imap.UID, error) {
	return func(at *live, uids []imap.UID) ([]imap.UID, error) {
		options := details[level]
		options.ModSeq = level == 0 && at.caps.has("CONDSTORE")
		rs := records{at: at}
		err := rs.fetch(setOf(uids), &options)
		for _, uid := range uids {
			if r := rs.found[uid]; r != nil && r.header != nil {
				found[uid] = r
			}
		}
		return without(uids, found, func(r *record) bool { return r.header != nil }), err
	}
}

// passedOver looks at messages that the server left out: those that still exist are yielded with their reference only.
func (s *Store) passedOver(ctx context.Context, f cutover.Folder, missing []imap.UID, found map[imap.UID]*record) error {
	there, err := existing(ctx, s.control, f, setOf(missing))
	if err != nil {
		return err
	}
	for _, uid := range there {
		s.o.Log.WithField("folder", f.Path.String()).WithField("uid", uid).Warn("the server does not tell the header of an item")
		found[uid] = &record{uid: uid}
	}
	return nil
}

func itemsOf(uids []imap.UID, found map[imap.UID]*record) []cutover.Item {
	items := make([]cutover.Item, 0, len(found))
	for _, uid := range uids {
		if r := found[uid]; r != nil {
			items = append(items, r.item())
		}
	}
	return items
}

func (r *record) item() cutover.Item {
	item := cutover.Item{Ref: refOf(r.uid), Flags: flagsOf(r.flags), Date: r.date.Truncate(time.Second), Size: r.size}
	if r.modseq > 0 {
		item.Version = strconv.FormatUint(r.modseq, 10)
	}
	if r.header != nil {
		item.Identity = cutover.IdentityOf(r.header)
	}
	if item.Date.IsZero() {
		item.Date = writtenDate(r.header)
	}
	return item
}

// writtenDate is the Date field, for messages whose date of arrival the server cannot tell; zero where that is missing too.
func writtenDate(header []byte) time.Time {
	msg, err := mail.ReadMessage(strings.NewReader(string(header) + "\r\n"))
	if err != nil {
		return time.Time{}
	}
	date, err := msg.Header.Date()
	if err != nil {
		return time.Time{}
	}
	return date
}
