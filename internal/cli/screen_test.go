package cli

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// vt is as much of a terminal as the screen needs: lines, CUU, ED and CR.
type vt struct {
	mu   sync.Mutex
	rows []string
	row  int
}

var sequence = regexp.MustCompile("^\x1b\\[([0-9]*)([A-Za-z])")

func (v *vt) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for rest := string(p); rest != ""; {
		if m := sequence.FindStringSubmatch(rest); m != nil {
			rest = rest[len(m[0]):]
			v.control(m[1], m[2])
			continue
		}
		r := []rune(rest)[0]
		rest = rest[len(string(r)):]
		v.put(r)
	}
	return len(p), nil
}

func (v *vt) control(n, what string) {
	switch what {
	case "A":
		up, _ := strconv.Atoi(n)
		v.row -= up
	case "J":
		v.rows = v.rows[:v.row]
	}
}

func (v *vt) put(r rune) {
	for len(v.rows) <= v.row {
		v.rows = append(v.rows, "")
	}
	switch r {
	case '\n':
		v.row++
	case '\r':
	default:
		v.rows[v.row] += string(r)
	}
}

func (v *vt) shows() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.rows)
}

func printerOn(w io.Writer) *printer { return &printer{w: w, fd: -1} }

func plainLine(text string) line { return line{{plain, text}} }

func TestScreenKeepsTheBlockBelow(t *testing.T) {
	term := &vt{}
	s := newScreen(printerOn(term))
	fmt.Fprintln(s, "first")
	s.draw(plainLine("bar 1"), plainLine("bar 2"))
	fmt.Fprintln(s, "second")
	s.draw(plainLine("bar 3"), plainLine("bar 4"), plainLine("bar 5"))
	if got, want := term.shows(), []string{"first", "second", "bar 3", "bar 4", "bar 5"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	s.draw(plainLine("bar 6"))
	s.draw()
	s.draw()
	fmt.Fprintln(s, "third")
	if got, want := term.shows(), []string{"first", "second", "third"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestScreenFromManyGoroutines(t *testing.T) {
	term := &vt{}
	s := newScreen(printerOn(term))
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			fmt.Fprintf(s, "line %d\n", i)
			s.draw(plainLine("bar"))
		})
	}
	all.Wait()
	s.draw(plainLine("last"))
	got := term.shows()
	if len(got) != 21 || got[20] != "last" || slices.Contains(got[:20], "bar") {
		t.Errorf("got %q", got)
	}
}

func TestPrinterRemembersTheError(t *testing.T) {
	p := printerOn(fullDisk{})
	p.print(plainLine("x"))
	p.object(1)
	if p.err != io.ErrShortWrite {
		t.Errorf("got %v", p.err)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestPrinterObjectIsOneLine(t *testing.T) {
	var b bytes.Buffer
	printerOn(&b).object(map[string]string{"a": "<x>\n"})
	if got, want := b.String(), `{"a":"<x>\n"}`+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNewPrinterOfAFileIsNoTerminal(t *testing.T) {
	p := newPrinter(&strings.Builder{}, func(string) string { return "" })
	if p.terminal || p.colour || p.width() != 0 {
		t.Errorf("got %+v", p)
	}
}
