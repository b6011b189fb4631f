package srs

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"posthouse/cutover"
)

// Config is what a Rewriter is made of.
type Config struct {
	// Domain is that of the addresses we make; mail for it must reach us.
	Domain string
	// Secrets: the first signs, all of them verify.
	Secrets []string
	// Separator follows the tag: '=', '-' or '+'; 0 is '='.
	Separator byte
	// HashLength is how many letters of the hash are written, and the fewest that are believed: 4 to 27. 0 is 4, as elsewhere.
	HashLength int
	// MaxAge is how long bounces are taken, in whole days; 0 is 21 days, as elsewhere.
	MaxAge time.Duration
}

// Errors of Forward and Reverse.
var (
	ErrNotSRS     = errors.New("not an SRS address of our domain")
	ErrSyntax     = errors.New("not a complete SRS address")
	ErrHash       = errors.New("the hash is not ours")
	ErrExpired    = errors.New("the address is too old")
	ErrUnfit      = errors.New("would not come back as it is")
	ErrNoSecret   = errors.New("no secret")
	errSeparators = errors.New("the separator must be one of = - +")
	errHashLength = fmt.Errorf("the hash must have %d to %d letters", minHash, maxHash)
	errMaxAge     = errors.New("the age must be from one day to 1000 days")
)

const (
	day        = 24 * time.Hour
	separators = "=-+"
	tag0, tag1 = "SRS0", "SRS1"
	// maxPath is the longest path, angle brackets included, of RFC 5321 §4.5.3.1.3. The 64 octets of a local part (§4.5.3.1.1) are enforced by no server that forwarded mail must pass.
	maxPath = 256 - 2
)

// Rewriter makes and reads SRS addresses. Safe for concurrent use.
type Rewriter struct{ cfg Config }

// New checks the configuration.
func New(cfg Config) (*Rewriter, error) {
	if cfg.Separator == 0 {
		cfg.Separator = separators[0]
	}
	if cfg.HashLength == 0 {
		cfg.HashLength = minHash
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = 21 * day
	}
	cfg.Domain = strings.ToLower(cfg.Domain)
	_, bad := cutover.ParseAddress("x@" + cfg.Domain)
	switch {
	case bad != nil:
		return nil, fmt.Errorf("SRS domain: %w", bad)
	case len(cfg.Secrets) == 0 || hasEmpty(cfg.Secrets):
		return nil, fmt.Errorf("SRS: %w", ErrNoSecret)
	case !strings.ContainsRune(separators, rune(cfg.Separator)):
		return nil, fmt.Errorf("SRS: %w", errSeparators)
	case cfg.HashLength < minHash || cfg.HashLength > maxHash:
		return nil, fmt.Errorf("SRS: %w", errHashLength)
	case cfg.MaxAge < day || cfg.MaxAge > 1000*day:
		return nil, fmt.Errorf("SRS: %w", errMaxAge)
	}
	return &Rewriter{cfg}, nil
}

func hasEmpty(all []string) bool {
	for _, s := range all {
		if s == "" {
			return true
		}
	}
	return false
}

// Owns reports whether the address has the look of one that we made: whether Reverse decides about it.
func (r *Rewriter) Owns(a cutover.Address) bool {
	if a.Domain() != r.cfg.Domain {
		return false
	}
	_, ok := cut(unquote(a.Local()))
	return ok
}

// Forward makes the address under which the sender's mail goes on. An address of our own SRS domain stays as it is. The error matches ErrUnfit.
func (r *Rewriter) Forward(sender cutover.Address, now time.Time) (cutover.Address, error) {
	host, user := sender.Domain(), unquote(sender.Local())
	if host == r.cfg.Domain {
		return sender, nil
	}
	made := r.address(r.first(host, user, now))
	if host == "" || user == "" || strings.Contains(host, "=") || len(made) > maxPath {
		return "", fmt.Errorf("SRS of %q: %w", sender, ErrUnfit)
	}
	// What the rules above overlooked must not go out under an address that leads elsewhere, or nowhere.
	if back, err := r.Reverse(made, now); err != nil || back != canonical(sender) && !r.forwarded(user) {
		return "", fmt.Errorf("SRS of %q: %w", sender, ErrUnfit)
	}
	return made, nil
}

