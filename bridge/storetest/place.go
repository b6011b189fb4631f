package storetest

import (
	"slices"
	"strings"

	"posthouse/bridge"
	"posthouse/cutover"
)

func (s *suite) foldersByRole() {
	inbox, err := s.store.EnsureFolder(s.ctx, cutover.Folder{Path: cutover.FolderPath{"inbox"}, Role: cutover.Inbox, Kind: s.Kind})
	if err != nil || inbox.Name != s.inbox.Name {
		s.Errorf("INBOX by role: %+v, %v", inbox, err)
	}
	for _, role := range []cutover.FolderRole{cutover.Sent, cutover.Drafts, cutover.Junk, cutover.Trash, cutover.Archive} {
		want := cutover.Folder{Path: cutover.FolderPath{"Our " + string(role)}, Role: role, Kind: s.Kind}
		made, err := s.store.EnsureFolder(s.ctx, want)
		s.ok(err)
		again, err := s.open().EnsureFolder(s.ctx, cutover.Folder{Path: made.Path, Kind: s.Kind})
		if err != nil || again.Name != made.Name {
			s.Errorf("%s: made %+v, then found %+v, %v", role, made, again, err)
		}
	}
}

func (s *suite) foldersByPath() {
	paths := []cutover.FolderPath{
		{"Projects"}, {"Projects", "2019"}, {"Größe & Co", "Ελλάδα", "日本語"}, {"a", "b", "c", "d"}, {"quo\"ted name"}, {"&"}, {"emoji 😀"},
	}
	for i, path := range paths {
		made, err := s.store.EnsureFolder(s.ctx, cutover.Folder{Path: path, Kind: s.Kind})
		s.ok(err)
		path = s.taken(path)
		if made.Path.Key() != path.Key() {
			s.Errorf("%s was made as %s", path, made.Path)
		}
		if listed := s.folder(path); listed.Name != made.Name || listed.Foreign || listed.NoSelect {
			s.Errorf("%s is listed as %+v", path, listed)
		}
		again, err := s.store.EnsureFolder(s.ctx, cutover.Folder{Path: path, Kind: s.Kind})
		if err != nil || again.Name != made.Name {
			s.Errorf("%s again: %+v, %v", path, again, err)
		}
		outcomes := s.putAll(made, s.putItems(i+1, i+1)) // some calendars refuse a UID that another one has
		if err := outcomes[i+1].Err; err != nil || len(s.refs(made)) != 1 {
			s.Errorf("%s does not take items: %v", path, err)
		}
	}
}

// taken is the path in the letters that the server takes.
func (s *suite) taken(path cutover.FolderPath) cutover.FolderPath {
	if s.Kind.Objects() { // calendars do not lie in calendars
		return cutover.FolderPath{s.Home[0], strings.Join(path, " / ")}
	}
	taken := slices.Clone(path)
	for i, element := range taken {
		taken[i] = strings.Map(func(r rune) rune {
			if strings.ContainsRune(s.Refuses, r) {
				return '_'
			}
			return r
		}, element)
	}
	return taken
}

// foldersAtOnce: many are made with one call, nested ones with their parents; what is there already stays, and what is refused is left to EnsureFolder.
func (s *suite) foldersAtOnce() {
	all, can := s.store.(bridge.Preparer)
	if !can {
		return
	}
	wanted := []cutover.Folder{
		{Path: cutover.FolderPath{"INBOX"}, Role: cutover.Inbox, Kind: s.Kind}, {Path: cutover.FolderPath{"Our Sent"}, Role: cutover.Sent, Kind: s.Kind},
		{Path: cutover.FolderPath{"x", "y", "z"}, Kind: s.Kind}, {Path: cutover.FolderPath{"x", "Größe & Co"}, Kind: s.Kind},
		{Path: cutover.FolderPath{`a\b`}, Kind: s.Kind},
	}
	for range 2 {
		s.ok(all.PrepareFolders(s.ctx, wanted))
	}
	made := map[string]bool{}
	for _, want := range wanted {
		f, err := s.store.EnsureFolder(s.ctx, want)
		s.ok(err)
		if made[f.Name] {
			s.Errorf("%s is %s, as another one is", want.Path, f.Name)
		}
		made[f.Name] = true
	}
	folders, err := s.open().Folders(s.ctx)
	s.ok(err)
	for _, f := range folders {
		delete(made, f.Name)
	}
	if len(made) > 0 {
		s.Errorf("not listed: %v", made)
	}
}

