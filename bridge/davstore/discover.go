package davstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"posthouse/bridge"
	"posthouse/cutover"
)

// places are where a mailbox's collections lie.
type places struct {
	principal *url.URL
	homes     map[cutover.FolderKind]*url.URL
	first     *url.URL // the default calendar, where the server names one
	schedules bool     // the server sends invitations by itself (RFC 6638)
	addresses []string // by which it knows the owner, in lower case, without mailto:
}

// places finds them, once.
func (s *Store) places(ctx context.Context) (*places, error) {
	s.mu.Lock()
	found := s.found
	s.mu.Unlock()
	if found != nil {
		return found, nil
	}
	err := s.o.Guard(ctx, func() (err error) {
		found, err = s.discover(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = found
	return found, nil
}

func (s *Store) discover(ctx context.Context) (*places, error) {
	at := &places{homes: map[cutover.FolderKind]*url.URL{}}
	for kind, home := range map[cutover.FolderKind]string{cutover.Calendar: s.o.Calendars, cutover.Contacts: s.o.Contacts} {
		if home == "" {
			continue
		}
		u, err := url.Parse(home)
		if err != nil {
			return nil, err
		}
		at.homes[kind] = u
	}
	for _, kind := range s.o.Kinds {
		if at.homes[kind] != nil {
			continue
		}
		if err := s.find(ctx, at, kind); err != nil {
			return nil, fmt.Errorf("looking for the %s: %w", title(kind), err)
		}
	}
	if home := at.homes[cutover.Calendar]; home != nil && s.shows(cutover.Calendar) {
		if err := s.learnScheduling(ctx, at, home); err != nil {
			return nil, err
		}
	}
	return at, nil
}

// find looks for the home of one kind: from the address given, and, where that is a server's root, from the well-known address (RFC 6764 §5, §6).
func (s *Store) find(ctx context.Context, at *places, kind cutover.FolderKind) error {
	begins, err := s.begins(ctx, kind)
	if err != nil {
		return err
	}
	var last error
	for _, from := range begins {
		home, principal, err := s.homeFrom(ctx, from, kind)
		if err == nil {
			at.homes[kind] = home
			if at.principal == nil {
				at.principal = principal
			}
			return nil
		}
		if ctx.Err() != nil || errors.Is(err, bridge.ErrConnection) || errors.Is(err, bridge.ErrLogin) || errors.Is(err, bridge.ErrBusy) {
			return err
		}
		last = errors.Join(last, err)
	}
	return last
}

// begins are addresses to begin with, in the order in which they are tried.
func (s *Store) begins(ctx context.Context, kind cutover.FolderKind) ([]*url.URL, error) {
	base := s.o.URL
	if !strings.Contains(base, "://") {
		var err error
		if base, err = s.lookUp(ctx, base, kind); err != nil {
			return nil, err
		}
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	known := *u
	known.Path, known.RawPath = "/.well-known/"+service(kind), ""
	if strings.Trim(u.Path, "/") == "" {
		return []*url.URL{&known, u}, nil
	}
	return []*url.URL{u, &known}, nil
}

func service(kind cutover.FolderKind) string {
	if kind == cutover.Contacts {
		return "carddav"
	}
	return "caldav"
}

// lookUp asks DNS for the server of a domain, and for the path to begin with there (RFC 6764 §4). Without a record the domain itself is asked. Anybody on the way may have answered: a server of another domain, whose
// certificate proves nothing about the domain that was asked for, gets no credentials (§8) until a person has named it.
func (s *Store) lookUp(ctx context.Context, domain string, kind cutover.FolderKind) (string, error) {
	_, found, err := s.o.Resolve(ctx, service(kind)+"s", "tcp", domain)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil || len(found) == 0 || found[0].Target == "." {
		return "https://" + domain, nil
	}
	host := strings.TrimSuffix(found[0].Target, ".")
	if found[0].Port != 443 {
		host = fmt.Sprintf("%s:%d", host, found[0].Port)
	}
	if server := (&url.URL{Scheme: "https", Host: host}); !trusted(&url.URL{Scheme: "https", Host: domain}, server) {
		return "", fmt.Errorf("DNS names %s as the server for the %s of %s, which is not asked with these credentials; name it in the configuration if it is right", server, title(kind), domain)
	}
	path, err := s.contextPath(ctx, "_"+service(kind)+"s._tcp."+domain)
	return "https://" + host + path, err
}

// contextPath is what a TXT record beside the SRV record says; usually there is none.
func (s *Store) contextPath(ctx context.Context, name string) (string, error) {
	texts, _ := s.o.Texts(ctx, name) // that there is none is an error too
	for _, text := range texts {
		if path, is := strings.CutPrefix(text, "path="); is && strings.HasPrefix(path, "/") {
			return path, nil
		}
	}
	return "", ctx.Err()
}

const principalProps = "<D:current-user-principal/><D:resourcetype/><C:calendar-home-set/><A:addressbook-home-set/>"

// homeFrom goes from an address to the principal, and from there to the home. An address that is a home, or a collection's parent, is one itself.
func (s *Store) homeFrom(ctx context.Context, from *url.URL, kind cutover.FolderKind) (home, principal *url.URL, err error) {
	at := from
	for range 3 {
		got, p, err := s.properties(ctx, at, principalProps)
		if err != nil {
			return nil, nil, err
		}
		homes := p.CalendarHome.Hrefs
		if kind == cutover.Contacts {
			homes = p.ContactsHome.Hrefs
		}
		if len(homes) > 0 {
			home, err := s.linked(got, homes[0])
			return home, got, err
		}
		if p.Principal.Href == "" {
			break
		}
		next, err := s.linked(got, p.Principal.Href)
		if err != nil || next.Path == at.Path && next.Host == at.Host {
			break
		}
		at = next
	}
	return nil, nil, fmt.Errorf("%s names no home for %s", from.Redacted(), title(kind))
}

// linked is the address that a server's answer names, if it may have our credentials.
func (s *Store) linked(from *url.URL, link string) (*url.URL, error) {
	to, err := from.Parse(strings.TrimSpace(link))
	if err == nil && !trusted(from, to) {
		err = fmt.Errorf("%s leads to %s, which is not asked with these credentials; name it in the configuration if it is right", from.Redacted(), to.Redacted())
	}
	return to, err
}

// properties asks for those of one resource, and tells where it was found.
func (s *Store) properties(ctx context.Context, at *url.URL, props string) (*url.URL, prop, error) {
	got, err := s.propfind(ctx, at, 0, props)
	if err != nil {
		return nil, prop{}, err
	}
	failed := len(got.Responses) == 0
	for _, r := range got.Responses {
		failed = failed || r.failed()
		if p, ok := r.prop(); ok {
			p.failed = failed
			return got.at, p, nil
		}
	}
	return got.at, prop{failed: failed}, nil
}

// found is a multistatus, and where it came from.
type found struct {
	*multistatus
	at *url.URL
}

func (s *Store) propfind(ctx context.Context, at *url.URL, depth int, props string) (found, error) {
	r := request{
		method: "PROPFIND", at: at, header: map[string]string{"Depth": fmt.Sprint(depth), "Content-Type": xmlType},
		body: []byte(xmlHead + "<D:propfind " + namespaces + "><D:prop>" + props + "</D:prop></D:propfind>"),
	}
	got, err := s.do(ctx, r)
	if err != nil {
		return found{}, err
	}
	if got.status != http.StatusMultiStatus {
		return found{}, unexpected(r, got)
	}
	m, err := parse(got.body)
	if err != nil {
		return found{}, fmt.Errorf("PROPFIND %s: %w", at.Redacted(), err)
	}
	return found{m, got.at}, nil
}

const xmlType = "application/xml; charset=utf-8"

// learnScheduling asks whether the server invites by itself, and as whom it knows the owner. A server that tells nothing of the latter is taken to know him by any address. One that does not name what each server of
// calendars must (calendar-access, RFC 4791 §5.1), as when a proxy answers OPTIONS in its stead, is taken to invite unless it says that the owner has no inbox for invitations there, which each that invites gives him (RFC 6638 §2.2).
func (s *Store) learnScheduling(ctx context.Context, at *places, home *url.URL) error {
	features, err := s.features(ctx, home)
	if err != nil {
		return err
	}
	named := slices.Contains(features, "calendar-access")
	at.schedules = !named || slices.Contains(features, "calendar-auto-schedule") || slices.Contains(features, "calendar-schedule")
	if at.principal == nil {
		return nil
	}
	_, p, err := s.properties(ctx, at.principal, "<C:calendar-user-address-set/><C:schedule-inbox-URL/>")
	if err != nil {
		return ignorable(ctx, err)
	}
	if !named && p.ScheduleIn.Href == "" && !p.failed {
		at.schedules = false
	}
	for _, address := range p.Addresses.Hrefs {
		at.addresses = append(at.addresses, plainAddress(address))
	}
	if len(at.addresses) > 0 {
		for _, address := range s.o.Addresses {
			at.addresses = append(at.addresses, plainAddress(address))
		}
	}
	if p.ScheduleIn.Href == "" {
		return nil
	}
	inbox, err := s.linked(at.principal, p.ScheduleIn.Href)
	if err != nil {
		return nil
	}
	_, p, err = s.properties(ctx, inbox, "<C:schedule-default-calendar-URL/>")
	if err == nil && p.DefaultURL.Href != "" {
		at.first, _ = s.linked(inbox, p.DefaultURL.Href)
	}
	return ignorable(ctx, err)
}

// features are what the server says that it can do (RFC 4918 §10.1), in lower case. A failure of the moment says nothing, and is an error.
func (s *Store) features(ctx context.Context, home *url.URL) (all []string, err error) {
	r := request{method: http.MethodOptions, at: home}
	got, err := s.do(ctx, r)
	if err != nil {
		return nil, err
	}
	if got.status/100 == 5 && got.status != http.StatusNotImplemented || got.status == http.StatusLocked {
		return nil, unexpected(r, got)
	}
	for _, feature := range strings.Split(strings.Join(got.header.Values("DAV"), ","), ",") {
		if feature = strings.ToLower(strings.TrimSpace(feature)); feature != "" {
			all = append(all, feature)
		}
	}
	return all, nil
}

// ignorable lets pass what a server merely does not have.
func ignorable(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, bridge.ErrConnection) || errors.Is(err, bridge.ErrLogin) || errors.Is(err, bridge.ErrBusy) {
		return err
	}
	return nil
}

func plainAddress(address string) string {
	return strings.ToLower(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(address)), "mailto:"))
}
