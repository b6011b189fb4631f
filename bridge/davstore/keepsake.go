package davstore

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"posthouse/bridge"
)

// A collection that is replaced as a whole loses its own properties: colour, order, time zone. They are kept in a property of the home, which nobody else looks at, until the collection has them again: so they are found
// when the process dies between, by whoever lists the home next.

// nsFill is the name space of that property, unfinished.
const (
	nsFill   = "urn:posthouse:fill"
	keepsake = `<P:unfinished xmlns:P="` + nsFill + `"/>`
)

// property is one of a collection's properties that is text; a list of component names is written with commas.
type property struct {
	Space string `json:"space"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (p property) is(space, name string) bool { return p.Space == space && p.Name == name }

// xml is the property as it is set.
func (p property) xml() string {
	value := escape(p.Value)
	if p.is(nsCalDAV, componentSet) {
		value = ""
		for _, comp := range strings.Split(p.Value, ",") {
			value += `<comp name="` + escape(comp) + `"/>`
		}
	}
	return fmt.Sprintf(`<%s xmlns="%s">%s</%s>`, p.Name, escape(p.Space), value, p.Name)
}

const componentSet = "supported-calendar-component-set"

// anyComponents is what Radicale tells where nothing is set.
const anyComponents = "VTODO,VEVENT,VJOURNAL"

// keptProps is what the home's property holds, as JSON.
type keptProps struct {
	At    string     `json:"at"` // the collection
	Since time.Time  `json:"since"`
	Tries int        `json:"tries"` // PUTs of which nobody knows what came, and that one
	Props []property `json:"props"`
}

// sight is a collection, seen at one moment.
type sight struct {
	etag    string
	members int
	props   []property // that the server does not make up itself
	odd     bool       // some are more than text
}

// calendarLines are the properties that a calendar keeps when it is replaced: its name, in lines that need no escapes.
func (w sight) calendarLines() (lines string) {
	for _, p := range w.props {
		if p.is(nsDAV, "displayname") && len(p.Value) < 60 && !strings.ContainsAny(p.Value, "\\,;\r\n") {
			lines += "X-WR-CALNAME:" + p.Value + "\r\n"
		}
	}
	return lines
}

// anyProp is a property of any name.
type anyProp struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
	Inner   []struct {
		XMLName xml.Name
		Name    string `xml:"name,attr"`
	} `xml:",any"`
}

type everything struct {
	Responses []struct {
		Href      string `xml:"DAV: href"`
		Propstats []struct {
			Status string `xml:"DAV: status"`
			Prop   struct {
				All []anyProp `xml:",any"`
			} `xml:"DAV: prop"`
		} `xml:"DAV: propstat"`
	} `xml:"DAV: response"`
}

// madeUp are properties that Radicale computes.
var madeUp = map[xml.Name]bool{
	{Space: nsServer, Local: "getctag"}: true, {Space: "http://radicale.org/ns/", Local: "displayname"}: true,
	{Space: nsDAV, Local: "principal-collection-set"}: true, {Space: nsDAV, Local: "current-user-principal"}: true, {Space: nsDAV, Local: "current-user-privilege-set"}: true,
	{Space: nsDAV, Local: "supported-report-set"}: true, {Space: nsDAV, Local: "resourcetype"}: true, {Space: nsDAV, Local: "owner"}: true, {Space: nsDAV, Local: "getetag"}: true,
	{Space: nsDAV, Local: "getlastmodified"}: true, {Space: nsDAV, Local: "getcontenttype"}: true, {Space: nsDAV, Local: "getcontentlength"}: true, {Space: nsDAV, Local: "sync-token"}: true,
	{Space: nsCardDAV, Local: "supported-address-data"}: true, // told unasked by newer ones
}

// sight reads everything about a collection, and how many members it has, of one moment.
func (s *Store) sight(ctx context.Context, at *url.URL) (w sight, err error) {
	return s.sightOf(ctx, at, "1", "<D:allprop/>")
}

// has reads those of the properties that a collection has. Its version is not asked for: Radicale would look at all members for it.
func (s *Store) has(ctx context.Context, at *url.URL, props []property) (w sight, err error) {
	var names strings.Builder
	for _, p := range props {
		fmt.Fprintf(&names, "<%s xmlns=%q/>", p.Name, escape(p.Space))
	}
	return s.sightOf(ctx, at, "0", "<D:prop>"+names.String()+"</D:prop>")
}

func (s *Store) sightOf(ctx context.Context, at *url.URL, depth, what string) (w sight, err error) {
	r := request{method: "PROPFIND", at: at, header: map[string]string{"Depth": depth, "Content-Type": xmlType}, body: []byte(xmlHead + `<D:propfind xmlns:D="DAV:">` + what + `</D:propfind>`)}
	got, err := s.do(ctx, r)
	if err != nil {
		return w, err
	}
	if got.status != http.StatusMultiStatus {
		return w, unexpected(r, got)
	}
	// A bare CR would be read as a line end, and Radicale writes those of a value as they are.
	text := strings.ReplaceAll(string(got.body), "\r", "&#13;")
	var all everything
	if err := xml.Unmarshal([]byte(text), &all); err != nil {
		return w, fmt.Errorf("PROPFIND %s: %w: %w", at.Redacted(), errXML, err)
	}
	for _, one := range all.Responses {
		for _, part := range one.Propstats {
			if status(part.Status)/100 == 2 {
				w.see(at, nameIn(at, one.Href), part.Prop.All)
			}
		}
	}
	return w, nil
}

func (w *sight) see(at *url.URL, name string, props []anyProp) {
	if name != "" {
		w.members++
		return
	}
	for _, one := range props {
		if one.XMLName == (xml.Name{Space: nsDAV, Local: "getetag"}) {
			w.etag = one.Text
		}
		w.add(at, one)
	}
}

// add notes a property of the collection, if it was set by somebody.
func (w *sight) add(at *url.URL, one anyProp) {
	p := property{one.XMLName.Space, one.XMLName.Local, one.Text}
	switch {
	case madeUp[one.XMLName]:
		return
	case p.is(nsDAV, "displayname") && strings.Contains(p.Value, "/") && strings.HasSuffix(strings.Trim(at.Path, "/"), p.Value): // it has none
		return
	case p.is(nsCalDAV, componentSet):
		var names []string
		for _, comp := range one.Inner {
			names = append(names, comp.Name)
		}
		if p.Value = strings.Join(names, ","); p.Value == anyComponents {
			return
		}
	case len(one.Inner) > 0:
		w.odd = true
		return
	}
	w.props = append(w.props, p)
}

// fillTries is how often a collection is filled at once of which nobody heard what came of it: what stands before the server may give up each time, in whichever process.
const fillTries = 2

// keep keeps a collection's properties in the home, and reports whether they are safe there and it may be tried once more.
func (s *Store) keep(ctx context.Context, home, at *url.URL, props []property) (bool, error) {
	if home == nil {
		return false, nil
	}
	_, there, err := s.properties(ctx, home, keepsake)
	if err != nil {
		return false, err
	}
	k := keptProps{At: at.EscapedPath(), Since: s.o.Now().UTC(), Tries: 1, Props: props}
	if there.Unfinished != "" {
		var before keptProps
		if json.Unmarshal([]byte(there.Unfinished), &before) != nil || before.At != k.At || before.Tries >= fillTries {
			return false, nil
		}
		k.Tries = before.Tries + 1
	}
	text, err := json.Marshal(k)
	if err != nil {
		return false, err
	}
	if err := s.proppatch(ctx, home, "set", `<unfinished xmlns="`+nsFill+`">`+escape(string(text))+`</unfinished>`); err != nil {
		return false, err
	}
	_, there, err = s.properties(ctx, home, keepsake)
	return there.Unfinished == string(text), err
}

// giveBack gives a collection its properties again.
func (s *Store) giveBack(ctx context.Context, home, at *url.URL, props []property) error {
	if len(props) == 0 {
		return s.forgetKept(ctx, home)
	}
	var set strings.Builder
	for _, p := range props {
		set.WriteString(p.xml())
	}
	if err := s.proppatch(ctx, at, "set", set.String()); err != nil {
		s.o.Log.WithError(err).Warn("the colour and other properties of a filled collection are still to be restored")
		return ignorable(ctx, err)
	}
	return s.forgetKept(ctx, home)
}

// forgetKept removes what was kept.
func (s *Store) forgetKept(ctx context.Context, home *url.URL) error {
	return ignorable(ctx, s.proppatch(ctx, home, "remove", keepsake))
}

// release ends the keeping: the collection is given what it has not. One that its owner changed since is left as it is, and one of which the PUT was refused may have been replaced all the same: by one like it of a process that
// died, or that a proxy sent twice.
func (s *Store) release(ctx context.Context, home, at *url.URL, props []property) error {
	if len(props) == 0 {
		return s.forgetKept(ctx, home)
	}
	now, err := s.has(ctx, at, props)
	if err != nil {
		return ignorable(ctx, err) // whoever lists the home next restores them
	}
	if missing := now.without(props); len(missing) > 0 {
		return s.giveBack(ctx, home, at, missing)
	}
	return s.forgetKept(ctx, home)
}

// proppatch sets or removes properties (RFC 4918 §9.2), all or none.
func (s *Store) proppatch(ctx context.Context, at *url.URL, what, props string) error {
	r := request{method: "PROPPATCH", at: at, header: map[string]string{"Content-Type": xmlType},
		body: fmt.Appendf(nil, `%s<D:propertyupdate xmlns:D="DAV:"><D:%s><D:prop>%s</D:prop></D:%s></D:propertyupdate>`, xmlHead, what, props, what)}
	got, err := s.do(ctx, r)
	if err != nil {
		return err
	}
	if got.status/100 != 2 {
		return unexpected(r, got)
	}
	return nil
}

// keptLast is how long properties are kept of an empty collection that has them: the PUT that takes them away may still be under way.
const keptLast = 24 * time.Hour

// restore gives a collection what is kept of it and what it has not, and reports whether that was anything. It is called by whoever lists a home and finds it there.
func (s *Store) restore(ctx context.Context, home *url.URL, text string) (did bool, err error) {
	var k keptProps
	if err := json.Unmarshal([]byte(text), &k); err != nil {
		return false, nil // not ours
	}
	at, err := home.Parse(k.At)
	if err != nil || at.Host != home.Host || s.fills.Load() > 0 {
		return false, nil
	}
	now, err := s.sight(ctx, at)
	switch missing := now.without(k.Props); {
	case errors.Is(err, bridge.ErrGone):
		return false, s.forgetKept(ctx, home)
	case err != nil:
		return false, ignorable(ctx, err)
	case len(missing) > 0:
		return true, s.giveBack(ctx, home, at, missing)
	case now.members > 0 || s.o.Now().Sub(k.Since) > keptLast:
		return false, s.forgetKept(ctx, home)
	}
	return false, nil
}

// without are those of the properties that the collection has not.
func (w sight) without(props []property) (missing []property) {
	has := map[property]bool{}
	for _, p := range w.props {
		has[property{p.Space, p.Name, ""}] = true
	}
	for _, p := range props {
		if !has[property{p.Space, p.Name, ""}] {
			missing = append(missing, p)
		}
	}
	return missing
}
