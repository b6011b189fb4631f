package mx

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// mode is how seriously a policy is meant (RFC 8461 §5).
type mode string

const (
	modeEnforce mode = "enforce"
	modeTesting mode = "testing"
	modeNone    mode = "none"
)

// policy is one MTA-STS policy; the zero value is none.
type policy struct {
	mode   mode
	maxAge time.Duration
	hosts  []string // patterns
}

// maxMaxAge is a year (RFC 8461 §3.2).
const maxMaxAge = 31557600

// parsePolicy reads a policy (RFC 8461 §3.2). Of a field that comes twice the first counts; unknown fields are passed over.
func parsePolicy(text string) (policy, error) {
	fields := map[string]string{}
	var p policy
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			return policy{}, fmt.Errorf("line %q is no field", clip(line))
		}
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if key == "mx" {
			p.hosts = append(p.hosts, strings.ToLower(strings.TrimSuffix(value, ".")))
		} else if _, twice := fields[key]; !twice {
			fields[key] = value
		}
	}
	age, err := strconv.ParseUint(fields["max_age"], 10, 32)
	p.mode, p.maxAge = mode(fields["mode"]), time.Duration(min(age, maxMaxAge))*time.Second
	switch {
	case fields["version"] != "STSv1":
		return policy{}, errors.New("it is not of version STSv1")
	case err != nil:
		return policy{}, fmt.Errorf("max_age %q is no number of seconds", clip(fields["max_age"]))
	case p.mode != modeEnforce && p.mode != modeTesting && p.mode != modeNone:
		return policy{}, fmt.Errorf("mode %q is unknown", clip(fields["mode"]))
	case p.mode != modeNone && len(p.hosts) == 0:
		return policy{}, errors.New("it lists no mx")
	}
	return p, nil
}

func clip(s string) string { return s[:min(len(s), 80)] }

// lists reports whether a host is one of the policy's: by its name, or by a * for its first label (RFC 8461 §4.1).
func (p policy) lists(host string) bool {
	for _, pattern := range p.hosts {
		if strings.EqualFold(pattern, host) {
			return true
		}
		rest, wild := strings.CutPrefix(pattern, "*.")
		if _, parent, ok := strings.Cut(host, "."); wild && ok && strings.EqualFold(rest, parent) {
			return true
		}
	}
	return false
}

// policyID is the id of the one STSv1 record among TXT records, "" where there is none, or more than one (RFC 8461 §3.1).
func policyID(records []string) string {
	id, found := "", 0
	for _, text := range records {
		fields := strings.Split(text, ";")
		if strings.TrimSpace(fields[0]) != "v=STSv1" {
			continue
		}
		found++
		for _, f := range fields[1:] {
			if key, value, _ := strings.Cut(strings.TrimSpace(f), "="); strings.TrimSpace(key) == "id" && id == "" {
				id = strings.TrimSpace(value)
			}
		}
	}
	if found != 1 {
		return ""
	}
	return id
}
