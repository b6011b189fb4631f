package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// printer puts lines out. It remembers the first error, so that a full disk behind a redirected result is not taken for success.
type printer struct {
	w        io.Writer
	terminal bool
	colour   bool
	fd       int
	err      error
}

// newPrinter finds out whether w is a terminal and may be coloured (https://no-color.org).
func newPrinter(w io.Writer, env func(string) string) *printer {
	p := &printer{w: w, fd: -1}
	if f, ok := w.(*os.File); ok {
		p.fd = int(f.Fd())
		p.terminal = term.IsTerminal(p.fd) && env("TERM") != "dumb"
	}
	p.colour = p.terminal && env("NO_COLOR") == ""
	return p
}

// size is the terminal's, in columns and rows; 0, 0 where there is none.
func (p *printer) size() (columns, rows int) {
	if !p.terminal {
		return 0, 0
	}
	columns, rows, err := term.GetSize(p.fd)
	if err != nil {
		return 0, 0
	}
	return columns, rows
}

// width is the terminal's, 0 for none: nothing is cut or wrapped then.
func (p *printer) width() int {
	columns, _ := p.size()
	return columns
}

// Write lets other things (help, examples) go the same way.
func (p *printer) Write(data []byte) (int, error) {
	n, err := p.w.Write(data)
	if err != nil && p.err == nil {
		p.err = err
	}
	return n, err
}

// print writes lines, uncut: what scrolls may wrap.
func (p *printer) print(lines ...line) {
	for _, l := range lines {
		fmt.Fprintln(p, l.render(p.colour, 0))
	}
}

// object writes v as one line of JSON.
func (p *printer) object(v any) {
	e := json.NewEncoder(p)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil && p.err == nil {
		p.err = err
	}
}
