package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/davstore"
	"posthouse/bridge/filestore"
	"posthouse/config"
	"posthouse/cutover"
	"posthouse/internal/control"
)

// objectKinds are what the second bridge holds. It shares ledger, rules and passwords with the one for mail, and nothing else: neither waits for the other's servers.
var objectKinds = []cutover.FolderKind{cutover.Calendar, cutover.Contacts}

// objects are calendars and address books: a bridge for them, and how their servers are reached.
type objects struct {
	d       *Daemon
	bridge  *bridge.Bridge
	servers map[string]*davServer
	refused *refusals
}

// davServer is what the mailboxes of one server share: one transport bounds their connections.
type davServer struct {
	*server
	transport *http.Transport
}

// startObjects begins with those mailboxes both of whose sides have calendars. Without any it costs nothing.
func (d *Daemon) startObjects(context.Context) error {
	o := &objects{d: d, servers: map[string]*davServer{}, refused: newRefusals(d.opts.Clock, d.real(loginPause))}
	for name, s := range d.stores.servers {
		if s.DAV == "" {
			continue
		}
		transport, err := d.davTransport(s)
		if err != nil {
			return fmt.Errorf("server %s: %w", name, err)
		}
		o.servers[name] = &davServer{s, transport}
	}
	d.objects = o
	o.bridge = bridge.New(bridge.Config{
		Ledger: growing{d.ledger, d.witness, d.canary.Is}, Kinds: objectKinds, Open: o.open, TraceKey: d.traceKey,
		Clock: d.opts.Clock, Log: d.log, Parallel: parallel(d.cfg), Most: mostParallel(d.cfg), Bears: d.stores.bears, Poll: d.cfg.Bridge.CalendarPoll,
		Pause: d.real(2 * time.Second), Settle: d.real(d.cfg.Bridge.SettleTime), Saved: filepath.Join(d.cfg.State, "refused"), Rules: o.rules,
	}, withDAV(d.cfg, d.live.Load().mailboxes))
	if !d.opts.CopyOnly {
		o.bridge.Start()
	}
	d.onStop(func(ctx context.Context) error {
		err := o.bridge.Stop(ctx)
		for _, s := range o.servers {
			s.transport.CloseIdleConnections()
		}
		return err
	})
	return nil
}

// rules are the mailbox's. What an export lacks may be written yet: nothing is deleted for that.
func (o *objects) rules(m cutover.MailboxID) bridge.Rules {
	r := o.d.rules(m)
	for _, box := range o.d.live.Load().mailboxes {
		if box.ID == m && strings.HasPrefix(o.d.cfg.Servers[box.Legacy.Server].DAV, config.DAVFiles) {
			r.Deletions = 0
		}
	}
	return r
}

// withDAV are the mailboxes whose calendars and address books can be reached on both sides.
func withDAV(cfg *config.Config, all []mailbox) []cutover.Mailbox {
	var some []cutover.Mailbox
	for _, m := range all {
		if cfg.HasDAV(m.line) {
			some = append(some, m.Mailbox)
		}
	}
	return some
}

// eachHost stands for the host where many are verified, each by its own name.
const eachHost = "each.invalid:443"

func (d *Daemon) davTransport(s *server) (*http.Transport, error) {
	t := &http.Transport{DialContext: s.dial, MaxConnsPerHost: s.MaxConnections, MaxIdleConnsPerHost: s.MaxConnections, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
	config, err := d.tlsFor(s.Server, eachHost)
	if err != nil {
		return nil, err
	}
	config.ServerName = "" // the transport verifies each host by its own name: some services have many
	t.TLSClientConfig = config
	return t, nil
}

// open makes a store for a mailbox's calendars and address books on one side.
func (o *objects) open(m cutover.Mailbox, side cutover.Side) (bridge.Store, error) {
	at := m.On(side)
	srv := o.servers[at.Server]
	if srv == nil {
		return nil, fmt.Errorf("no calendar server is configured on the %s side: %w", side, bridge.ErrNoServer)
	}
	if dir, files := strings.CutPrefix(srv.DAV, config.DAVFiles); files {
		return openFiles(dir, at.Login)
	}
	c := o.d.stores.credential(m.ID, srv.server, side, at.Login)
	var addresses []string
	for _, a := range append([]cutover.Address{m.Primary}, m.Aliases...) {
		addresses = append(addresses, string(a.Fold()))
	}
	auth := &davAuth{login: at.Login, tokens: c.Tokens}
	if c.Password != nil {
		auth.password = c.UsernamePassword
	}
	return davstore.New(davstore.Options{
		URL: strings.ReplaceAll(srv.DAV, config.DAVLogin, url.PathEscape(at.Login)), Server: at.Server, Addresses: addresses, Transport: srv.transport,
		Authorize: auth.authorize, Refused: auth.refused, Log: o.d.log.WithField("mailbox", m.ID),
		Guard: func(ctx context.Context, login func() error) error {
			return o.refused.through(ctx, account{m.ID, side}, secretOf(c), func() error {
				err := login()
				if c.Tokens != nil && errors.Is(err, bridge.ErrLogin) {
					err = login() // with a new token
				}
				return err
			})
		},
	}), nil
}

// openFiles makes a store of the files that lie in a login's folder. A login that is no plain name leads nowhere.
func openFiles(dir, login string) (bridge.Store, error) {
	if login == "" || strings.HasPrefix(login, ".") || strings.ContainsAny(login, "/\\\x00") {
		return nil, fmt.Errorf("%q is no name of a folder: %w", login, bridge.ErrNoServer)
	}
	return filestore.New(filestore.Options{Dir: strings.ReplaceAll(dir, config.DAVLogin, login)}), nil
}

// davAuth proves who we are, by a password (RFC 7617) or a token (RFC 6750).
type davAuth struct {
	login    string
	password func() (user, password string, err error)
	tokens   interface {
		Token(ctx context.Context, mailbox string) (string, error)
		Invalidate(mailbox, token string)
	}

	mu   sync.Mutex
	last string // the token that was used last
}

func (a *davAuth) authorize(r *http.Request) error {
	if a.tokens == nil {
		user, password, err := a.password()
		if err == nil {
			r.SetBasicAuth(user, password)
		}
		return err
	}
	token, err := a.tokens.Token(r.Context(), a.login)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.last = token
	a.mu.Unlock()
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}

func (a *davAuth) refused() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tokens != nil && a.last != "" {
		a.tokens.Invalidate(a.login, a.last)
	}
}

