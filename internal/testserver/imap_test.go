package testserver

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"posthouse/internal/testserver/corpus"
)

func startIMAP(t testing.TB, cfg IMAPConfig) *IMAP {
	t.Helper()
	s := NewIMAP(cfg)
	s.AddUser("anna", "secret")
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func dialIMAP(t testing.TB, s *IMAP, options *imapclient.Options) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialInsecure(s.Addr(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func loginIMAP(t testing.TB, s *IMAP, options *imapclient.Options) *imapclient.Client {
	t.Helper()
	c := dialIMAP(t, s, options)
	if err := c.Login("anna", "secret").Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

func mustAppend(t testing.TB, c *imapclient.Client, path string, data []byte, options *imap.AppendOptions) *imap.AppendData {
	t.Helper()
	cmd := c.Append(path, int64(len(data)), options)
	if _, err := cmd.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := cmd.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestAppendKeepsEverything(t *testing.T) {
	s := startIMAP(t, IMAPConfig{})
	c := loginIMAP(t, s, nil)
	g := corpus.New(1)
	for i, kind := range corpus.Kinds() {
		m := g.Make(kind, g.Owner, g.Owner, time.Date(2019, 3, 4, 5, 6, i, 0, time.FixedZone("", 19800)))
		options := &imap.AppendOptions{Flags: imapFlags([]string{`\Seen`, "$Forwarded", "MixedCase"}), Time: m.Internal}
		data := mustAppend(t, c, "INBOX", m.Bytes, options)
		stored, err := s.Bytes("anna", "INBOX", uint32(data.UID))
		if err != nil || !bytes.Equal(stored, m.Bytes) {
			t.Errorf("%s: stored %d octets of %d, %v", kind, len(stored), len(m.Bytes), err)
		}
	}
	dump, err := s.Dump("anna")
	if err != nil {
		t.Fatal(err)
	}
	last := dump[0].Messages[len(dump[0].Messages)-1]
	if want := []string{"$Forwarded", "MixedCase", `\Seen`}; !slices.Equal(last.Flags, want) {
		t.Errorf("flags %q, want %q", last.Flags, want)
	}
	if got := last.Internal.Format(time.RFC3339); got != fmt.Sprintf("2019-03-04T05:06:%02d+05:30", len(corpus.Kinds())-1) {
		t.Errorf("internal date %s", got)
	}
}

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

func TestListShowsTreeAndSpecialUse(t *testing.T) {
	s := startIMAP(t, IMAPConfig{})
	g := corpus.New(1)
	g.Language = "fr"
	folders := g.Mailbox(0)
	if err := s.Fill("anna", folders); err != nil {
		t.Fatal(err)
	}
	c := loginIMAP(t, s, nil)
	list, err := c.List("", "*", &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true, UIDNext: true}}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	uses := map[string]string{}
	for _, data := range list {
		uses[data.Mailbox] = ""
		for _, attr := range data.Attrs {
			if attr != imap.MailboxAttrHasChildren && attr != imap.MailboxAttrHasNoChildren {
				uses[data.Mailbox] = string(attr)
			}
		}
		if data.Status == nil || data.Status.UIDNext != 1 {
			t.Errorf("%s: status %+v", data.Mailbox, data.Status)
		}
	}
	for _, f := range folders {
		if use, listed := uses[f.Path]; !listed || use != f.Use {
			t.Errorf("%s: listed %v, use %q, want %q", f.Path, listed, use, f.Use)
		}
	}
	top, err := c.List("", "%", nil).Collect()
	if err != nil || len(top) >= len(list) {
		t.Errorf("%% lists %d of %d, %v", len(top), len(list), err)
	}
}

func TestHiddenCapabilities(t *testing.T) {
	s := startIMAP(t, IMAPConfig{Without: []string{"SPECIAL-USE", "UIDPLUS"}})
	if err := s.CreateFolder("anna", "Sent", `\Sent`); err != nil {
		t.Fatal(err)
	}
	c := loginIMAP(t, s, nil)
	caps, err := c.Capability().Wait()
	if err != nil || caps.Has(imap.CapSpecialUse) || caps.Has(imap.CapUIDPlus) || !caps.Has(imap.CapLiteralPlus) {
		t.Errorf("capabilities %v, %v", caps, err)
	}
	list, err := c.List("", "Sent", nil).Collect()
	if err != nil || len(list) != 1 || slices.Contains(list[0].Attrs, imap.MailboxAttrSent) {
		t.Errorf("list %+v, %v", list, err)
	}
	if data := mustAppend(t, c, "INBOX", []byte("A: b\r\n\r\n"), nil); data.UID != 0 {
		t.Errorf("APPENDUID %d although hidden", data.UID)
	}
}

func TestSearch(t *testing.T) {
	s := startIMAP(t, IMAPConfig{})
	day := time.Date(2020, 5, 6, 23, 0, 0, 0, time.UTC)
	for i := range 5 {
		raw := fmt.Sprintf("Message-ID: <%d@x.example>\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n %d\r\nDate: Wed, 0%d May 2020 10:00:00 +0000\r\n\r\nBody %d\r\n", i, i, i+1, i)
		if _, err := s.Append("anna", "INBOX", []byte(raw), []string{`\Seen`}[:i%2], day.AddDate(0, 0, i)); err != nil {
			t.Fatal(err)
		}
	}
	c := loginIMAP(t, s, nil)
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	header := func(k, v string) *imap.SearchCriteria {
		return &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: k, Value: v}}}
	}
	tests := []struct {
		name     string
		criteria *imap.SearchCriteria
		want     []imap.UID
	}{
		{"message-id", header("Message-ID", "<3@X.example>"), []imap.UID{4}},
		{"decoded and unfolded", header("Subject", "Grüße 2"), []imap.UID{3}},
		{"no such field", header("X-None", ""), nil},
		{"seen", &imap.SearchCriteria{Flag: []imap.Flag{imap.FlagSeen}}, []imap.UID{2, 4}},
		{"since", &imap.SearchCriteria{Since: day.AddDate(0, 0, 3)}, []imap.UID{4, 5}},
		{"sent before", &imap.SearchCriteria{SentBefore: time.Date(2020, 5, 3, 0, 0, 0, 0, time.UTC)}, []imap.UID{1, 2}},
		{"above the end", &imap.SearchCriteria{UID: []imap.UIDSet{{{Start: 90, Stop: 0}}}}, []imap.UID{5}},
		{"not body", &imap.SearchCriteria{Not: []imap.SearchCriteria{{Body: []string{"BODY 1"}}}}, []imap.UID{1, 3, 4, 5}},
		{"or", &imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{*header("Message-ID", "<0@"), *header("Message-ID", "<4@")}}}, []imap.UID{1, 5}},
	}
	for _, tt := range tests {
		data, err := c.UIDSearch(tt.criteria, nil).Wait()
		if err != nil || !slices.Equal(data.AllUIDs(), tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.name, data, err, tt.want)
		}
	}
}

