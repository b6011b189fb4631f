package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Default is the configuration that an empty file would mean, were it complete.
func Default() *Config {
	cfg := &Config{}
	setDefaults(reflect.ValueOf(cfg).Elem())
	return cfg
}

// Load reads and checks the file, and the mailboxes file it names. The error is an *Errors with all that
// is wrong; what could not be read at all is a problem in it as well.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &Errors{Problems: []Problem{unreadable(path, err)}}
	}
	return Parse(path, data)
}

// Parse is Load with the TOML at hand. path stands for it in messages, and its folder is what relative
// paths start at.
func Parse(path string, data []byte) (*Config, error) {
	src := &source{file: path, data: bytes.TrimPrefix(data, []byte("\uFEFF"))}
	cfg := Default()
	cfg.File = path
	d := &decoder{src: src, dir: folder(path), places: map[string]span{}, keys: map[string]span{}}
	root, whole := parseTree(src)
	d.section(reflect.ValueOf(cfg).Elem(), root, "")
	if !whole {
		return nil, &Errors{Problems: src.problems(src.found)}
	}
	c := &checker{decoder: d, cfg: cfg}
	r := c.mailboxes()
	c.check()
	doubleCheck(src)
	if problems := slices.Concat(src.problems(src.found), r.problems, c.beside); len(problems) > 0 {
		return nil, &Errors{Problems: problems}
	}
	cfg.Dangers = src.problems(src.dangers)
	cfg.Warnings = slices.Concat(src.problems(src.warnings), r.warnings, c.besideWarnings)
	return cfg, nil
}

func folder(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.Dir(path)
	}
	return filepath.Dir(abs)
}

func unreadable(path string, err error) Problem {
	bad := openFault(path, err)
	var pe *fs.PathError
	if errors.As(err, &pe) {
		bad.text = pe.Err.Error()
	}
	return Problem{File: path, Text: bad.text, Hint: bad.hint}
}

// doubleCheck lets the TOML library read the file as well where we found nothing: it knows rules of the
// language, on tables that are begun in two ways, that our tree does not. It gives no place for them.
func doubleCheck(src *source) {
	if len(src.found) > 0 {
		return
	}
	var any map[string]any
	if err := toml.Unmarshal(src.data, &any); err != nil {
		src.found = append(src.found, finding{whole: true, text: strings.TrimPrefix(err.Error(), "toml: ")})
	}
}

// mailboxes reads the mailboxes file. Without one that is named, none is needed: a file beside the
// configuration is then only a custom.
func (c *checker) mailboxes() *roster {
	path := c.path(c.cfg.MailboxesFile)
	c.cfg.MailboxesFile = path
	r := newRoster(c.cfg, c.shown(path))
	at, named := c.places["mailboxes"]
	f, err := openNow(path)
	if err == nil {
		defer f.Close()
		var data []byte
		if data, err = readAll(f); err == nil {
			r.read(f, data)
			return r
		}
	}
	c.blind = named || !errors.Is(err, fs.ErrNotExist)
	switch {
	case named:
		c.src.report(at, openFault(path, err).text, mailboxesHint(path, err))
	case c.blind:
		p := unreadable(r.file, err)
		p.Hint = mailboxesHint(path, err)
		r.problems = append(r.problems, p)
	default:
		r.warnings = append(r.warnings, Problem{File: r.file, Text: "there is no such file: no mailbox is copied or followed"})
	}
	return r
}

// mailboxesHint lets the service's user read the file, and nobody else.
func mailboxesHint(path string, err error) string {
	if !errors.Is(err, fs.ErrPermission) {
		return ""
	}
	return fmt.Sprintf("chown root:posthouse %s && chmod 0640 %[1]s", Word(path))
}

// shown is how messages name a file: as the configuration was named, where it is in its folder.
func (c *checker) shown(path string) string {
	rel, err := filepath.Rel(c.dir, path)
	if err != nil || !filepath.IsLocal(rel) {
		return path
	}
	return filepath.Join(filepath.Dir(c.cfg.File), rel)
}

func readAll(f *os.File) ([]byte, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", f.Name())
	}
	return io.ReadAll(f)
}

func (c *Config) serverNames() []string { return slices.Sorted(maps.Keys(c.Servers)) }

// serversOf lists the servers of a side by name.
func (c *Config) serversOf(side Side) []string {
	return slices.DeleteFunc(c.serverNames(), func(name string) bool { return c.Servers[name].Side != side })
}
