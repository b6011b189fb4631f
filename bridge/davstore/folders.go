package davstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"posthouse/bridge"
	"posthouse/cutover"
)

// collection is one calendar or address book as the server lists it.
type collection struct {
	cutover.Folder
	at    *url.URL
	token string // of the state that it is in (sync-token); empty where the server does not tell
	ctag  string
}

// title begins the paths of a kind's folders.
func title(kind cutover.FolderKind) string {
	if kind == cutover.Contacts {
		return "Address books"
	}
	return "Calendars"
}

const collectionProps = "<D:resourcetype/><D:displayname/><D:sync-token/><S:getctag/><D:owner/><C:calendar-description/><A:addressbook-description/><I:calendar-color/>" +
	"<C:calendar-timezone/><C:supported-calendar-component-set/>" + keepsake

// Folders lists calendars, then address books: all or none.
func (s *Store) Folders(ctx context.Context) ([]cutover.Folder, error) {
	all, err := s.listAll(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing calendars and address books: %w", err)
	}
	s.mu.Lock()
	s.seen = all
	s.mu.Unlock()
	folders := make([]cutover.Folder, len(all))
	for i, c := range all {
		folders[i] = c.Folder
	}
	return folders, nil
}

// listAll is the list, or an error where the server failed to tell what something in a home is: a calendar that is merely not listed would be made a second time, and missed by nobody on the old side.
func (s *Store) listAll(ctx context.Context) ([]collection, error) {
	all, dark, err := s.list(ctx)
	if err == nil && dark != nil {
		err = dark
	}
	return all, err
}

// list is what the server lists; dark is why that may not be all.
func (s *Store) list(ctx context.Context) (all []collection, dark, err error) {
	at, err := s.places(ctx)
	if err != nil {
		return nil, nil, err
	}
	asked := map[string]found{} // many servers have one home for both
	for _, kind := range s.o.Kinds {
		home := at.homes[kind]
		if home == nil {
			continue
		}
		got, known := asked[home.String()]
		if !known {
			if got, err = s.listHome(ctx, home); err != nil {
				return nil, nil, err
			}
			asked[home.String()] = got
			dark = errors.Join(dark, got.dark())
		}
		var here []collection
		for _, r := range got.Responses {
			p, ok := r.prop()
			u, err := got.at.Parse(r.Href)
			if !ok || err != nil || p.Type.kind() != kind || !trusted(got.at, u) {
				continue
			}
			here = append(here, collectionOf(kind, u, p, at))
		}
		slices.SortFunc(here, func(a, b collection) int { return strings.Compare(a.Name, b.Name) })
		markDefault(here, at.first)
		apart(here)
		all = append(all, here...)
	}
	return all, dark, nil
}

// dark names what is in a listed home and of which the server failed to tell what it is, or what it is called.
func (f found) dark() error {
	for _, r := range f.Responses {
		_, told := r.prop()
		nameless := slices.ContainsFunc(r.Propstats, func(s propstat) bool { return transient(status(s.Status)) && s.Prop.DisplayName != nil })
		if (nameless || !told && r.failed()) && nameIn(f.at, r.Href) != "" {
			return fmt.Errorf("the server fails to tell what %s is", r.Href)
		}
	}
	return nil
}

// listHome lists a home, once more where something of a collection had to be restored first.
func (s *Store) listHome(ctx context.Context, home *url.URL) (found, error) {
	got, err := s.propfind(ctx, home, 1, collectionProps)
	if err != nil {
		return got, err
	}
	if len(got.Responses) == 0 { // not even the home
		return got, fmt.Errorf("PROPFIND %s: an answer about nothing", home.Redacted())
	}
	for _, r := range got.Responses {
		if p, ok := r.prop(); ok && p.Unfinished != "" && nameIn(got.at, r.Href) == "" {
			if did, err := s.restore(ctx, got.at, p.Unfinished); err != nil || !did {
				return got, err
			}
			return s.propfind(ctx, home, 1, collectionProps)
		}
	}
	return got, nil
}