func TestStoreCopyMoveExpunge(t *testing.T) {
	s := startIMAP(t, IMAPConfig{})
	if err := s.CreateFolder("anna", "Archiv", ""); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if _, err := s.Deliver("anna", fmt.Appendf(nil, "Subject: %d\r\n\r\n", i)); err != nil {
			t.Fatal(err)
		}
	}
	c := loginIMAP(t, s, nil)
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	copied, err := c.Copy(imap.UIDSetNum(1), "Archiv").Wait()
	if err != nil || copied.DestUIDs.String() != "1" {
		t.Fatalf("copy: %+v, %v", copied, err)
	}
	if _, err := c.Move(imap.UIDSetNum(2), "Archiv").Wait(); err != nil {
		t.Fatal(err)
	}
	flags := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}
	if got, err := c.Store(imap.UIDSetNum(3, 4), flags, nil).Collect(); err != nil || len(got) != 2 {
		t.Fatalf("store: %v, %v", got, err)
	}
	if _, err := c.UIDExpunge(imap.UIDSetNum(3)).Collect(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Copy(imap.UIDSetNum(4), "Nowhere").Wait(); err == nil {
		t.Error("copied into a folder that does not exist")
	}
	dump, _ := s.Dump("anna")
	if in, ar := uids(dump[0]), uids(dump[1]); !slices.Equal(in, []uint32{1, 4}) || !slices.Equal(ar, []uint32{1, 2}) {
		t.Errorf("INBOX %v, Archiv %v", in, ar)
	}
}

func uids(f FolderDump) []uint32 {
	var list []uint32
	for _, m := range f.Messages {
		list = append(list, m.UID)
	}
	return list
}

