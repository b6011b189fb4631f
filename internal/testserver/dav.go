package testserver

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// DAVKind is what a collection holds.
type DAVKind string

// The kinds of collections.
const (
	DAVCalendar DAVKind = "calendar"
	DAVContacts DAVKind = "addressbook"
)

// DAVConfig says how a CalDAV and CardDAV server behaves. The zero value is a friendly, modern server without TLS that does no scheduling.
type DAVConfig struct {
	// Addr is where to listen; empty means a free port of 127.0.0.1.
	Addr string
	TLS  *tls.Config
	// NoSync and NoCTag are servers without sync-collection and getctag; NoLength tells no getcontentlength.
	NoSync, NoCTag, NoLength bool
	// SyncLimit, if not 0, is how many changes are told at a time (RFC 6578 §3.6).
	SyncLimit int
	// Brittle fails a whole multiget for one member that is not there.
	Brittle bool
	// Rewrite is what becomes of an object that is put. Then no ETag is told.
	Rewrite func(raw []byte) []byte
	// Hide leaves members out of lists, though they can be read.
	Hide func(name string) bool
	// Refuse, if it returns a precondition's name for an object, refuses it with 403.
	Refuse func(raw []byte) string
	// MaxObject, if not 0, is how many octets an object may have.
	MaxObject int
	// Schedules makes the server send invitations and replies by itself (RFC 6638). It counts them and sends none.
	Schedules bool
	// NoMove refuses MOVE.
	NoMove bool
	// NoMultiget refuses every multiget.
	NoMultiget bool
	// WeakETags names versions weakly, and holds conditions to their letters. ContentETags names them by the octets alone.
	WeakETags, ContentETags bool
	// NoGetETag answers a GET without the version.
	NoGetETag bool
	// ForgottenToken is the status for a token that is not known; 403 when 0.
	ForgottenToken int
	// Relocate, if set, is the name that a new object is stored under in place of the one that it was put as, which Location tells.
	Relocate func(name string) string
	// Hook, if set, is asked before each request: a status other than 0 is the answer. It is called from many goroutines and without locks held.
	Hook func(r *http.Request) int
	// Drop, if it returns true, breaks the connection after a request was carried out, and before it is answered.
	Drop func(r *http.Request) bool
}

// DAV is a server of calendars and address books in memory. The home of a user is /USER/, his password is the one that AddUser was given.
type DAV struct {
	cfg    DAVConfig
	server *http.Server
	addr   string

	mu       sync.Mutex
	users    map[string]*davUser
	messages []string
	asked    map[string]int
	eras     int // collections that were made, or forgot their tokens
}

type davUser struct {
	password    string
	address     string
	collections map[string]*davCollection
}

type davCollection struct {
	kind    DAVKind
	props   map[string]string // inner XML by full name
	members map[string]*davObject
	gone    map[string]int
	rev     int
	era     int
	cfg     *DAVConfig
}

type davObject struct {
	raw  []byte
	etag string
	rev  int
}

// NewDAV makes a server; nothing listens before Start.
func NewDAV(cfg DAVConfig) *DAV {
	return &DAV{cfg: cfg, users: map[string]*davUser{}, asked: map[string]int{}}
}

// Start listens and serves.
func (s *DAV) Start() error {
	addr := s.cfg.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s.addr = l.Addr().String()
	if s.cfg.TLS != nil {
		l = tls.NewListener(l, s.cfg.TLS)
	}
	s.server = &http.Server{Handler: s}
	go func() { _ = s.server.Serve(l) }() // it ends with Stop
	return nil
}

// Addr is host:port.
func (s *DAV) Addr() string { return s.addr }

// URL is the server's root.
func (s *DAV) URL() string {
	if s.cfg.TLS != nil {
		return "https://" + s.addr + "/"
	}
	return "http://" + s.addr + "/"
}

// Stop ends the server and all connections; calling it twice is harmless.
func (s *DAV) Stop() {
	if s.server != nil {
		s.server.Close() // what cannot be closed is closed already
	}
}

// AddUser makes a user with an address.
func (s *DAV) AddUser(name, password, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[name] = &davUser{password: password, address: address, collections: map[string]*davCollection{}}
}

// AddCollection makes a calendar or an address book; display may be empty.
func (s *DAV) AddCollection(user, name string, kind DAVKind, display string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.newCollection(kind)
	if display != "" {
		c.props["DAV: displayname"] = xmlText(display)
	}
	s.users[user].collections[name] = c
}

func (s *DAV) newCollection(kind DAVKind) *davCollection {
	s.eras++
	return &davCollection{kind: kind, props: map[string]string{}, members: map[string]*davObject{}, gone: map[string]int{}, rev: 1, era: s.eras, cfg: &s.cfg}
}

// Put stores an object as another client of the user would, whatever the server would say to it.
func (s *DAV) Put(user, collection, name string, raw []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[user].collections[collection].put(name, raw)
}

// Remove deletes an object.
func (s *DAV) Remove(user, collection, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[user].collections[collection].remove(name)
}

