package testserver

import (
	"bytes"
	"slices"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"posthouse/internal/testserver/corpus"
)

func TestFetchReturnsExactBytes(t *testing.T) {
	s := startIMAP(t, IMAPConfig{})
	folders := corpus.New(9).Mailbox(400)
	if err := s.Fill("anna", folders); err != nil {
		t.Fatal(err)
	}
	c := loginIMAP(t, s, nil)
	for _, f := range folders {
		checkFolder(t, c, f)
	}
}

// checkFolder compares all that a client sees of a folder with what was put in.
func checkFolder(t *testing.T, c *imapclient.Client, f corpus.Folder) {
	t.Helper()
	if _, err := c.Select(f.Path, &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		t.Fatalf("selecting %s: %v", f.Path, err)
	}
	if len(f.Messages) == 0 {
		return
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	header := &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierHeader}
	options := &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{whole, header}}
	got, err := c.Fetch(imap.SeqSet{{Start: 1}}, options).Collect()
	if err != nil || len(got) != len(f.Messages) {
		t.Fatalf("fetching %s: %d of %d, %v", f.Path, len(got), len(f.Messages), err)
	}
	for i, m := range f.Messages {
		body := got[i].FindBodySection(whole)
		if !bytes.Equal(body, m.Bytes) || !bytes.HasPrefix(m.Bytes, got[i].FindBodySection(header)) {
			t.Errorf("%s %d (%s): bytes differ", f.Path, i+1, m.Kind)
		}
		if !slices.Equal(plainFlags(got[i].Flags), cleanFlags(m.Flags)) || !got[i].InternalDate.Equal(m.Internal) || got[i].RFC822Size != int64(len(m.Bytes)) {
			t.Errorf("%s %d: %v %v %d, want %v %v %d", f.Path, i+1, got[i].Flags, got[i].InternalDate, got[i].RFC822Size, m.Flags, m.Internal, len(m.Bytes))
		}
	}
}

func TestFetchSections(t *testing.T) {
	s := startIMAP(t, IMAPConfig{})
	raw := []byte("From: a@x.example\r\nSubject: one\r\n two\r\nX-Odd : y\r\nsubject: again\r\n\r\nbody\r\n")
	if _, err := s.Deliver("anna", raw); err != nil {
		t.Fatal(err)
	}
	c := loginIMAP(t, s, nil)
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		section imap.FetchItemBodySection
		want    string
	}{
		{imap.FetchItemBodySection{Specifier: imap.PartSpecifierText}, "body\r\n"},
		{imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Subject"}}, "Subject: one\r\n two\r\nsubject: again\r\n\r\n"},
		{imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFieldsNot: []string{"SUBJECT", "from"}}, "X-Odd : y\r\n\r\n"},
		{imap.FetchItemBodySection{Partial: &imap.SectionPartial{Offset: 6, Size: 5}}, "a@x.e"},
		{imap.FetchItemBodySection{Partial: &imap.SectionPartial{Offset: 5000, Size: 5}}, ""},
	}
	for _, tt := range tests {
		tt.section.Peek = true
		got, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{&tt.section}}).Collect()
		if err != nil || len(got) != 1 {
			t.Fatalf("%+v: %d messages, %v", tt.section, len(got), err)
		}
		if body := string(got[0].FindBodySection(&tt.section)); body != tt.want {
			t.Errorf("%+v: %q, want %q", tt.section, body, tt.want)
		}
	}
}

func TestSeenOnlyWithoutPeek(t *testing.T) {
	s := startIMAP(t, IMAPConfig{})
	if _, err := s.Deliver("anna", []byte("Subject: x\r\n\r\ny\r\n")); err != nil {
		t.Fatal(err)
	}
	c := loginIMAP(t, s, nil)
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	for _, peek := range []bool{true, false} {
		section := &imap.FetchItemBodySection{Peek: peek}
		if _, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}}).Collect(); err != nil {
			t.Fatal(err)
		}
		dump, _ := s.Dump("anna")
		if seen := hasFlag(dump[0].Messages[0].Flags, `\Seen`); seen == peek {
			t.Errorf("peek %v: seen %v", peek, seen)
		}
	}
}
