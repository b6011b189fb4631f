package control

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Domain is what DNS says of one domain: one line of the answer's stream, and in the status without records, servers and changes.
type Domain struct {
	Schema string    `json:"schema,omitempty"` // DNSSchema
	Domain string    `json:"domain"`
	State  MailState `json:"state"`
	Looked time.Time `json:"looked,omitzero"` // when anybody last answered

	MX []Exchanger `json:"mx"` // the most preferred first
	// Switched is since when no MX record leads to the old side; with BeforeFirst it was so already when it was first looked at, then.
	Switched    time.Time `json:"switched,omitzero"`
	BeforeFirst bool      `json:"switched_before_first_look,omitempty"`
	Back        time.Time `json:"back,omitzero"`         // when it was found to lead back to the old side, after it was switched
	CachedUntil time.Time `json:"cached_until,omitzero"` // may a former MX answer lie in caches

	Findings []DNSFinding `json:"findings"` // alarms first
	Records  []DNSRecord  `json:"records,omitempty"`
	Servers  []DNSServer  `json:"servers,omitempty"` // authoritative ones, then resolvers
	Changes  []DNSChange  `json:"changes,omitempty"` // the latest first
	Error    string       `json:"error,omitempty"`   // why it is not watched
}

// DNSSchema names the shape of Domain.
const DNSSchema = "posthouse.dns/1"

// MailState says where a domain's mail goes.
type MailState string

const (
	MailUnknown  MailState = "unknown"  // nobody told, or whose the hosts are is not known
	MailOldSide  MailState = "old side" // the old server's hosts, or ours
	MailBoth     MailState = "both"     // the cloud's hosts, and some of the old side
	MailSwitched MailState = "switched" // nothing leads to the old side any more
)

// Exchanger is an MX host.
type Exchanger struct {
	Preference int      `json:"preference"`
	Host       string   `json:"host"`
	Whose      string   `json:"whose"` // posthouse, old, cloud, other
	Addresses  []string `json:"addresses,omitempty"`
}

// DNSFinding is what people should know.
type DNSFinding struct {
	Code  string    `json:"code"`
	Alarm bool      `json:"alarm"`
	Text  string    `json:"text"`
	Help  string    `json:"help,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// DNSRecord is a set of records, and one answer for it: where servers differ it stands here once for each.
type DNSRecord struct {
	Name        string        `json:"name"`
	Type        string        `json:"type"`
	Kind        string        `json:"kind"` // the type, or what a TXT record is for: SPF, DKIM, DMARC, MTA-STS
	Values      []string      `json:"values"`
	TTL         time.Duration `json:"ttl"`
	MaxTTL      time.Duration `json:"max_ttl"` // the largest that was seen with this answer
	Since       time.Time     `json:"since"`
	CachedUntil time.Time     `json:"cached_until,omitzero"` // may a former answer lie in caches
}

// DNSServer is one that was asked at the last look.
type DNSServer struct {
	Server        string `json:"server"`
	Authoritative bool   `json:"authoritative"`
	Serial        int64  `json:"serial,omitempty"`
	Error         string `json:"error,omitempty"`
}

// DNSChange is an answer that was not given before.
type DNSChange struct {
	At   time.Time `json:"at"`
	Name string    `json:"name"`
	Type string    `json:"type"`
	Kind string    `json:"kind"`
	From []string  `json:"from"`
	To   []string  `json:"to"`
	Back bool      `json:"back,omitempty"` // it had been given before, and in between not
}

// DNS asks what DNS says of domains, all if none is named, as of the last look or, with now, of a new one.
func (c *Client) DNS(ctx context.Context, domains []string, now bool, yield func(Domain) error) error {
	q := url.Values{"domain": domains}
	if now {
		q.Set("now", "yes")
	}
	body, err := c.do(ctx, http.MethodGet, "/dns", q)
	if err != nil {
		return fmt.Errorf("asking about DNS: %w", err)
	}
	return wrapped("asking about DNS", lines(body, DNSSchema, func(d Domain) (string, string) { return d.Schema, d.Error }, yield))
}

// dns answers with a line for each domain.
func dns(running context.Context, s Service) http.HandlerFunc {
	return guarded(s, streamed(running, func(ctx context.Context, r *http.Request, yield func(Domain) error) error {
		return s.DNS(ctx, r.URL.Query()["domain"], r.URL.Query().Has("now"), yield)
	}))
}
