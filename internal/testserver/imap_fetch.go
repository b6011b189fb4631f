package testserver

import (
	"bufio"
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-message/textproto"
)

// picked is one message as a command found it; writing it needs no lock.
type picked struct {
	seq      uint32
	uid      uint32
	data     []byte
	internal time.Time
	flags    []imap.Flag
	size     int64 // as RFC822.SIZE tells it
}

// Fetch serves FETCH and UID FETCH. It takes a snapshot and writes without holding the lock: a slow reader stops nobody.
func (c *session) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	return c.around("FETCH", c.folderPath(), func() error {
		for _, p := range c.pick(set, options) {
			if err := p.write(w, options); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *session) pick(set imap.NumSet, options *imap.FetchOptions) []picked {
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	v := c.view
	seen := !v.readOnly && readsBody(options)
	positions := v.resolve(set)
	list := make([]picked, 0, len(positions))
	for _, i := range positions {
		m := v.list[i]
		if seen && !m.has(`\Seen`) {
			v.f.setFlags(m, append(slices.Clip(m.flags), `\Seen`))
		}
		list = append(list, picked{uint32(i + 1), m.uid, m.data, m.internal, imapFlags(m.flags), c.server.sizeOf(m)})
	}
	return list
}

// sizeOf is what the server says a message weighs.
func (s *IMAP) sizeOf(m *message) int64 {
	size := int64(len(m.data))
	if s.cfg.EstimateSize {
		size += size/16 + 7
	}
	return size
}

// readsBody tells whether a fetch sets \Seen: any BODY[…] without PEEK does (RFC 3501 §6.4.5).
func readsBody(options *imap.FetchOptions) bool {
	return slices.ContainsFunc(options.BodySection, func(b *imap.FetchItemBodySection) bool { return !b.Peek })
}

func (p picked) write(w *imapserver.FetchWriter, options *imap.FetchOptions) error {
	r := w.CreateMessage(p.seq)
	if options.UID {
		r.WriteUID(imap.UID(p.uid))
	}
	if options.Flags {
		r.WriteFlags(p.flags)
	}
	if options.InternalDate {
		r.WriteInternalDate(p.internal)
	}
	if options.RFC822Size {
		r.WriteRFC822Size(p.size)
	}
	if options.Envelope {
		r.WriteEnvelope(p.envelope())
	}
	if options.BodyStructure != nil {
		r.WriteBodyStructure(imapserver.ExtractBodyStructure(bytes.NewReader(p.data)))
	}
	for _, section := range options.BodySection {
		if err := writeSection(r, section, p.section(section)); err != nil {
			_ = r.Close() // it holds a lock that imapserver wants for its last words
			return err
		}
	}
	return r.Close()
}

func writeSection(r *imapserver.FetchResponseWriter, section *imap.FetchItemBodySection, data []byte) error {
	lit := r.WriteBodySection(section, int64(len(data)))
	if _, err := lit.Write(data); err != nil {
		return err
	}
	return lit.Close()
}

func (p picked) envelope() *imap.Envelope {
	header, err := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(p.data)))
	if err != nil {
		return nil
	}
	return imapserver.ExtractEnvelope(header)
}

// section cuts the octets out of the message itself. Only numbered MIME parts go through imapserver's parser, which writes headers anew and
// returns nothing for a header that it cannot parse.
func (p picked) section(s *imap.FetchItemBodySection) []byte {
	if len(s.Part) > 0 {
		return imapserver.ExtractBodySection(bytes.NewReader(p.data), s)
	}
	head := headerLength(p.data)
	data := p.data
	switch {
	case len(s.HeaderFields) > 0:
		data = selectFields(data[:head], func(name string) bool { return containsFold(s.HeaderFields, name) })
	case len(s.HeaderFieldsNot) > 0:
		data = selectFields(data[:head], func(name string) bool { return !containsFold(s.HeaderFieldsNot, name) })
	case s.Specifier == imap.PartSpecifierHeader:
		data = data[:head]
	case s.Specifier == imap.PartSpecifierText:
		data = data[head:]
	}
	return partial(data, s.Partial)
}

func partial(data []byte, p *imap.SectionPartial) []byte {
	if p == nil {
		return data
	}
	from := min(p.Offset, int64(len(data)))
	return data[from : from+min(p.Size, int64(len(data))-from)]
}

func containsFold(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}
