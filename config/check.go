package config

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// fault is what is wrong with a value; a warning does not refuse it.
type fault struct {
	text, hint string
	warning    bool
}

func faultf(format string, args ...any) *fault { return &fault{text: fmt.Sprintf(format, args...)} }

// check looks at a text as its key's "as" tag demands and returns it in canonical form.
func (d *decoder) check(as, text string) (string, *fault) {
	switch as {
	case "":
		return text, nil
	case "path":
		return d.path(text), nil
	case "file":
		return d.path(text), readableFile(d.path(text), false)
	case "secretfile":
		return d.path(text), readableFile(d.path(text), true)
	case "@domain":
		return checkAtDomain(text)
	}
	if c := checks[as]; c != nil {
		return c(text)
	}
	return checkChoice(as, text)
}

var checks = map[string]func(string) (string, *fault){
	"address":     checkAddress,
	"mailbox":     checkAddress,
	"domain":      checkDomain,
	"hostport":    checkHostPort,
	"nexthop":     checkNextHop,
	"listen":      checkListen,
	"url":         checkURL,
	"dav":         checkDAV,
	"fingerprint": checkFingerprint,
	"folder":      checkFolder,
	"timezone":    checkTimezone,
	"network":     checkNetwork,
	"hosts":       checkHosts,
	"sender":      checkSender,
}

func checkChoice(choices, text string) (string, *fault) {
	list := strings.Split(choices, "|")
	for _, c := range list {
		if text == c {
			return text, nil
		}
	}
	return "", &fault{text: fmt.Sprintf("%q is unknown", text), hint: oneOf(text, list)}
}

func (d *decoder) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(d.dir, p)
}

// checkAddress wants local@domain (RFC 5321 §4.1.2, without quoted local parts, which no mailbox has).
// The result is in lower case.
func checkAddress(text string) (string, *fault) {
	at := strings.LastIndexByte(text, '@')
	if at < 1 {
		return "", faultf("%q is not an address", text)
	}
	local := text[:at]
	if len(local) > 64 || strings.ContainsAny(local, " \t\r\n\x00\"(),:;<>@[\\]") || strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return "", faultf("%q is not an address", text)
	}
	domain, bad := checkDomain(text[at+1:])
	if bad != nil {
		return "", faultf("%q is not an address", text)
	}
	return strings.ToLower(local) + "@" + domain, nil
}

func checkAtDomain(text string) (string, *fault) {
	domain, ok := strings.CutPrefix(text, "@")
	if !ok {
		return "", &fault{text: fmt.Sprintf("%q is not a domain's catch-all", text), hint: "write @example.com"}
	}
	domain, bad := checkDomain(domain)
	return "@" + domain, bad
}

// checkDomain gives the domain in lower case, an international one in its ASCII form (RFC 5891).
func checkDomain(text string) (string, *fault) {
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(strings.ToLower(text), "."))
	if err != nil || !isDomain(ascii) {
		f := faultf("%q is not a domain", text)
		if strings.Contains(text, "@") {
			f.hint = "without the @ and what is before it"
		}
		return "", f
	}
	return ascii, nil
}

func isDomain(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

func checkHostPort(text string) (string, *fault) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", &fault{text: fmt.Sprintf("%q is not host:port", text), hint: "for example mail.example.com:993"}
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", faultf("%q is not a port", port)
	}
	if !isHost(host) {
		return "", faultf("%q is not a host", host)
	}
	return text, nil
}

// checkSocket wants unix:/path.
func checkSocket(text string) (string, *fault) {
	path := strings.TrimPrefix(text, socketPrefix)
	switch {
	case !filepath.IsAbs(path):
		return "", &fault{text: fmt.Sprintf("%q is no absolute path", path), hint: "for example unix:/run/dovecot/lmtp"}
	case len(path) > 107: // unix(7)
		return "", faultf("a socket's path has 107 characters at most")
	}
	return text, nil
}

// socketPrefix says that a server is reached by a socket of this machine.
const socketPrefix = "unix:"

func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	_, bad := checkDomain(host)
	return bad == nil
}

// checkListen wants [host]:port; an empty host is every address, port 0 any free one.
func checkListen(text string) (string, *fault) {
	if text == "" {
		return "", nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", &fault{text: fmt.Sprintf("%q is not an address to listen on", text), hint: "for example :25 or 192.0.2.1:25"}
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", faultf("%q is not a port", port)
	}
	if host != "" && !isHost(host) {
		return "", faultf("%q is not a host", host)
	}
	return text, nil
}

// checkURL wants https, as secrets go there; plain http only to this machine.
func checkURL(text string) (string, *fault) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return "", &fault{text: "this is not a URL that can be used", hint: "for example https://login.example.com/token"}
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		return "", &fault{text: fmt.Sprintf("secrets do not travel by %q", u.Scheme), hint: "write https://"}
	}
	return text, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// checkFingerprint takes 64 hexadecimal digits, in pairs with colons too, as openssl prints them.
func checkFingerprint(text string) (string, *fault) {
	digits := strings.ToLower(strings.ReplaceAll(text, ":", ""))
	if b, err := hex.DecodeString(digits); err != nil || len(b) != 32 {
		return "", &fault{text: "this is not a SHA-256 fingerprint", hint: "64 hexadecimal digits: openssl x509 -noout -fingerprint -sha256 -in CERT"}
	}
	return digits, nil
}

func checkTimezone(text string) (string, *fault) {
	if _, err := time.LoadLocation(text); err != nil {
		return "", &fault{text: fmt.Sprintf("time zone %q is not known", text), hint: "for example Europe/Berlin, UTC"}
	}
	return text, nil
}

func checkNetwork(text string) (string, *fault) {
	p, err := parseNetwork(text)
	if err != nil {
		return "", faultf("%v", err)
	}
	return p.String(), nil
}

// parseNetwork reads 10.0.4.0/24, or one address.
func parseNetwork(text string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(text); err == nil && ip.Zone() == "" {
		return netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("%q is not a network (like 10.0.4.0/24, 192.0.2.1)", text)
	}
	if p != p.Masked() {
		return p, fmt.Errorf("%q has bits beyond its mask; the network is %s", text, p.Masked())
	}
	return p, nil
}