// RemoveCollection deletes a collection with all that is in it.
func (s *DAV) RemoveCollection(user, collection string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users[user].collections, collection)
}

// Rename gives an object another name, as a server does that was moved to another product.
func (s *DAV) Rename(user, collection, from, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.users[user].collections[collection]
	raw := c.members[from].raw
	c.remove(from)
	c.put(to, raw)
}

// Touch gives an object another version without changing it, as backups and repairs of servers do.
func (s *DAV) Touch(user, collection, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.users[user].collections[collection]
	if o := c.members[name]; o != nil {
		c.put(name, o.raw)
	}
}

// MoveCollection gives a collection another address. Nothing is known of its tokens there.
func (s *DAV) MoveCollection(user, from, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.users[user].collections
	c := all[from]
	delete(all, from)
	s.eras++
	all[to], c.era = c, s.eras
}

// SetProperty gives a collection a property; name is namespace, blank and local name.
func (s *DAV) SetProperty(user, collection, name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[user].collections[collection].props[name] = xmlText(value)
}

// ForgetTokens makes every sync token invalid that was given out.
func (s *DAV) ForgetTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.users {
		for _, c := range u.collections {
			s.eras++
			c.era = s.eras
			c.rev++
		}
	}
}

// Objects are what a collection holds, by name.
func (s *DAV) Objects(user, collection string) map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string][]byte{}
	if c := s.users[user].collections[collection]; c != nil {
		for name, o := range c.members {
			all[name] = o.raw
		}
	}
	return all
}

// Collections are the names of a user's collections, with what they hold.
func (s *DAV) Collections(user string) map[string]DAVKind {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]DAVKind{}
	for name, c := range s.users[user].collections {
		all[name] = c.kind
	}
	return all
}

// Property is what a collection was given, as XML; name is namespace, blank and local name.
func (s *DAV) Property(user, collection, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users[user].collections[collection].props[name]
}

// Messages are the invitations, updates and replies that would have been sent.
func (s *DAV) Messages() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Asked counts the requests by method.
func (s *DAV) Asked() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.asked)
}

func (c *davCollection) put(name string, raw []byte) *davObject {
	c.rev++
	o := &davObject{raw: raw, rev: c.rev, etag: c.version(raw)}
	c.members[name] = o
	delete(c.gone, name)
	return o
}

func (c *davCollection) version(raw []byte) string {
	sum := sha256.Sum256(raw)
	etag := `"` + hex.EncodeToString(sum[:6])
	if !c.cfg.ContentETags {
		etag += fmt.Sprintf("-%d.%d", c.era, c.rev)
	}
	if c.cfg.WeakETags {
		return "W/" + etag + `"`
	}
	return etag + `"`
}

func (c *davCollection) remove(name string) {
	if c.members[name] == nil {
		return
	}
	c.rev++
	delete(c.members, name)
	c.gone[name] = c.rev
}

func (c *davCollection) token() string {
	return fmt.Sprintf("http://testserver.example/sync/%d/%d", c.era, c.rev)
}

var (
	uidLine    = regexp.MustCompile(`(?mi)^UID(?:;[^:]*)?:(.*?)\r?$`)
	peopleLine = regexp.MustCompile(`(?mi)^(ORGANIZER|ATTENDEE)([^\r\n]*?):mailto:([^\r\n]*)\r?$`)
)

// uidOf is the first UID of an object.
func uidOf(raw []byte) string {
	found := uidLine.FindSubmatch(raw)
	if found == nil {
		return ""
	}
	return string(found[1])
}

// schedule counts the messages that a scheduling server would send for an object that is put (RFC 6638 §3.2).
func (s *DAV) schedule(u *davUser, what string, raw []byte) { s.send(u, what, raw, true) }

// cancel counts those for one that is deleted. Only an attendee's reply can be forbidden (§8.1).
func (s *DAV) cancel(u *davUser, raw []byte, reply bool) { s.send(u, "cancel", raw, reply) }

func (s *DAV) send(u *davUser, what string, raw []byte, reply bool) {
	if !s.cfg.Schedules || u.address == "" {
		return
	}
	text := strings.ReplaceAll(strings.ReplaceAll(string(raw), "\r\n ", ""), "\n ", "")
	mine, attending := false, false
	var invited, organiser []string
	for _, l := range peopleLine.FindAllStringSubmatch(text, -1) {
		who, silent := strings.ToLower(l[3]), strings.Contains(strings.ToUpper(l[2]), "SCHEDULE-AGENT=CLIENT") || strings.Contains(strings.ToUpper(l[2]), "SCHEDULE-AGENT=NONE")
		own := who == u.address
		switch {
		case strings.EqualFold(l[1], "ORGANIZER"):
			mine = mine || own
			if !own && !silent {
				organiser = append(organiser, who)
			}
		case own:
			attending = true
		case !silent:
			invited = append(invited, who)
		}
	}
	if mine {
		for _, who := range invited {
			s.messages = append(s.messages, what+" to "+who)
		}
	} else if attending && reply {
		for _, who := range organiser {
			s.messages = append(s.messages, what+" reply to "+who)
		}
	}
}