// progress are those mailboxes' calendars and address books, by mailbox.
func (o *objects) progress() map[cutover.MailboxID]*control.Objects {
	all := map[cutover.MailboxID]*control.Objects{}
	for _, p := range o.bridge.Progress() {
		events, contacts := p.Kinds[cutover.Calendar], p.Kinds[cutover.Contacts]
		shape := &control.Objects{
			State: string(p.State), Folders: p.Folders, Events: events.Done, EventsTotal: events.Total, Contacts: contacts.Done, ContactsTotal: contacts.Total, Repaired: p.Repaired,
			Folder: p.Folder, Error: p.Error, Wait: p.Wait, Next: p.Next, Caught: p.Caught,
		}
		for _, s := range p.Skipped {
			shape.Skipped = append(shape.Skipped, control.Skipped{Folder: s.Path, Why: s.Why})
		}
		all[p.Mailbox] = shape
	}
	return all
}

// alarms tell of deletions that look like a broken server.
func (o *objects) alarms() (all []alarm) {
	for _, p := range o.bridge.Progress() {
		for _, h := range p.HeldBack {
			text := fmt.Sprintf("%d items are gone from %s of %s on the old server, and their copies stay: %s (bridge.deletions)", h.Items, h.Folder, p.Mailbox, h.Why)
			all = append(all, alarm{fmt.Sprintf("deletions %s %s", p.Mailbox, h.Folder), "items", h.Items, text})
		}
	}
	return all
}

// holds reports whether the mailbox is among those with calendars.
func (o *objects) holds(m cutover.MailboxID) bool {
	for _, p := range o.bridge.Progress() {
		if p.Mailbox == m {
			return true
		}
	}
	return false
}

// verify adds what a comparison of calendars and address books finds to the result.
func (o *objects) verify(ctx context.Context, m cutover.MailboxID, full bool, v *control.Verified) error {
	if !o.holds(m) {
		return nil
	}
	if err := o.refused.insist(ctx, m); err != nil {
		return err
	}
	verify := o.bridge.Verify
	if full {
		verify = o.bridge.VerifyFully
	}
	r, err := verify(ctx, m)
	if err != nil {
		return fmt.Errorf("calendars and address books: %w", err)
	}
	v.Events, v.Contacts, v.Edited, v.Noted = r.Kinds[cutover.Calendar], r.Kinds[cutover.Contacts], r.Edited, findings(r.Noted)
	v.Skipped, v.Moved, v.Merged, v.Bodies = v.Skipped+r.Skipped, v.Moved+r.Moved, v.Merged+r.Merged, v.Bodies+r.Bodies
	v.Missing, v.Extra = append(v.Missing, findings(r.Missing)...), append(v.Extra, findings(r.Extra)...)
	v.Altered, v.Removed = append(v.Altered, findings(r.Altered)...), append(v.Removed, findings(r.Removed)...)
	return nil
}

// catchUp begins to bring the mailboxes' calendars up to date. The function that it returns waits for one of them, and must be called for none that is not asked for here.
func (o *objects) catchUp(ctx context.Context, ids []cutover.MailboxID) (wait func(cutover.MailboxID) error) {
	done := map[cutover.MailboxID]chan error{}
	var some []cutover.MailboxID
	for _, id := range ids {
		done[id] = make(chan error, 1)
		if o.holds(id) {
			some = append(some, id)
		} else {
			close(done[id])
		}
	}
	go func() {
		told := map[cutover.MailboxID]bool{}
		err := o.bridge.CatchUp(ctx, some, func(id cutover.MailboxID, err error) {
			told[id] = true
			done[id] <- err
		})
		for _, id := range some {
			if !told[id] {
				done[id] <- err
			}
		}
	}()
	return func(id cutover.MailboxID) error {
		if err := <-done[id]; err != nil {
			return fmt.Errorf("calendars and address books: %w", err)
		}
		return nil
	}
}

// planned is what would become of a mailbox's calendars and address books.
type planned struct {
	bridge.Plan
	err error
}

// plans tells it of those mailboxes that have any.
func (o *objects) plans(ctx context.Context, ids []cutover.MailboxID) (map[cutover.MailboxID]planned, error) {
	var some []cutover.MailboxID
	for _, id := range ids {
		if o.holds(id) {
			some = append(some, id)
		}
	}
	all := map[cutover.MailboxID]planned{}
	err := o.bridge.Plan(ctx, some, func(p bridge.Plan, err error) { all[p.Mailbox] = planned{p, err} })
	return all, err
}
