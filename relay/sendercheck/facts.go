package sendercheck

import (
	"slices"
	"strings"
)

// Result is a result in the words of RFC 8601 §2.7; "" where nothing was asked.
type Result string

// The results.
const (
	None      Result = "none"
	Pass      Result = "pass"
	Fail      Result = "fail"
	SoftFail  Result = "softfail"
	Neutral   Result = "neutral"
	TempError Result = "temperror"
	PermError Result = "permerror"
)

// Facts are what was found out about one message.
type Facts struct {
	SPF        Result
	SPFDomain  string
	ByHelo     bool // SPFDomain is that of the greeting: the reverse path is null
	DKIM       []Signature
	DMARC      Result
	FromDomain string
	Policy     string   // what the domain of From asks to do with mail that fails: none, quarantine or reject
	Partly     bool     // and only with a part of it (pct)
	Listed     []string // the lists that have the client's address
}

// Signature is one DKIM signature.
type Signature struct {
	Result Result
	Domain string
}

// Results are the facts as Authentication-Results writes them, one for each method and signature.
func (f Facts) Results() []string {
	var all []string
	if f.SPF != "" {
		name := "smtp.mailfrom"
		if f.ByHelo {
			name = "smtp.helo"
		}
		all = append(all, "spf="+string(f.SPF)+property(name, f.SPFDomain))
	}
	for _, s := range f.DKIM {
		all = append(all, "dkim="+string(s.Result)+property("header.d", s.Domain))
	}
	if f.DMARC != "" {
		all = append(all, "dmarc="+string(f.DMARC)+f.policy()+property("header.from", f.FromDomain))
	}
	return all
}

// policy is a comment, as RFC 8601 has no property for it.
func (f Facts) policy() string {
	if f.Policy == "" {
		return ""
	}
	return " (p=" + f.Policy + ")"
}

// Field is the header field that tells the facts in the name of a host, with its line end; "" where there are none.
func (f Facts) Field(host string) string {
	all := f.Results()
	if host = domain(host); len(all) == 0 || host == "" {
		return ""
	}
	return "Authentication-Results: " + host + ";\r\n\t" + strings.Join(all, ";\r\n\t") + "\r\n"
}

// Known reports whether anything was found out: not of an unsigned message whose client nothing was asked about.
func (f Facts) Known() bool {
	return f.SPF != "" || len(f.Listed) > 0 || slices.ContainsFunc(f.DKIM, func(s Signature) bool { return s.Result != None })
}

// String is for people, and for the ledger.
func (f Facts) String() string {
	all := f.Results()
	for _, l := range f.Listed {
		all = append(all, "dnsbl="+l)
	}
	return strings.Join(all, "; ")
}

// Disowned says that the domain that a message claims to be from does not vouch for it and asks to refuse it.
func (f Facts) Disowned() bool { return f.DMARC == Fail && f.Policy == "reject" && !f.Partly }

// Unwanted says that nobody can have been waiting for the message: its domain disowns it, or a list that was chosen for this has its client and the domain does not vouch for it.
func (f Facts) Unwanted() bool { return f.Disowned() || len(f.Listed) > 0 && f.DMARC != Pass }

// property names whom a result is about. What a stranger wrote is left out unless it is a plain domain.
func property(name, value string) string {
	if value = domain(value); value == "" {
		return ""
	}
	return " " + name + "=" + value
}

// domain returns a name if it is harmless anywhere, else "".
func domain(name string) string {
	harmless := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_'
	}
	if len(name) > 253 || strings.ContainsFunc(name, func(r rune) bool { return !harmless(r) }) {
		return ""
	}
	return name
}
