package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"posthouse/config"
)

// configFailure is a configuration that cannot be used, with all that is wrong with it.
func configFailure(path string, err error) error {
	f := &failure{code: exitConfig, problems: problemsOf(path, err), next: "posthouse config validate --config " + config.Word(path), err: err}
	f.what = fmt.Sprintf("%s: %s", path, counted(len(f.problems), "error", "errors"))
	return f
}

// problemsOf are the problems of a configuration; an error of another kind is one without a place.
func problemsOf(path string, err error) []config.Problem {
	var all *config.Errors
	if errors.As(err, &all) {
		return all.Problems
	}
	return []config.Problem{{File: path, Text: err.Error()}}
}

// load reads a configuration, all of it.
func load(path string) (*config.Config, error) {
	if err := readable(path); err != nil {
		return nil, err
	}
	cfg, err := config.Load(path)
	if err != nil {
		return nil, configFailure(path, err)
	}
	return cfg, nil
}

// readable tells what a person meets first, no file or no right, from a wrong configuration.
func readable(path string) error {
	f, err := os.Open(path)
	switch {
	case err == nil:
		return f.Close()
	case errors.Is(err, fs.ErrPermission):
		return &failure{
			code: exitPermission, what: path + ": permission denied", err: err,
			cause: "the configuration is for root and the service's user only", next: asRoot("status", path),
		}
	case errors.Is(err, fs.ErrNotExist):
		return &failure{
			code: exitConfig, what: path + ": there is no such file", err: err,
			cause: "no cutover was set up here, or its file lies elsewhere (--config FILE)", next: "posthouse config example > posthouse.toml",
		}
	}
	return &failure{code: exitConfig, what: err.Error(), err: err}
}

// socketKeys are the two keys that tell where the running service is reached.
type socketKeys struct {
	State   string
	Control struct{ Socket string }
}

// place is where the running service is reached, and what it leaves when it ends.
type place struct {
	socket string
	state  string // folder
	names  names
}

// names are what the configuration calls ours; empty where it cannot be read.
type names struct {
	Organisation string
	Domains      []string
}

// place finds it. Only the two keys that tell it have to be right: members of the control group, who may not read the mailboxes file, can
// ask, and so can who is just editing the file. Where the file is no TOML the paths are what its lines still say, and broken tells why.
func (a *app) place() (p place, broken, err error) {
	if err := readable(a.config); err != nil {
		return p, nil, err
	}
	data, err := os.ReadFile(a.config)
	if err != nil {
		return p, nil, &failure{code: exitConfig, what: err.Error(), err: err}
	}
	_ = toml.Unmarshal(data, &p.names) // without them addresses are longer, no more
	keys := socketKeys{State: config.Default().State}
	if err := toml.Unmarshal(data, &keys); err != nil {
		keys = salvaged(data)
		broken = configFailure(a.config, a.syntax(data, err))
	}
	p.state = a.beside(keys.State)
	p.socket = filepath.Join(p.state, "control.sock")
	if keys.Control.Socket != "" {
		p.socket = a.beside(keys.Control.Socket)
	}
	return p, broken, nil
}

// salvaged reads each line by itself: a slip in one leaves the others as they are.
func salvaged(data []byte) socketKeys {
	keys := socketKeys{State: config.Default().State}
	var into any = &keys
	for text := range bytes.Lines(data) {
		header, isHeader := strings.CutPrefix(strings.TrimSpace(string(text)), "[")
		name, _, _ := strings.Cut(header, "]")
		switch {
		case isHeader && strings.TrimSpace(name) == "control":
			into = &keys.Control
		case isHeader:
			into = &struct{}{}
		default:
			_ = toml.Unmarshal(text, into) // what says nothing by itself says nothing
		}
	}
	return keys
}

// syntax says what is wrong with a file that is no TOML as `config validate` would.
func (a *app) syntax(data []byte, err error) error {
	if _, better := config.Parse(a.config, data); better != nil {
		return better
	}
	return err
}

// beside makes a path of the configuration absolute: it starts at the file's own folder.
func (a *app) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	if abs, err := filepath.Abs(a.config); err == nil {
		return filepath.Join(filepath.Dir(abs), path)
	}
	return filepath.Join(filepath.Dir(a.config), path)
}

// problemLines is a problem as the configuration words it, line by line.
func problemLines(p config.Problem, before string) []line {
	var lines []line
	p.Text = before + p.Text
	for _, text := range strings.Split(p.String(), "\n") {
		lines = append(lines, line{{plain, text}})
	}
	return lines
}