func collectionOf(kind cutover.FolderKind, u *url.URL, p prop, at *places) collection {
	name := ""
	if p.DisplayName != nil {
		name = strings.TrimSpace(*p.DisplayName)
	}
	if name == "" {
		name = lastElement(u)
	}
	c := collection{Folder: cutover.Folder{Kind: kind, Name: u.String(), Path: cutover.FolderPath{title(kind), name}}, at: u, token: p.SyncToken, ctag: p.CTag}
	c.Look = cutover.Look{Description: strings.TrimSpace(p.CalendarAbout + p.ContactsAbout), Colour: strings.TrimSpace(p.Colour), TimeZone: strings.TrimSpace(p.TimeZone)}
	var names []string
	for _, comp := range p.Components.Comps {
		names = append(names, comp.Name)
	}
	c.Look.Components = strings.Join(names, " ")
	if owner, err := u.Parse(p.Owner.Href); err == nil && p.Owner.Href != "" && at.principal != nil {
		c.Foreign = strings.TrimSuffix(owner.Path, "/") != strings.TrimSuffix(at.principal.Path, "/")
	}
	c.Foreign = c.Foreign || p.Type.Shared != nil
	return c
}

func lastElement(u *url.URL) string {
	name, err := url.PathUnescape(path.Base(strings.TrimSuffix(u.EscapedPath(), "/")))
	if err != nil {
		return path.Base(u.Path)
	}
	return name
}

// defaults are how servers name the collection that they make for a new user.
var defaults = []string{"default", "calendar", "personal", "home", "contacts", "card", "addressbook", "addresses"}

// markDefault gives one collection the role: the one that the server names, else one with a usual name, else the only one.
func markDefault(all []collection, named *url.URL) {
	is := func(c collection) bool { return false }
	if named != nil {
		is = func(c collection) bool { return strings.Trim(c.at.Path, "/") == strings.Trim(named.Path, "/") }
	}
	i := slices.IndexFunc(all, func(c collection) bool { return !c.Foreign && is(c) })
	for _, usual := range defaults {
		if i < 0 {
			i = slices.IndexFunc(all, func(c collection) bool {
				return !c.Foreign && holdsEvents(c) && strings.EqualFold(lastElement(c.at), usual)
			})
		}
	}
	if i < 0 && len(all) == 1 && !all[0].Foreign {
		i = 0
	}
	if i >= 0 {
		all[i].Role = cutover.Default
	}
}

func holdsEvents(c collection) bool {
	return c.Kind != cutover.Calendar || c.Look.Components == "" || strings.Contains(c.Look.Components, "VEVENT")
}

// apart gives collections of one name paths of their own.
func apart(all []collection) {
	times := map[string]int{}
	for _, c := range all {
		times[c.Path.Key()]++
	}
	for i, c := range all {
		if times[c.Path.Key()] > 1 {
			all[i].Path = cutover.FolderPath{c.Path[0], c.Path[1] + " (" + lastElement(c.at) + ")"}
		}
	}
}

// match finds the collection for a folder that is wanted: by role, then by name.
func match(all []collection, want cutover.Folder) *collection {
	for _, same := range []func(collection) bool{
		func(c collection) bool { return want.Role != cutover.NoRole && c.Role == want.Role },
		func(c collection) bool { return c.Path.Key() == want.Path.Key() },
		func(c collection) bool { return c.Path[1] == nameOf(want) },
	} {
		if i := slices.IndexFunc(all, func(c collection) bool { return c.Kind == want.Kind && !c.Foreign && same(c) }); i >= 0 {
			return &all[i]
		}
	}
	return nil
}

// nameOf is what a wanted collection is called.
func nameOf(want cutover.Folder) string {
	name := want.Path
	if len(name) > 1 && name[0] == title(want.Kind) {
		name = name[1:]
	}
	return strings.TrimSpace(strings.Join(name, " / "))
}

// WouldBe implements bridge.Foreseer.
func (s *Store) WouldBe(ctx context.Context, want cutover.Folder) (f cutover.Folder, exists bool, err error) {
	all, dark, err := s.list(ctx)
	if err != nil {
		return f, false, err
	}
	if c := match(all, want); c != nil {
		return c.Folder, true, nil
	}
	if dark != nil {
		return f, false, dark
	}
	return cutover.Folder{Kind: want.Kind, Role: want.Role, Path: cutover.FolderPath{title(want.Kind), nameOf(want)}}, false, nil
}