// subscriptions: folders are made subscribed unless they are wanted otherwise, and subscribed to later; what cannot be subscribed to is no failure.
func (s *suite) subscriptions() {
	all, can := s.store.(bridge.Subscriber)
	if !can {
		return
	}
	made := map[string]cutover.Folder{}
	for name, wanted := range map[string]cutover.Subscription{"Shown": "", "Chosen": cutover.Subscribed, "Hidden": cutover.Unsubscribed, "Later": cutover.Unsubscribed} {
		f, err := s.store.EnsureFolder(s.ctx, cutover.Folder{Path: cutover.FolderPath{name}, Kind: s.Kind, Subscription: wanted})
		s.ok(err)
		made[name] = f
	}
	s.ok(all.Subscribe(s.ctx, []cutover.Folder{{Path: cutover.FolderPath{"None"}, Name: "None", Kind: s.Kind}, made["Later"]}))
	folders, err := s.open().Folders(s.ctx)
	s.ok(err)
	s.ok(s.open().(bridge.Subscriber).Subscriptions(s.ctx, folders))
	for _, f := range folders {
		if _, ours := made[f.Name]; ours && (f.Subscription == cutover.Unsubscribed) != (f.Name == "Hidden") || f.Subscription == "" && f.Name != "INBOX" {
			s.Errorf("%s is %q", f.Name, f.Subscription)
		}
	}
}

// refusedName: what a server refuses is made under a name that it takes, and found again.
func (s *suite) refusedName() {
	for _, name := range []string{"~peter", "#news", `a\b`, "ends with a dot.", " blanks "} {
		want := cutover.Folder{Path: cutover.FolderPath{name}, Kind: s.Kind}
		made, err := s.store.EnsureFolder(s.ctx, want)
		s.ok(err)
		again, err := s.open().EnsureFolder(s.ctx, want)
		if err != nil || again.Name != made.Name {
			s.Errorf("%q was made as %s, then %s, %v", name, made.Path, again.Path, err)
		}
	}
}

func (s *suite) separatorInName() {
	want := cutover.Folder{Path: cutover.FolderPath{"Invoices", "2019" + s.Separator + "20"}, Kind: s.Kind}
	made, err := s.store.EnsureFolder(s.ctx, want)
	s.ok(err)
	if len(made.Path) != 2 || made.Path[1] != "2019_20" {
		s.Errorf("%s was made as %q", want.Path, made.Path)
	}
	again, err := s.open().EnsureFolder(s.ctx, want)
	if err != nil || again.Name != made.Name {
		s.Errorf("again: %+v, %v", again, err)
	}
}

// foreseen: what would become of a folder is told without making it, and becomes of it.
func (s *suite) foreseen() {
	seer, can := s.store.(bridge.Foreseer)
	if !can {
		return
	}
	for _, want := range []cutover.Folder{
		{Path: cutover.FolderPath{"inbox"}, Role: cutover.Inbox}, {Path: cutover.FolderPath{"Our Sent"}, Role: cutover.Sent}, {Path: cutover.FolderPath{"Projects", "2019"}},
		{Path: cutover.FolderPath{"Projects"}}, {Path: cutover.FolderPath{"Größe & Co"}}, {Path: cutover.FolderPath{"2019" + s.Separator + "20"}},
	} {
		want.Kind = s.Kind
		before := s.names()
		would, exists, err := seer.WouldBe(s.ctx, want)
		s.ok(err)
		if after := s.names(); !slices.Equal(before, after) {
			s.Errorf("looking for %s changed the folders from %v to %v", want.Path, before, after)
		}
		if exists != slices.Contains(before, would.Name) {
			s.Errorf("%s is said to be %+v, exists %v, among %v", want.Path, would, exists, before)
		}
		made, err := s.store.EnsureFolder(s.ctx, want)
		if err != nil || made.Path.Key() != would.Path.Key() || exists && made.Name != would.Name {
			s.Errorf("%s was said to become %+v, and became %+v, %v", want.Path, would, made, err)
		}
		if again, exists, err := seer.WouldBe(s.ctx, want); err != nil || !exists || again.Name != made.Name {
			s.Errorf("%s was made as %s and is said to be %+v, exists %v, %v", want.Path, made.Name, again, exists, err)
		}
	}
}

// names are those of all folders, as another client lists them.
func (s *suite) names() (names []string) {
	s.Helper()
	folders, err := s.open().Folders(s.ctx)
	s.ok(err)
	for _, f := range folders {
		if !f.NoSelect {
			names = append(names, f.Name)
		}
	}
	return names
}
