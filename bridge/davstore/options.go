package davstore

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/cutover"
)

// Options say how calendars and address books are reached. URL and Authorize are required; the zero value of everything else is a sensible default.
type Options struct {
	// URL is where to begin: a server (https://dav.example.com), a principal, or a home; a bare domain is looked up by SRV records.
	URL string
	// Calendars and Contacts, if not empty, are the homes themselves, and nothing is looked for.
	Calendars, Contacts string
	Server              string // its name, for errors that tell who asks to wait
	// Kinds of folders that are shown; both when empty.
	Kinds []cutover.FolderKind
	// Addresses are the owner's, by which a server knows him as organiser or attendee, beside those that it names itself.
	Addresses []string

	// Authorize adds the credentials to a request.
	Authorize func(*http.Request) error
	// Refused, if not nil, is told that the server refused them.
	Refused func()
	// Guard, if not nil, stands before the first request: it makes it by calling login, and returns its error or one of its own.
	Guard func(ctx context.Context, login func() error) error
	// Transport carries the requests, usually one for all mailboxes of a server, whose connections it bounds. http.DefaultTransport when nil.
	Transport http.RoundTripper
	// Resolve looks up SRV records, and Texts TXT records; net.DefaultResolver when nil.
	Resolve func(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	Texts   func(ctx context.Context, name string) ([]string, error)

	Batch   int           // items in a batch of Next; 250 when zero
	Many    int           // items in one multiget; 100 when zero
	Lanes   int           // requests at one time; 8 when zero: a server that ends its connections (HTTP/1.0) costs two round trips for each
	Fresh   time.Duration // how old the last look for news may be while old items are told of; 5 s when zero, always anew when negative
	Timeout time.Duration // for one request; 2 minutes when zero
	Kept    int64         // octets of bodies that are kept between Next and Fetch; 16 MiB when zero
	Largest int64         // octets in one object; 64 MiB when zero
	Fill    int           // new items at the least for which an empty collection is filled at once, where the server can (fill.go); 100 when zero, never when negative
	Gather  time.Duration // how long one more of them is waited for; 5 s when zero

	Now func() time.Time // for how old stand-ins are (standin.go); time.Now when nil

	Log logrus.FieldLogger
}

func (o Options) withDefaults() Options {
	or(&o.Batch, 250)
	or(&o.Many, 100)
	or(&o.Lanes, 8)
	or(&o.Timeout, 2*time.Minute)
	or(&o.Kept, 16<<20)
	or(&o.Largest, 64<<20)
	or(&o.Gather, 5*time.Second)
	if o.Fill == 0 {
		o.Fill = 100
	}
	if o.Fresh == 0 {
		o.Fresh = 5 * time.Second
	}
	if len(o.Kinds) == 0 {
		o.Kinds = []cutover.FolderKind{cutover.Calendar, cutover.Contacts}
	}
	if o.Guard == nil {
		o.Guard = func(_ context.Context, login func() error) error { return login() }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Refused == nil {
		o.Refused = func() {}
	}
	if o.Authorize == nil {
		o.Authorize = func(*http.Request) error { return nil }
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.Resolve == nil {
		o.Resolve = net.DefaultResolver.LookupSRV
	}
	if o.Texts == nil {
		o.Texts = net.DefaultResolver.LookupTXT
	}
	if o.Log == nil {
		log := logrus.New()
		log.SetLevel(logrus.PanicLevel)
		o.Log = log
	}
	return o
}

func or[N int | int64 | time.Duration](n *N, usual N) {
	if *n <= 0 {
		*n = usual
	}
}
