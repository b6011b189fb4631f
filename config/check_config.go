package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// checker looks at what only the whole configuration can tell: references between its parts, keys that
// need one another, choices that would be dangerous.
type checker struct {
	*decoder
	cfg *Config
	// blind: the mailboxes file could not be read, so nobody knows which mailboxes there are, and one error says it.
	blind bool
	// beside are problems and warnings of the list of recipients, a file of its own.
	beside, besideWarnings []Problem
}

func (c *checker) check() {
	c.domains()
	for _, name := range c.cfg.serverNames() {
		s := c.cfg.Servers[name]
		c.server("servers."+name, &s)
		c.cfg.Servers[name] = s
	}
	c.listeners()
	c.submission()
	c.hidden()
	c.recipients()
	c.folders()
	c.route("routes.arriving", RoleMX, c.cfg.Routes.Arriving)
	c.route("routes.submission", RoleSubmission, c.cfg.Routes.Submission)
	c.route("routes.devices", RoleDevices, c.cfg.Routes.Devices)
	c.srs()
	c.pair("relay.arc", "domain", "selector")
	c.pair("relay.arc", "domain", "key_file")
	c.sources()
	c.canary()
	c.dns()
	c.metrics()
	c.cfg.State = c.path(c.cfg.State)
	c.runs()
	if c.cfg.Control.Socket == "" {
		c.cfg.Control.Socket = filepath.Join(c.cfg.State, "control.sock")
	}
	if n := len(c.cfg.Control.Socket); n > maxSocket {
		c.bad("control.socket", `for example socket = "/run/posthouse/control.sock"`, "the control socket's path has %d octets, it can have %d", n, maxSocket)
	}
}

// maxSocket is how many octets the path of a Unix socket can have (sun_path of unix(7), less the NUL).
const maxSocket = 107

// bad reports a problem with the value at path, or where it is not in the file, with the nearest table.
func (c *checker) bad(path, hint, format string, args ...any) {
	at, found := c.place(path)
	c.src.found = append(c.src.found, finding{at: at, whole: !found, text: fmt.Sprintf(format, args...), hint: hint})
}

// badKey is bad for a key that the user chose.
func (c *checker) badKey(path, hint, format string, args ...any) {
	c.src.report(c.keys[path], fmt.Sprintf(format, args...), hint)
}

func (c *checker) warning(path, hint, format string, args ...any) {
	at, found := c.place(path)
	c.src.warnings = append(c.src.warnings, finding{at: at, whole: !found, text: fmt.Sprintf(format, args...), hint: hint})
}

func (c *checker) place(path string) (span, bool) {
	for path != "" {
		if at, ok := c.places[path]; ok {
			return at, true
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return span{}, false
}

// given says that the key stands in the file.
func (c *checker) given(path string) bool {
	_, ok := c.places[path]
	return ok
}

// pair demands that both keys are given or none.
func (c *checker) pair(path, a, b string) {
	for _, keys := range [][2]string{{a, b}, {b, a}} {
		if c.given(join(path, keys[0])) && !c.given(join(path, keys[1])) {
			c.bad(join(path, keys[0]), "", "%s needs %s as well", keys[0], keys[1])
		}
	}
}

func (c *checker) domains() {
	for i, d := range c.cfg.Domains {
		if d != "" && slices.Index(c.cfg.Domains, d) < i {
			c.bad(fmt.Sprintf("domains[%d]", i), "", "%q is there already", d)
		}
	}
	for alias, real := range c.cfg.AliasDomains {
		path := "alias_domains." + alias
		if slices.Contains(c.cfg.Domains, alias) {
			c.badKey(path, "", "%q is one of the domains already", alias)
		}
		if real != "" && c.cfg.domainsKnown() && !slices.Contains(c.cfg.Domains, real) {
			c.bad(path, didYouMean(real, c.cfg.Domains), "%q is none of the domains", real)
		}
	}
}

func (c *checker) sources() {
	for name, s := range c.cfg.Evidence {
		at := "evidence." + name
		switch {
		case s.File != "":
			c.logFile(at+".file", s.File)
			if len(s.Journal) > 0 {
				c.warning(at+".journal", "", "the journal is not read where there is a file: a log is one of the two")
			}
		case len(s.Journal) == 0:
			c.bad(at, `for example file = "/var/log/mail.log", or journal = ["dovecot"]`, "[%s] needs file or journal", at)
		}
	}
}

// logFile only warns: a log may begin tomorrow, and its absence is blindness, which the verdict tells.
func (c *checker) logFile(path, pattern string) {
	files, err := filepath.Glob(pattern)
	switch {
	case err != nil:
		c.bad(path, "", "%q is not a pattern", pattern)
	case len(files) == 0:
		c.warning(path, "", "no file is named %s", pattern)
	default:
		if bad := readableFile(files[0], false); bad != nil {
			c.warning(path, bad.hint, "%s", bad.text)
		}
	}
}
