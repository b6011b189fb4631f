package testserver

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// ServeHTTP implements http.Handler.
func (s *DAV) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if s.cfg.Hook != nil {
		if status := s.cfg.Hook(r); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	if s.cfg.Drop != nil && s.cfg.Drop(r) {
		w = nowhere{http.Header{}}
		defer panic(http.ErrAbortHandler)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[r.Method]++
	name, password, _ := r.BasicAuth()
	u := s.users[name]
	if u == nil || u.password != password {
		w.Header().Set("WWW-Authenticate", `Basic realm="dav"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/.well-known/") {
		http.Redirect(w, r, "/", http.StatusMovedPermanently)
		return
	}
	at := davPath(r.URL)
	if at.user != "" && at.user != name {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	davRequest{s: s, w: w, r: r, body: body, u: u, user: name, at: at}.serve()
}

// nowhere is an answer that nobody gets.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n nowhere) WriteHeader(int)             {}

// davPlace is what a path names: the root, a home, a collection, or a member.
type davPlace struct{ user, collection, member string }

func davPath(u *url.URL) (p davPlace) {
	parts := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	into := []*string{&p.user, &p.collection, &p.member}
	for i, part := range parts {
		if i < len(into) {
			*into[i], _ = url.PathUnescape(part)
		}
	}
	return p
}

func (p davPlace) href() string {
	out := "/"
	for _, part := range []string{p.user, p.collection} {
		if part != "" {
			out += url.PathEscape(part) + "/"
		}
	}
	if p.member != "" {
		out += url.PathEscape(p.member)
	}
	return out
}

// davRequest is one request; the server's lock is held.
type davRequest struct {
	s    *DAV
	w    http.ResponseWriter
	r    *http.Request
	body []byte
	u    *davUser
	user string
	at   davPlace
}

func (q davRequest) serve() {
	q.w.Header().Set("DAV", "1, 3, access-control, calendar-access, addressbook, extended-mkcol")
	if q.s.cfg.Schedules {
		q.w.Header().Add("DAV", "calendar-auto-schedule")
	}
	c := q.u.collections[q.at.collection]
	switch method := q.r.Method; {
	case method == http.MethodOptions:
		q.w.WriteHeader(http.StatusOK)
	case method == "MKCALENDAR", method == "MKCOL":
		q.make(c)
	case c == nil && q.at.collection != "":
		q.w.WriteHeader(http.StatusNotFound)
	case method == "PROPFIND":
		q.propfind(c)
	case method == "PROPPATCH":
		q.keepProps(c)
		q.multistatus("")
	case method == "REPORT":
		q.report(c)
	case method == http.MethodGet, method == http.MethodHead:
		q.get(c)
	case method == http.MethodPut:
		q.put(c)
	case method == http.MethodDelete:
		q.remove(c)
	case method == "MOVE" && !q.s.cfg.NoMove:
		q.move(c)
	default:
		q.w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (q davRequest) make(c *davCollection) {
	if c != nil || q.at.member != "" {
		q.w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	kind := DAVCalendar
	if bytes.Contains(q.body, []byte("addressbook")) {
		kind = DAVContacts
	}
	c = q.s.newCollection(kind)
	q.u.collections[q.at.collection] = c
	q.keepProps(c)
	q.w.WriteHeader(http.StatusCreated)
}

// keepProps stores every property of a set.
func (q davRequest) keepProps(c *davCollection) {
	d := xml.NewDecoder(bytes.NewReader(q.body))
	within := false
	for {
		token, err := d.Token()
		if err != nil {
			return
		}
		start, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case within:
			var value struct {
				Inner string `xml:",innerxml"`
			}
			if d.DecodeElement(&value, &start) == nil {
				c.props[start.Name.Space+" "+start.Name.Local] = value.Inner
			}
		case start.Name.Local == "prop":
			within = true
		}
	}
}

func (q davRequest) get(c *davCollection) {
	o := c.members[q.at.member]
	if o == nil {
		q.w.WriteHeader(http.StatusNotFound)
		return
	}
	if !q.s.cfg.NoGetETag {
		q.w.Header().Set("ETag", o.etag)
	}
	q.w.Header().Set("Content-Type", "text/plain")
	_, _ = q.w.Write(o.raw)
}

func (q davRequest) precondition(status int, name string) {
	space := "urn:ietf:params:xml:ns:caldav"
	if name == "valid-sync-token" {
		space = "DAV:"
	}
	q.w.Header().Set("Content-Type", "application/xml")
	q.w.WriteHeader(status)
	fmt.Fprintf(q.w, `<?xml version="1.0"?><D:error xmlns:D="DAV:"><X:%s xmlns:X="%s"/></D:error>`, name, space)
}

func (q davRequest) put(c *davCollection) {
	before := c.members[q.at.member]
	match, none := q.r.Header.Get("If-Match"), q.r.Header.Get("If-None-Match")
	switch {
	case none == "*" && before != nil, match != "" && (before == nil || before.etag != match):
		q.w.WriteHeader(http.StatusPreconditionFailed)
		return
	case q.s.cfg.MaxObject > 0 && len(q.body) > q.s.cfg.MaxObject:
		q.precondition(http.StatusForbidden, "max-resource-size")
		return
	}
	if q.s.cfg.Refuse != nil {
		if why := q.s.cfg.Refuse(q.body); why != "" {
			q.precondition(http.StatusForbidden, why)
			return
		}
	}
	for name, other := range c.members {
		if name != q.at.member && uidOf(other.raw) == uidOf(q.body) {
			q.precondition(http.StatusConflict, "no-uid-conflict")
			return
		}
	}
	q.s.schedule(q.u, "request", q.body)
	raw := bytes.Clone(q.body)
	if q.s.cfg.Rewrite != nil {
		raw = q.s.cfg.Rewrite(raw)
	}
	name := q.at.member
	if before == nil && q.s.cfg.Relocate != nil {
		at := q.at
		name = q.s.cfg.Relocate(name)
		at.member = name
		q.w.Header().Set("Location", at.href())
	}
	o := c.put(name, raw)
	if q.s.cfg.Rewrite == nil {
		q.w.Header().Set("ETag", o.etag)
	}
	if before == nil {
		q.w.WriteHeader(http.StatusCreated)
	} else {
		q.w.WriteHeader(http.StatusNoContent)
	}
}

func (q davRequest) remove(c *davCollection) {
	o := c.members[q.at.member]
	if o == nil {
		q.w.WriteHeader(http.StatusNotFound)
		return
	}
	if match := q.r.Header.Get("If-Match"); match != "" && match != o.etag {
		q.w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	q.s.cancel(q.u, o.raw, q.r.Header.Get("Schedule-Reply") != "F")
	c.remove(q.at.member)
	q.w.WriteHeader(http.StatusNoContent)
}

func (q davRequest) move(c *davCollection) {
	to, err := url.Parse(q.r.Header.Get("Destination"))
	o := c.members[q.at.member]
	if err != nil || o == nil {
		q.w.WriteHeader(http.StatusNotFound)
		return
	}
	at := davPath(to)
	target := q.u.collections[at.collection]
	if target == nil || target.members[at.member] != nil {
		q.w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	for _, other := range target.members {
		if target != c && uidOf(other.raw) == uidOf(o.raw) {
			q.precondition(http.StatusConflict, "no-uid-conflict")
			return
		}
	}
	c.remove(q.at.member)
	moved := target.put(at.member, o.raw)
	moved.etag = o.etag
	q.w.WriteHeader(http.StatusCreated)
}

func (q davRequest) multistatus(responses string, more ...string) {
	q.w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	q.w.WriteHeader(http.StatusMultiStatus)
	fmt.Fprintf(q.w, `<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:A="urn:ietf:params:xml:ns:carddav" xmlns:S="http://calendarserver.org/ns/">%s%s</D:multistatus>`,
		responses, strings.Join(more, ""))
}

func davResponse(at davPlace, props string) string {
	return fmt.Sprintf("<D:response><D:href>%s</D:href><D:propstat><D:prop>%s</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>", xmlText(at.href()), props)
}

func xmlText(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text))
	return strings.NewReplacer("&#xD;", "\r", "&#xA;", "\n", "&#x9;", "\t").Replace(out.String()) // as most servers write it
}

func (q davRequest) propfind(c *davCollection) {
	deep := q.r.Header.Get("Depth") == "1"
	var out strings.Builder
	switch {
	case q.at.member != "":
		o := c.members[q.at.member]
		if o == nil {
			q.w.WriteHeader(http.StatusNotFound)
			return
		}
		out.WriteString(davResponse(q.at, q.s.objectProps(o)))
	case c != nil:
		out.WriteString(davResponse(q.at, q.s.collectionProps(c)))
		for name, o := range c.members {
			if deep && !q.hidden(name) {
				at := q.at
				at.member = name
				out.WriteString(davResponse(at, q.s.objectProps(o)))
			}
		}
	default:
		out.WriteString(davResponse(q.at, q.principalProps()))
		for name, c := range q.u.collections {
			if deep && q.at.user != "" {
				out.WriteString(davResponse(davPlace{user: q.user, collection: name}, q.s.collectionProps(c)))
			}
		}
	}
	q.multistatus(out.String())
}

func (q davRequest) hidden(name string) bool { return q.s.cfg.Hide != nil && q.s.cfg.Hide(name) }

func (q davRequest) principalProps() string {
	home := xmlText(davPlace{user: q.user}.href())
	props := "<D:resourcetype><D:collection/></D:resourcetype><D:current-user-principal><D:href>" + home + "</D:href></D:current-user-principal>"
	if q.at.user == "" {
		return props
	}
	props += "<C:calendar-home-set><D:href>" + home + "</D:href></C:calendar-home-set><A:addressbook-home-set><D:href>" + home + "</D:href></A:addressbook-home-set>"
	if q.s.cfg.Schedules {
		props += "<C:schedule-inbox-URL><D:href>" + home + "inbox/</D:href></C:schedule-inbox-URL>"
	}
	if q.u.address != "" {
		props += "<C:calendar-user-address-set><D:href>mailto:" + xmlText(q.u.address) + "</D:href></C:calendar-user-address-set>"
	}
	return props
}

func (s *DAV) collectionProps(c *davCollection) string {
	kind := "C:calendar"
	if c.kind == DAVContacts {
		kind = "A:addressbook"
	}
	props := "<D:resourcetype><D:collection/><" + kind + "/></D:resourcetype>"
	if !s.cfg.NoSync {
		props += "<D:sync-token>" + c.token() + "</D:sync-token>"
	}
	if !s.cfg.NoCTag {
		props += fmt.Sprintf("<S:getctag>%d-%d</S:getctag>", c.era, c.rev)
	}
	for name, inner := range c.props {
		space, local, _ := strings.Cut(name, " ")
		props += fmt.Sprintf(`<x:%s xmlns:x="%s">%s</x:%s>`, local, space, inner, local)
	}
	return props
}

func (s *DAV) objectProps(o *davObject) string {
	props := "<D:resourcetype/><D:getetag>" + xmlText(o.etag) + "</D:getetag>"
	if !s.cfg.NoLength {
		props += fmt.Sprintf("<D:getcontentlength>%d</D:getcontentlength>", len(o.raw))
	}
	return props
}

func (q davRequest) report(c *davCollection) {
	var asked struct {
		XMLName xml.Name
		Token   string   `xml:"DAV: sync-token"`
		Hrefs   []string `xml:"DAV: href"`
	}
	if err := xml.Unmarshal(q.body, &asked); err != nil {
		q.w.WriteHeader(http.StatusBadRequest)
		return
	}
	switch name := asked.XMLName.Local; {
	case name == "sync-collection" && !q.s.cfg.NoSync:
		q.sync(c, strings.TrimSpace(asked.Token))
	case q.s.cfg.NoMultiget && name != "sync-collection":
		q.w.WriteHeader(http.StatusNotImplemented)
	case name == "calendar-multiget" && c.kind == DAVCalendar, name == "addressbook-multiget" && c.kind == DAVContacts:
		q.multiget(c, asked.Hrefs)
	default:
		q.precondition(http.StatusForbidden, "supported-report")
	}
}

func (q davRequest) sync(c *davCollection, token string) {
	since := 0
	if token != "" {
		era := 0
		if n, err := fmt.Sscanf(token, "http://testserver.example/sync/%d/%d", &era, &since); n != 2 || err != nil || era != c.era || since > c.rev {
			q.precondition(cmp.Or(q.s.cfg.ForgottenToken, http.StatusForbidden), "valid-sync-token")
			return
		}
	}
	type changed struct {
		rev int
		out string
	}
	var all []changed
	for name, o := range c.members {
		if o.rev > since && !q.hidden(name) {
			at := q.at
			at.member = name
			all = append(all, changed{o.rev, davResponse(at, q.s.objectProps(o))})
		}
	}
	for name, rev := range c.gone {
		if rev > since && token != "" {
			at := q.at
			at.member = name
			all = append(all, changed{rev, "<D:response><D:href>" + xmlText(at.href()) + "</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>"})
		}
	}
	to := c.rev
	if limit := q.s.cfg.SyncLimit; limit > 0 && len(all) > limit {
		for i := range all { // the oldest first
			for j := i + 1; j < len(all); j++ {
				if all[j].rev < all[i].rev {
					all[i], all[j] = all[j], all[i]
				}
			}
		}
		all = all[:limit]
		to = all[limit-1].rev
		all = append(all, changed{0, "<D:response><D:href>" + xmlText(q.at.href()) + "</D:href><D:status>HTTP/1.1 507 Insufficient Storage</D:status></D:response>"})
	}
	var out strings.Builder
	for _, one := range all {
		out.WriteString(one.out)
	}
	q.multistatus(out.String(), fmt.Sprintf("<D:sync-token>http://testserver.example/sync/%d/%d</D:sync-token>", c.era, to))
}

func (q davRequest) multiget(c *davCollection, hrefs []string) {
	data := "C:calendar-data"
	if c.kind == DAVContacts {
		data = "A:address-data"
	}
	var out strings.Builder
	for _, href := range hrefs {
		name, _ := url.PathUnescape(path.Base(href))
		o := c.members[name]
		at := q.at
		at.member = name
		switch {
		case o == nil && q.s.cfg.Brittle:
			q.w.WriteHeader(http.StatusNotFound)
			return
		case o == nil:
			out.WriteString("<D:response><D:href>" + xmlText(at.href()) + "</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>")
		default:
			raw := xmlText(string(o.raw))
			if bytes.ContainsAny(o.raw, "\x00\x01\xff\xfc") {
				raw = string(o.raw) // what XML cannot hold spoils it
			}
			out.WriteString(davResponse(at, q.s.objectProps(o)+"<"+data+">"+raw+"</"+data+">"))
		}
	}
	q.multistatus(out.String())
}