func TestIdleHearsEverything(t *testing.T) {
	s := startIMAP(t, IMAPConfig{})
	exists, expunged, flags := make(chan uint32, 10), make(chan uint32, 10), make(chan []imap.Flag, 10)
	c := loginIMAP(t, s, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				exists <- *d.NumMessages
			}
		},
		Expunge: func(seq uint32) { expunged <- seq },
		Fetch: func(m *imapclient.FetchMessageData) {
			if b, err := m.Collect(); err == nil {
				flags <- b.Flags
			}
		},
	}})
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Deliver("anna", []byte("Subject: before IDLE\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	idle, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	if n := <-exists; n != 1 {
		t.Errorf("EXISTS %d after a delivery just before IDLE", n)
	}
	uid, err := s.Deliver("anna", []byte("Subject: during IDLE\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if n := <-exists; n != 2 {
		t.Errorf("EXISTS %d", n)
	}
	if err := s.SetFlags("anna", "INBOX", uid, `\Seen`); err != nil {
		t.Fatal(err)
	}
	if f := <-flags; !slices.Contains(f, imap.FlagSeen) {
		t.Errorf("FLAGS %v", f)
	}
	if err := s.Remove("anna", "INBOX", 1); err != nil {
		t.Fatal(err)
	}
	if n := <-expunged; n != 1 {
		t.Errorf("EXPUNGE %d", n)
	}
	if err := idle.Close(); err != nil {
		t.Fatal(err)
	}
	if err := idle.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestLogins(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	serverTLS, err := ca.Server()
	if err != nil {
		t.Fatal(err)
	}
	s := startIMAP(t, IMAPConfig{TLS: serverTLS, RequireTLS: true})
	s.AddMaster("admin", "master")
	if err := s.SetToken("anna", "tok"); err != nil {
		t.Fatal(err)
	}
	xoauth := func(token string) sasl.Client { return xoauth2Client("user=anna\x01auth=Bearer " + token + "\x01\x01") }
	tests := []struct {
		name   string
		client sasl.Client
		ok     bool
	}{
		{"plain", sasl.NewPlainClient("", "anna", "secret"), true},
		{"wrong password", sasl.NewPlainClient("", "anna", "guess"), false},
		{"master", sasl.NewPlainClient("anna", "admin", "master"), true},
		{"not a master", sasl.NewPlainClient("anna", "bob", "master"), false},
		{"oauthbearer", sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: "anna", Token: "tok"}), true},
		{"xoauth2", xoauth("tok"), true},
		{"expired token", xoauth("old"), false},
	}
	for _, tt := range tests {
		c, err := imapclient.DialStartTLS(s.Addr(), &imapclient.Options{TLSConfig: ca.Client("")})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Authenticate(tt.client); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
		_ = c.Close()
	}
	if err := dialIMAP(t, s, nil).Login("anna", "secret").Wait(); err == nil {
		t.Error("login over cleartext although TLS is required")
	}
}

type xoauth2Client string

func (x xoauth2Client) Start() (string, []byte, error) { return "XOAUTH2", []byte(x), nil }
func (x xoauth2Client) Next(_ []byte) ([]byte, error)  { return []byte{}, nil }