// first is the new local part: SRS1 for what others have rewritten, SRS0 for all else.
func (r *Rewriter) first(host, user string, now time.Time) string {
	sep := string(r.cfg.Separator)
	if tag, ok := cut(user); ok && tag.name == tag0 {
		return r.second(host, user[len(tag0):])
	} else if ok {
		if _, forwarder, rest, ok := tag.guarded(); ok {
			return r.second(forwarder, rest)
		}
	}
	stamp := stampOf(now)
	return tag0 + sep + r.hash(stamp, host, user) + "=" + stamp + "=" + host + "=" + user
}

func (r *Rewriter) second(forwarder, rest string) string {
	return tag1 + string(r.cfg.Separator) + r.hash(forwarder, rest) + "=" + forwarder + "=" + rest
}

// forwarded reports whether the local part is one of another forwarder.
func (r *Rewriter) forwarded(user string) bool {
	tag, ok := cut(user)
	if ok && tag.name == tag1 {
		_, _, _, ok = tag.guarded()
	}
	return ok
}

func (r *Rewriter) address(user string) cutover.Address {
	return cutover.Address(quote(user) + "@" + r.cfg.Domain)
}

// Reverse is where mail for an address that Forward made goes: one step back. The error matches ErrNotSRS, ErrSyntax, ErrHash or ErrExpired.
func (r *Rewriter) Reverse(a cutover.Address, now time.Time) (cutover.Address, error) {
	tag, ok := cut(unquote(a.Local()))
	if !ok || a.Domain() != r.cfg.Domain {
		return "", fmt.Errorf("%q: %w", a, ErrNotSRS)
	}
	step := r.unguard
	if tag.name == tag0 {
		step = r.unwrap
	}
	user, host, err := step(tag, now)
	if err != nil {
		return "", fmt.Errorf("%q: %w", a, err)
	}
	back, err := cutover.ParseAddress(quote(user) + "@" + host)
	if err != nil || back.Domain() == r.cfg.Domain {
		return "", fmt.Errorf("%q: %w", a, ErrSyntax)
	}
	return back, nil
}

// unwrap reads what follows SRS0.
func (r *Rewriter) unwrap(t tag, now time.Time) (user, host string, err error) {
	part := strings.SplitN(t.rest, "=", 4)
	if len(part) < 4 || part[3] == "" {
		return "", "", ErrSyntax
	}
	hash, stamp, host, user := part[0], part[1], part[2], part[3]
	if !r.signed(hash, stamp, host, user) {
		return "", "", ErrHash
	}
	if age, ok := ageOf(stamp, now); !ok || age > r.cfg.MaxAge {
		return "", "", ErrExpired
	}
	return user, host, nil
}

// unguard reads what follows SRS1. Its age is the first forwarder's to judge.
func (r *Rewriter) unguard(t tag, _ time.Time) (user, host string, err error) {
	hash, forwarder, rest, ok := t.guarded()
	if !ok {
		return "", "", ErrSyntax
	}
	if !r.signed(hash, forwarder, rest) {
		return "", "", ErrHash
	}
	return tag0 + rest, forwarder, nil
}

// tag is SRS0 or SRS1, and what follows it and its separator.
type tag struct{ name, rest string }

// cut finds a tag, in any case, with any of the separators.
func cut(user string) (tag, bool) {
	if len(user) <= len(tag0) || !strings.ContainsRune(separators, rune(user[len(tag0)])) {
		return tag{}, false
	}
	rest := user[len(tag0)+1:]
	switch lower(user[:len(tag0)]) {
	case lower(tag0):
		return tag{tag0, rest}, true
	case lower(tag1):
		return tag{tag1, rest}, true
	}
	return tag{}, false
}

// guarded takes SRS1's HASH=FORWARDER=REST apart; REST begins with the separator that the first forwarder wrote.
func (t tag) guarded() (hash, forwarder, rest string, ok bool) {
	part := strings.SplitN(t.rest, "=", 3)
	if len(part) < 3 || part[1] == "" || len(part[2]) < 2 || !strings.ContainsRune(separators, rune(part[2][0])) {
		return "", "", "", false
	}
	return part[0], part[1], part[2], true
}
