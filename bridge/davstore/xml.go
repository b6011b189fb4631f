package davstore

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"posthouse/cutover"
)

const (
	nsDAV      = "DAV:"
	nsCalDAV   = "urn:ietf:params:xml:ns:caldav"
	nsCardDAV  = "urn:ietf:params:xml:ns:carddav"
	nsServer   = "http://calendarserver.org/ns/"
	nsApple    = "http://apple.com/ns/ical/"
	namespaces = `xmlns:D="DAV:" xmlns:C="` + nsCalDAV + `" xmlns:A="` + nsCardDAV + `" xmlns:S="` + nsServer + `" xmlns:I="` + nsApple + `"`
	xmlHead    = `<?xml version="1.0" encoding="utf-8"?>` + "\n"
)

// multistatus is RFC 4918 §13, as far as it is used.
type multistatus struct {
	Responses []response `xml:"DAV: response"`
	SyncToken string     `xml:"DAV: sync-token"`
}

type response struct {
	Href      string     `xml:"DAV: href"`
	Status    string     `xml:"DAV: status"`
	Propstats []propstat `xml:"DAV: propstat"`
}

type propstat struct {
	Prop   prop   `xml:"DAV: prop"`
	Status string `xml:"DAV: status"`
}

type href struct {
	Href string `xml:"DAV: href"`
}

type hrefs struct {
	Hrefs []string `xml:"DAV: href"`
}

type prop struct {
	ETag        string       `xml:"DAV: getetag"`
	Length      string       `xml:"DAV: getcontentlength"`
	Type        resourceType `xml:"DAV: resourcetype"`
	DisplayName *string      `xml:"DAV: displayname"`
	SyncToken   string       `xml:"DAV: sync-token"`
	CTag        string       `xml:"http://calendarserver.org/ns/ getctag"`
	Owner       href         `xml:"DAV: owner"`
	Principal   href         `xml:"DAV: current-user-principal"`

	CalendarHome hrefs `xml:"urn:ietf:params:xml:ns:caldav calendar-home-set"`
	ContactsHome hrefs `xml:"urn:ietf:params:xml:ns:carddav addressbook-home-set"`
	Addresses    hrefs `xml:"urn:ietf:params:xml:ns:caldav calendar-user-address-set"`
	ScheduleIn   href  `xml:"urn:ietf:params:xml:ns:caldav schedule-inbox-URL"`
	DefaultURL   href  `xml:"urn:ietf:params:xml:ns:caldav schedule-default-calendar-URL"`

	CalendarAbout string     `xml:"urn:ietf:params:xml:ns:caldav calendar-description"`
	ContactsAbout string     `xml:"urn:ietf:params:xml:ns:carddav addressbook-description"`
	Colour        string     `xml:"http://apple.com/ns/ical/ calendar-color"`
	TimeZone      string     `xml:"urn:ietf:params:xml:ns:caldav calendar-timezone"`
	Components    components `xml:"urn:ietf:params:xml:ns:caldav supported-calendar-component-set"`

	Unfinished string `xml:"urn:posthouse:fill unfinished"`

	CalendarData *string `xml:"urn:ietf:params:xml:ns:caldav calendar-data"`
	ContactsData *string `xml:"urn:ietf:params:xml:ns:carddav address-data"`

	failed bool // the server could not tell some of them
}

type components struct {
	Comps []struct {
		Name string `xml:"name,attr"`
	} `xml:"urn:ietf:params:xml:ns:caldav comp"`
}

type resourceType struct {
	Collection *struct{} `xml:"DAV: collection"`
	Calendar   *struct{} `xml:"urn:ietf:params:xml:ns:caldav calendar"`
	Contacts   *struct{} `xml:"urn:ietf:params:xml:ns:carddav addressbook"`
	Subscribed *struct{} `xml:"http://calendarserver.org/ns/ subscribed"`
	Shared     *struct{} `xml:"http://calendarserver.org/ns/ shared"`
}

// kind is what a collection holds; empty for others.
func (t resourceType) kind() cutover.FolderKind {
	switch {
	case t.Subscribed != nil:
		return ""
	case t.Calendar != nil:
		return cutover.Calendar
	case t.Contacts != nil:
		return cutover.Contacts
	}
	return ""
}

// status is the number in a status line; 200 where there is none.
func status(line string) int {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return http.StatusOK
	}
	n, err := strconv.Atoi(fields[1])
	if err != nil {
		return http.StatusInternalServerError
	}
	return n
}

// prop is what the server told of a resource.
func (r response) prop() (p prop, ok bool) {
	for _, s := range r.Propstats {
		if status(s.Status)/100 == 2 {
			return s.Prop, true
		}
	}
	return prop{}, false
}

// failed reports whether the server could not tell something of the resource, for the moment or ever: that is not the same as that it has it not.
func (r response) failed() bool {
	if transient(status(r.Status)) {
		return true
	}
	return slices.ContainsFunc(r.Propstats, func(s propstat) bool { return transient(status(s.Status)) })
}

// transient reports whether a status says nothing about what was asked for, but that the server could not see to it.
func transient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusMisdirectedRequest, http.StatusLocked, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status/100 == 5
}

// gone reports whether the response says that there is no such resource.
func (r response) gone() bool {
	n := status(r.Status)
	return r.Status != "" && (n == http.StatusNotFound || n == http.StatusGone)
}

// size is the octets that the resource has; -1 where the server does not say.
func (p prop) size() int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(p.Length), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

var errXML = errors.New("the answer is no sound XML")

// parse reads a multistatus.
func parse(raw []byte) (*multistatus, error) {
	d := xml.NewDecoder(bytes.NewReader(raw))
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii") {
			return in, nil
		}
		return nil, fmt.Errorf("charset %q", charset)
	}
	var m multistatus
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("%w: %w", errXML, err)
	}
	return &m, nil
}

// precondition is the name of the first precondition in an error (RFC 4918 §16).
func precondition(raw []byte) string {
	d := xml.NewDecoder(bytes.NewReader(raw[:min(len(raw), 64<<10)]))
	within := false
	for {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		start, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case within && start.Name.Space != "http://sabredav.org/ns":
			return start.Name.Local
		case start.Name.Local == "error" && start.Name.Space == nsDAV:
			within = true
		case !within:
			return ""
		}
	}
}

// nameIn is the last element of an address within a collection, decoded; empty for the collection itself and for what does not lie in it.
func nameIn(collection *url.URL, address string) string {
	at, err := collection.Parse(address)
	if err != nil {
		return ""
	}
	base := strings.TrimSuffix(collection.EscapedPath(), "/") + "/"
	path := at.EscapedPath()
	rest, within := strings.CutPrefix(path, base)
	if !within {
		// The server may encode otherwise than we do.
		decodedBase, _ := url.PathUnescape(base)
		i := strings.LastIndex(strings.TrimSuffix(path, "/"), "/")
		decoded, err := url.PathUnescape(path[:i+1])
		if err != nil || decoded != decodedBase {
			return ""
		}
		rest = path[i+1:]
	}
	name, err := url.PathUnescape(strings.TrimSuffix(rest, "/"))
	if err != nil || strings.Contains(strings.TrimSuffix(rest, "/"), "/") {
		return ""
	}
	return name
}

// member is the address of what has that name in a collection.
func member(collection *url.URL, name string) *url.URL {
	at := *collection
	base := strings.TrimSuffix(at.EscapedPath(), "/") + "/" + url.PathEscape(name)
	at.Path, _ = url.PathUnescape(base)
	at.RawPath = base
	return &at
}

func escape(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a Builder takes everything
	return out.String()
}