// EnsureFolder finds the collection or makes it, with the look that is wanted as far as the server takes it. None is made while the server cannot tell what there is.
func (s *Store) EnsureFolder(ctx context.Context, want cutover.Folder) (cutover.Folder, error) {
	all, dark, err := s.list(ctx)
	if err != nil {
		return cutover.Folder{}, err
	}
	if c := match(all, want); c != nil && (dark == nil || c.Path.Key() == want.Path.Key()) {
		return c.Folder, nil
	}
	if dark != nil {
		return cutover.Folder{}, dark
	}
	at, err := s.places(ctx)
	if err != nil {
		return cutover.Folder{}, err
	}
	home := at.homes[want.Kind]
	if home == nil {
		return cutover.Folder{}, fmt.Errorf("there is no home for %s: %w", title(want.Kind), bridge.ErrUnsupported)
	}
	made, err := s.makeCollection(ctx, home, want, all)
	if err != nil {
		return cutover.Folder{}, fmt.Errorf("making %s: %w", want.Path, err)
	}
	if all, _, err = s.list(ctx); err != nil {
		return cutover.Folder{}, err
	}
	for _, c := range all {
		if strings.Trim(c.at.Path, "/") == strings.Trim(made.Path, "/") {
			return c.Folder, nil
		}
	}
	return cutover.Folder{}, fmt.Errorf("%s was made and is not listed", want.Path)
}

// makeCollection tries with everything, then with the name alone, then with nothing, for servers that refuse what they do not know.
func (s *Store) makeCollection(ctx context.Context, home *url.URL, want cutover.Folder, all []collection) (*url.URL, error) {
	at := member(home, s.freeName(want, all))
	at.Path, at.RawPath = at.Path+"/", at.EscapedPath()+"/"
	named := "<D:displayname>" + escape(nameOf(want)) + "</D:displayname>"
	var last error
	for _, props := range []string{named + lookProps(want), named, ""} {
		r := makeRequest(at, want.Kind, props)
		got, err := s.do(ctx, r)
		if err != nil {
			return nil, err
		}
		if got.status/100 == 2 && got.status != http.StatusMultiStatus {
			if props == "" {
				return at, s.rename(ctx, at, named)
			}
			return at, nil
		}
		last = unexpected(r, got)
	}
	return nil, fmt.Errorf("%w: %w", bridge.ErrRefused, last)
}

func makeRequest(at *url.URL, kind cutover.FolderKind, props string) request {
	r := request{at: at, header: map[string]string{"Content-Type": xmlType}}
	if kind == cutover.Contacts {
		r.method = "MKCOL" // RFC 5689
		r.body = []byte(xmlHead + "<D:mkcol " + namespaces + "><D:set><D:prop><D:resourcetype><D:collection/><A:addressbook/></D:resourcetype>" + props + "</D:prop></D:set></D:mkcol>")
		return r
	}
	r.method = "MKCALENDAR" // RFC 4791 §5.3.1
	if props != "" {
		r.body = []byte(xmlHead + "<C:mkcalendar " + namespaces + "><D:set><D:prop>" + props + "</D:prop></D:set></C:mkcalendar>")
	}
	return r
}

func lookProps(want cutover.Folder) string {
	var out strings.Builder
	set := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&out, "<%s>%s</%s>", name, escape(value), name)
		}
	}
	if want.Kind == cutover.Contacts {
		set("A:addressbook-description", want.Look.Description)
		return out.String()
	}
	set("C:calendar-description", want.Look.Description)
	set("I:calendar-color", want.Look.Colour)
	set("C:calendar-timezone", want.Look.TimeZone)
	if want.Look.Components != "" {
		out.WriteString("<C:supported-calendar-component-set>")
		for _, comp := range strings.Fields(want.Look.Components) {
			out.WriteString(`<C:comp name="` + escape(comp) + `"/>`)
		}
		out.WriteString("</C:supported-calendar-component-set>")
	}
	return out.String()
}

// rename sets the name of a collection that was made without. A server that takes none calls it as its address does.
func (s *Store) rename(ctx context.Context, at *url.URL, props string) error {
	_, err := s.do(ctx, request{method: "PROPPATCH", at: at, header: map[string]string{"Content-Type": xmlType},
		body: []byte(xmlHead + "<D:propertyupdate " + namespaces + "><D:set><D:prop>" + props + "</D:prop></D:set></D:propertyupdate>")})
	return ignorable(ctx, err)
}

// freeName is an element of an address that no collection has.
func (s *Store) freeName(want cutover.Folder, all []collection) string {
	slug := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, nameOf(want)), "-")
	if strings.Trim(slug, "-") == "" {
		slug = string(want.Kind)
	}
	slug = slug[:min(len(slug), 40)]
	for n := 1; ; n++ {
		name := slug
		if n > 1 {
			name = fmt.Sprintf("%s-%d", slug, n)
		}
		if !slices.ContainsFunc(all, func(c collection) bool { return strings.EqualFold(lastElement(c.at), name) }) {
			return name
		}
	}
}

// address is where a folder lies.
func address(f cutover.Folder) (*url.URL, error) {
	u, err := url.Parse(f.Name)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("folder %s: %w", f.Path, bridge.ErrGone)
	}
	return u, nil
}
