package davstore_test

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	"posthouse/bridge"
	"posthouse/bridge/davstore"
	"posthouse/bridge/storetest"
	"posthouse/cutover"
	"posthouse/test/neighbour"
)

// realBox is a mailbox on a real server, and both its ends.
type realBox struct {
	*testing.T
	at, user string // the server, and whose home it is
	home     string // the address of the home
	given    bool   // nobody can find it
	kind     cutover.FolderKind
	next     int
	made     map[string]string // by the last element of a folder's path the address
}

func (b *realBox) options() davstore.Options {
	o := davstore.Options{
		URL: b.at, Kinds: []cutover.FolderKind{b.kind}, Fresh: -1, Batch: 10, Transport: &http.Transport{},
		Authorize: func(r *http.Request) error { r.SetBasicAuth(b.user, "secret"); return nil },
	}
	if b.given {
		o.Calendars, o.Contacts = b.home, b.home
	}
	return o
}

func (b *realBox) Open(*testing.T) bridge.Store { return davstore.New(b.options()) }

func (b *realBox) place(p cutover.FolderPath, name string) string {
	return b.made[p[len(p)-1]] + url.PathEscape(name)
}

// Deliver gives names in falling order, so that the newest comes first by name.
func (b *realBox) Deliver(t *testing.T, p cutover.FolderPath, m storetest.Message) {
	b.next++
	askAs(t, b.user, http.MethodPut, b.place(p, fmt.Sprintf("%06d-ä.ics", 999999-b.next)), m.Raw, "Content-Type", mediaTypes[b.kind])
}

var mediaTypes = map[cutover.FolderKind]string{cutover.Calendar: "text/calendar; charset=utf-8", cutover.Contacts: "text/vcard; charset=utf-8"}

func (b *realBox) AddFolder(t *testing.T, p cutover.FolderPath) { b.add(t, "second", path.Join(p...)) }

func (b *realBox) add(t *testing.T, name, display string) {
	at := b.home + name + "/"
	props := "<D:set><D:prop>%s<D:displayname>" + display + "</D:displayname></D:prop></D:set>"
	if b.kind == cutover.Contacts {
		kind := "<D:resourcetype><D:collection/><A:addressbook/></D:resourcetype>"
		askAs(t, b.user, "MKCOL", at, fmt.Appendf(nil, `<D:mkcol xmlns:D="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav">`+props+"</D:mkcol>", kind), "Content-Type", "application/xml")
	} else {
		askAs(t, b.user, "MKCALENDAR", at, fmt.Appendf(nil, `<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">`+props+"</C:mkcalendar>", ""), "Content-Type", "application/xml")
	}
	b.made[path.Base(display)] = at
}

func (b *realBox) SetFlags(t *testing.T, _ cutover.FolderPath, _ cutover.Ref, _ ...string) {
	t.Fatal("objects have no flags")
}

func (b *realBox) Remove(t *testing.T, p cutover.FolderPath, ref cutover.Ref) {
	askAs(t, b.user, http.MethodDelete, b.place(p, string(ref)), nil)
}

func (b *realBox) Renew(t *testing.T, _ cutover.FolderPath) { t.Fatal("nobody makes it forget") }

func (b *realBox) Change(t *testing.T, p cutover.FolderPath, ref cutover.Ref, raw []byte) {
	askAs(t, b.user, http.MethodPut, b.place(p, string(ref)), raw, "Content-Type", mediaTypes[b.kind])
}

// TestRealConformance runs the suite on real servers. Each test has a user of its own.
func TestRealConformance(t *testing.T) {
	t.Parallel()
	users := map[string]string{}
	for n := range 100 {
		users[fmt.Sprint("user", n)] = "secret"
	}
	radicale := neighbour.Radicale(t, "radicale", users, "")
	cyrusUsers := map[string]string{}
	for n := range 80 {
		cyrusUsers[fmt.Sprint("user", n)] = "secret"
	}
	cyrus := neighbour.CyrusDAV(t, "cyrus", cyrusUsers)
	xandikos := neighbour.Xandikos(t, "xandikos", "anna")
	for name, of := range map[string]struct {
		server *neighbour.DAV
		homes  map[cutover.FolderKind]string
		change func(*storetest.Habits)
	}{
		"Radicale": {radicale, map[cutover.FolderKind]string{cutover.Calendar: "%s/", cutover.Contacts: "%s/"}, func(h *storetest.Habits) { h.Own = true }},
		"Xandikos": {xandikos, map[cutover.FolderKind]string{cutover.Calendar: "%s/", cutover.Contacts: "%s/"}, func(h *storetest.Habits) { h.Own = true }},
		"Cyrus": {cyrus, map[cutover.FolderKind]string{cutover.Calendar: "dav/calendars/user/%s/", cutover.Contacts: "dav/addressbooks/user/%s/"}, func(h *storetest.Habits) {
			h.Own, h.Home = true, map[cutover.FolderKind]cutover.FolderPath{cutover.Calendar: {"Calendars", "personal"}, cutover.Contacts: {"Address books", "personal"}}[h.Kind]
		}},
	} {
		next := 0
		for _, kind := range []cutover.FolderKind{cutover.Calendar, cutover.Contacts} {
			habits := storetest.Habits{Kind: kind, Home: cutover.FolderPath{"Calendars", "default"}, Batch: 10, Places: true, Glances: true, Tails: true, Search: true, NoTokens: true}
			if kind == cutover.Contacts {
				habits.Home = cutover.FolderPath{"Address books", "default"}
			}
			of.change(&habits)
			t.Run(name+" "+string(kind), func(t *testing.T) {
				storetest.Run(t, habits, func(t *testing.T) storetest.Mailbox {
					b := &realBox{T: t, at: of.server.URL, user: fmt.Sprint("user", next), kind: kind, made: map[string]string{}}
					next++
					b.home = of.server.URL + fmt.Sprintf(of.homes[kind], b.user)
					if strings.HasPrefix(name, "Cyrus") {
						b.made[habits.Home[1]] = b.home + "Default/"
						return b
					}
					if b.given = name[0] == 'X'; b.given { // it knows one user
						askAs(t, b.user, "MKCOL", b.home, nil, "Content-Type", "")
					}
					b.add(t, "default", "default")
					return b
				})
			})
		}
	}
}
