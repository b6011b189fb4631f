package config

import (
	"net/url"
	"path/filepath"
	"strings"
)

// DAVLogin stands in Server.DAV for the mailbox's login.
const DAVLogin = "{login}"

// DAVFiles begins Server.DAV where calendars and address books are files.
const DAVFiles = "file://"

// checkDAV takes a URL, or a domain that is looked up. Whether plain http may leave the machine is checked with the whole server.
func checkDAV(text string) (string, *fault) {
	if !strings.Contains(text, "://") {
		return checkDomain(text)
	}
	if dir, files := strings.CutPrefix(text, DAVFiles); files {
		if !filepath.IsAbs(dir) || !strings.Contains(dir, DAVLogin) {
			return "", faultf("files lie in a folder for each login: file:///srv/export/%s", DAVLogin)
		}
		return text, nil
	}
	u, err := url.Parse(strings.ReplaceAll(text, DAVLogin, "login"))
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", &fault{text: "this is not a URL that can be used", hint: "for example https://dav.example.com/"}
	}
	return text, nil
}

// dav keeps events and passwords from travelling in the clear.
func (c *checker) dav(path string, s *Server) {
	u, err := url.Parse(strings.ReplaceAll(s.DAV, DAVLogin, "login"))
	if err != nil || u.Scheme != "http" || s.InsecurePlaintext || isLoopback(u.Hostname()) {
		return
	}
	c.bad(path+".dav", "use https, or say insecure_plaintext = true", "calendars and passwords would go to %s in the clear", u.Hostname())
}

// HasDAV reports whether both sides of a mailbox have calendars and address books that can be reached.
func (c *Config) HasDAV(m Mailbox) bool {
	return c.Servers[m.Legacy.Server].DAV != "" && c.Servers[m.Cloud.Server].DAV != ""
}

// DAVAlone reports whether a mailbox has calendars and address books that can be reached, and no mail: its old server has no imap.
func (c *Config) DAVAlone(m Mailbox) bool {
	return c.HasDAV(m) && c.Servers[m.Legacy.Server].IMAP == ""
}