func TestSessionLimit(t *testing.T) {
	s := startIMAP(t, IMAPConfig{MaxSessions: 1})
	first := loginIMAP(t, s, nil)
	if err := dialIMAP(t, s, nil).Login("anna", "secret").Wait(); err == nil {
		t.Error("second session accepted")
	}
	if err := first.Logout().Wait(); err != nil {
		t.Fatal(err)
	}
	if n := s.Sessions("anna"); n > 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestAppendDoneButReplyLost(t *testing.T) {
	s := startIMAP(t, IMAPConfig{Hook: func(call IMAPCall) *IMAPFault {
		if call.Command == "APPEND" && call.Stage == After {
			return &IMAPFault{Drop: true}
		}
		return nil
	}})
	c := loginIMAP(t, s, nil)
	cmd := c.Append("INBOX", 4, nil)
	_, _ = io.WriteString(cmd, "A:b\n")
	_ = cmd.Close()
	if _, err := cmd.Wait(); err == nil {
		t.Error("the client was told of the success")
	}
	if n, _ := s.Count("anna", "INBOX"); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestHookRefusals(t *testing.T) {
	var fault atomic.Pointer[IMAPFault]
	s := startIMAP(t, IMAPConfig{Hook: func(call IMAPCall) *IMAPFault {
		if call.Command == "STATUS" && call.Stage == Before {
			return fault.Load()
		}
		return nil
	}})
	for _, tt := range []struct {
		fault IMAPFault
		want  string
	}{
		{IMAPFault{Code: "OVERQUOTA", Text: "full"}, "imap: NO [OVERQUOTA] full"},
		{IMAPFault{Type: "BAD", Text: "Request is throttled. Suggested Backoff Time: 1000 milliseconds"}, "imap: BAD Request is throttled. Suggested Backoff Time: 1000 milliseconds"},
	} {
		fault.Store(&tt.fault)
		c := loginIMAP(t, s, nil)
		if _, err := c.Status("INBOX", &imap.StatusOptions{UIDNext: true}).Wait(); err == nil || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
	fault.Store(&IMAPFault{Type: "BYE", Text: "restarting"})
	c := loginIMAP(t, s, nil)
	if _, err := c.Status("INBOX", &imap.StatusOptions{UIDNext: true}).Wait(); err == nil {
		t.Error("BYE was no error")
	}
}

func TestQuirks(t *testing.T) {
	s := startIMAP(t, IMAPConfig{NoKeywords: true, MergeEqual: true, Rewrite: func(b []byte) []byte { return append([]byte("X-New: 1\r\n"), b...) }})
	c := loginIMAP(t, s, nil)
	one := mustAppend(t, c, "INBOX", []byte("A: b\r\n\r\n"), nil)
	two := mustAppend(t, c, "INBOX", []byte("A: b\r\n\r\n"), nil)
	if n, _ := s.Count("anna", "INBOX"); n != 1 || one.UID != two.UID {
		t.Errorf("%d messages, UIDs %d and %d", n, one.UID, two.UID)
	}
	if b, _ := s.Bytes("anna", "INBOX", 1); string(b) != "X-New: 1\r\nA: b\r\n\r\n" {
		t.Errorf("stored %q", b)
	}
	cmd := c.Append("INBOX", 4, &imap.AppendOptions{Flags: []imap.Flag{"$Forwarded"}})
	_, _ = io.WriteString(cmd, "A:b\n")
	_ = cmd.Close()
	if _, err := cmd.Wait(); err == nil {
		t.Error("keyword accepted")
	}
}

func TestStopAndRestartKeepsMailAndPort(t *testing.T) {
	s := startIMAP(t, IMAPConfig{})
	c := loginIMAP(t, s, nil)
	mustAppend(t, c, "INBOX", []byte("A: b\r\n\r\n"), nil)
	addr := s.Addr()
	s.Stop()
	s.Stop()
	if err := c.Noop().Wait(); err == nil {
		t.Error("the connection survived Stop")
	}
	if n := s.Sessions("anna"); n != 0 || s.Open() != 0 {
		t.Errorf("%d sessions, %d connections after Stop", n, s.Open())
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if s.Addr() != addr {
		t.Errorf("address %s, was %s", s.Addr(), addr)
	}
	status, err := loginIMAP(t, s, nil).Status("INBOX", &imap.StatusOptions{NumMessages: true}).Wait()
	if err != nil || *status.NumMessages != 1 {
		t.Errorf("%v, %v", status, err)
	}
}

func TestAdministration(t *testing.T) {
	s := NewIMAP(IMAPConfig{})
	s.AddUser("anna", "secret")
	steps := []error{
		s.CreateFolder("anna", "A", ""), s.CreateFolder("anna", "A/B", ""), s.RenameFolder("anna", "A", "Z"),
	}
	for i := range 3 {
		_, err := s.Append("anna", "Z/B", fmt.Appendf(nil, "N: %d\r\n\r\n", i), nil, time.Time{})
		steps = append(steps, err)
	}
	_, err := s.Move("anna", "Z/B", 2, "Z")
	steps = append(steps, err, s.RestoreBackup("anna", "Z/B", 1))
	for i, err := range steps {
		if err != nil {
			t.Errorf("step %d: %v", i, err)
		}
	}
	dump, _ := s.Dump("anna")
	if dump[1].Path != "Z" || dump[2].Path != "Z/B" || len(dump[1].Messages) != 1 {
		t.Fatalf("%+v", dump)
	}
	before := dump[2]
	if before.UIDNext != 2 || !slices.Equal(uids(before), []uint32{1}) {
		t.Errorf("after the restored backup: %+v", before)
	}
	if err := s.Revalidate("anna", "Z/B"); err != nil {
		t.Fatal(err)
	}
	dump, _ = s.Dump("anna")
	if dump[2].UIDValidity == before.UIDValidity || dump[2].Messages[0].SHA256 != sha256.Sum256([]byte("N: 0\r\n\r\n")) {
		t.Errorf("after a new UIDVALIDITY: %+v", dump[2])
	}
	if _, err := s.Dump("nobody"); err == nil {
		t.Error("dumped a user who does not exist")
	}
}

func BenchmarkFetch(b *testing.B) {
	s := startIMAP(b, IMAPConfig{})
	g := corpus.New(1)
	g.MaxSize = 64 << 10
	folders := []corpus.Folder{{Path: "INBOX"}}
	for range 4000 {
		folders[0].Messages = append(folders[0].Messages, g.Next())
	}
	if err := s.Fill("anna", folders); err != nil {
		b.Fatal(err)
	}
	c := loginIMAP(b, s, nil)
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		b.Fatal(err)
	}
	options := &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}}
	for b.Loop() {
		if got, err := c.Fetch(imap.SeqSet{{Start: 1}}, options).Collect(); err != nil || len(got) != 4000 {
			b.Fatal(len(got), err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	s := startIMAP(b, IMAPConfig{})
	c := loginIMAP(b, s, nil)
	m := corpus.New(1).Next()
	for b.Loop() {
		mustAppend(b, c, "INBOX", m.Bytes, nil)
	}
}
