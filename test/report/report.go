package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// event is one line of "go test -json" ("go doc test2json").
type event struct {
	Action     string
	Package    string
	ImportPath string // of build-output and build-fail
	Test       string // empty: the package itself
	Elapsed    float64
	Output     string
}

// key names a test, or a package where Test is empty.
type key struct{ pkg, test string }

type report struct {
	out     io.Writer
	output  map[key]*strings.Builder // of what has not ended yet
	open    map[string]bool          // packages that have begun and not ended
	skipped []string
	said    []string       // what failed tests said, to be said again in the end
	tests   map[string]int // ended tests by action: pass, fail, skip
	failed  int            // packages, builds included
	ended   int            // packages
}

func newReport(out io.Writer) *report {
	return &report{out: out, output: map[key]*strings.Builder{}, open: map[string]bool{}, tests: map[string]int{}}
}

// read takes every event. What is no event (the go command's own words) is passed on.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		text, err := lines.ReadString('\n')
		if text != "" {
			r.line(text)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) line(text string) {
	var e event
	if err := json.Unmarshal([]byte(text), &e); err != nil || e.Action == "" {
		fmt.Fprint(r.out, text)
		return
	}
	r.take(e)
}

func (r *report) take(e event) {
	at := key{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "start":
		r.open[e.Package] = true
	case "output":
		if r.output[at] == nil {
			r.output[at] = &strings.Builder{}
		}
		r.output[at].WriteString(e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(e)
		}
		delete(r.output, at)
	}
}

func (r *report) endTest(e event) {
	r.tests[e.Action]++
	text := r.text(key{e.Package, e.Test})
	switch e.Action {
	case "fail":
		fmt.Fprintf(r.out, "FAIL %s %s\n%s", e.Package, e.Test, text)
		r.said = append(r.said, fmt.Sprintf("FAILED %s %s\n%s", e.Package, e.Test, words(text)))
	case "skip":
		r.skipped = append(r.skipped, fmt.Sprintf("%s %s: %s", e.Package, e.Test, reason(text)))
	}
}

func (r *report) endPackage(e event) {
	delete(r.open, e.Package)
	r.ended++
	took := time.Duration(e.Elapsed * float64(time.Second)).Round(10 * time.Millisecond)
	switch e.Action {
	case "pass":
		fmt.Fprintf(r.out, "ok   %s  %s\n", e.Package, took)
	case "fail":
		r.failed++
		r.unended(e.Package)
		fmt.Fprintf(r.out, "FAIL %s  %s\n%s", e.Package, took, r.text(key{e.Package, ""}))
	case "skip":
		fmt.Fprintf(r.out, "-    %s  has no tests\n", e.Package)
	}
}

// unended prints what the tests of a failed package said that had no end: a panic or the time limit cut them off.
func (r *report) unended(pkg string) {
	cut := slices.DeleteFunc(slices.Collect(maps.Keys(r.output)), func(k key) bool { return k.pkg != pkg || k.test == "" })
	slices.SortFunc(cut, func(a, b key) int { return strings.Compare(a.test, b.test) })
	for _, at := range cut {
		fmt.Fprintf(r.out, "FAIL %s %s did not end\n%s", pkg, at.test, r.text(at))
		delete(r.output, at)
	}
}

func (r *report) text(at key) string {
	if b := r.output[at]; b != nil {
		return b.String()
	}
	return ""
}

// place is what the testing package writes before a test's words.
var place = regexp.MustCompile(`^\S+\.go:\d+:`)

const (
	longestWords = 40  // lines said again of one test, the last ones
	longestMore  = 4   // lines of one message after its first
	longestLine  = 300 // octets
)

// words is what a failed test said, without the logs of servers that it printed: the first lines of each of its messages.
func words(output string) string {
	var said []string
	more := longestMore
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\n")
		switch {
		case place.MatchString(strings.TrimSpace(line)):
			more = 0
		case more < longestMore && strings.HasPrefix(line, "        "):
			more++
		default:
			more = longestMore
			continue
		}
		said = append(said, line[:min(len(line), longestLine)]+"\n")
	}
	return strings.Join(said[max(0, len(said)-longestWords):], "")
}

// reason is what a skipped test said: its output without the lines that the testing package adds, and without the place.
func reason(output string) string {
	var said []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		if line = strings.TrimSpace(place.ReplaceAllString(line, "")); line != "" {
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

// finish prints the rest and reports whether all is well.
func (r *report) finish() bool {
	for _, pkg := range slices.Sorted(maps.Keys(r.open)) {
		r.failed++
		fmt.Fprintf(r.out, "FAIL %s  did not end\n", pkg)
	}
	for _, s := range r.skipped {
		fmt.Fprintf(r.out, "SKIPPED %s\n", s)
	}
	if r.ended+r.failed == 0 {
		fmt.Fprintln(r.out, "FAIL nothing was tested")
		return false
	}
	for _, s := range r.said {
		fmt.Fprint(r.out, s)
	}
	fmt.Fprintf(r.out, "%d packages failed\n%d passed, %d failed, %d skipped\n", r.failed, r.tests["pass"], r.tests["fail"], r.tests["skip"])
	return r.failed == 0 && r.tests["fail"] == 0
}
