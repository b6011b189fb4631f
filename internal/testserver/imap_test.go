package testserver

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

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

// TestPipelinedAppend sends many APPENDs with non-synchronising literals before it reads one answer.
func TestPipelinedAppend(t *testing.T) {
	s := startIMAP(t, IMAPConfig{})
	conn := newDialogue(dialTCP(t, s.Addr()))
	g := corpus.New(12)
	g.MaxSize = 64 << 10
	var all bytes.Buffer
	all.WriteString("a LOGIN anna secret\r\n")
	messages := make([]corpus.Message, 300)
	for i := range messages {
		messages[i] = g.Next()
		fmt.Fprintf(&all, "a%d APPEND INBOX (\\Seen) {%d+}\r\n%s\r\n", i, len(messages[i].Bytes), messages[i].Bytes)
	}
	all.WriteString("missing APPEND Nowhere {4+}\r\nA: b\r\nz LOGOUT\r\n")
	go func() { _ = conn.send(all.String()) }()
	answers, err := io.ReadAll(conn.in)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(answers, []byte("OK [APPENDUID 1 ")); n != len(messages) {
		t.Errorf("%d APPENDs answered OK", n)
	}
	if !bytes.Contains(answers, []byte("missing NO [TRYCREATE]")) {
		t.Errorf("no TRYCREATE in %q", answers[len(answers)-200:])
	}
	dump, _ := s.Dump("anna")
	for i, m := range messages {
		if dump[0].Messages[i].SHA256 != sha256.Sum256(m.Bytes) {
			t.Errorf("message %d (%s) differs", i, m.Kind)
		}
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
