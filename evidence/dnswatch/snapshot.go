package dnswatch

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Key names a set of records: a name without its final dot, and a type.
type Key struct{ Name, Type string }

// String is "MX of example.com"; what TXT records are for is told by their name.
func (k Key) String() string { return k.Kind() + " of " + k.Name }

// Kind is the type, or what a TXT record is for.
func (k Key) Kind() string {
	switch {
	case k.Type != "TXT":
		return k.Type
	case strings.HasPrefix(k.Name, "_dmarc."):
		return "DMARC"
	case strings.HasPrefix(k.Name, "_mta-sts."):
		return "MTA-STS"
	case strings.Contains(k.Name, "._domainkey."):
		return "DKIM"
	}
	return "SPF"
}

// MarshalText makes a Key the key of a JSON object.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.Name + " " + k.Type), nil }

// UnmarshalText is the way back.
func (k *Key) UnmarshalText(text []byte) (err error) {
	var ok bool
	if k.Name, k.Type, ok = strings.Cut(string(text), " "); !ok {
		err = fmt.Errorf("%q is no name and type", text)
	}
	return err
}

// Answer is what one server said of a set of records.
type Answer struct {
	Values []string      `json:"values"` // in order, as zone files have them; none: there is no such record
	TTL    time.Duration `json:"ttl"`    // of a resolver's answer: what is left of it
	Err    string        `json:"-"`      // why it is not known; then the rest says nothing
}

func (a Answer) equal(b []string) bool { return slices.Equal(a.Values, b) }

// View is what one server said.
type View struct {
	Server        string // its name and address, or its address alone
	Authoritative bool   // one of the zone's own, not a resolver
	Serial        uint32 // of the zone, at an authoritative server
	Err           string // why it told nothing
	Lame          bool   // it is named as a server of the zone, and does not know it
	Answers       map[Key]Answer
}

// Policy is a domain's MTA-STS policy, as far as it concerns us.
type Policy struct {
	Mode     string   // enforce, testing or none; "" where there is none, or it could not be had
	Unlisted []string // MX hosts that it does not list
	Err      string   // why it could not be had
}

// Snapshot is what DNS said of one domain at one time.
type Snapshot struct {
	Domain string
	Zone   string // in which the domain stands; "" if it was not found
	At     time.Time
	Views  []View // the authoritative servers, then the resolvers
	Policy Policy

	Complete   bool       // the authoritative servers among the views are all there are
	Delegation Delegation // nothing where the servers are configured
	Err        string     // why the authoritative servers are not known
}

// hosts are those of MX records, each once, in order.
func hosts(records []string) []string {
	var all []string
	for _, r := range records {
		if _, host, _ := strings.Cut(r, " "); host != "" && host != "." && !slices.Contains(all, host) {
			all = append(all, host)
		}
	}
	return all
}
