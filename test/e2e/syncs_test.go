package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"posthouse/test/neighbour"
)

// What the kernel was asked to do, in its order: before each 250 for a message its octets were written to a file and that file was synced, in the state folder.
func TestSyncedBefore250(t *testing.T) {
	t.Parallel()
	neighbour.Require(t, "strace")
	o := newOffice(t, folder(t), small, nil)
	o.mx.Stop() // nothing else is to be read or written
	o.daemon.start()
	calls := filepath.Join(o.daemon.dir(), "calls")
	detach := traced(t, o.daemon.cmd.Process.Pid, calls)
	var letters []string
	for n := range 40 {
		letters = append(letters, fmt.Sprintf("traced-%d-end", n))
		if answer := o.send(letters[n], n%4*50<<10, staff[0]); answer.Code != 250 {
			t.Fatalf("letter %d: %s", n, answer)
		}
	}
	detach()
	text, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(o.daemon.dir(), "state") + "/"
	p := promises{state: state, written: map[string]map[string]bool{}, safe: map[string]bool{}, syncing: map[string][]string{}}
	for line := range strings.Lines(string(text)) {
		p.see(line)
	}
	if p.kept != len(letters) || len(p.broken) > 0 {
		t.Errorf("%d of %d letters were synced before their 250; not so: %s", p.kept, len(letters), p.broken)
	}
	o.daemon.stop()
}

// traced has the process's writes and syncs written to a file, with whole strings and the names of files, until detach is called.
func traced(t *testing.T, pid int, into string) (detach func()) {
	t.Helper()
	cmd := exec.Command("strace", "-f", "-y", "-s", "70000", "-e", "trace=write,pwrite64,writev,fsync,fdatasync", "-o", into, "-p", strconv.Itoa(pid))
	talk := &transcript{}
	cmd.Stderr = talk
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	neighbour.Wait(t, patience, "strace to watch the process", func() bool { return strings.Contains(talk.String(), "attached") })
	return func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // it ends with the signal's status
	}
}

// promises reads what strace says, line by line. A call that others overtake has two lines: the end of a sync counts, and what was written when it began.
type promises struct {
	state   string
	written map[string]map[string]bool // letters that were written to a file and not synced
	syncing map[string][]string        // letters that a thread's sync under way makes safe
	safe    map[string]bool
	current string // the letter that is being sent
	kept    int
	broken  []string
}

var (
	call     = regexp.MustCompile(`^(\d+) +(\w+)\(\d+<([^>]*)>`)
	resumed  = regexp.MustCompile(`^(\d+) +<\.\.\. (fsync|fdatasync) resumed>`)
	letterIn = regexp.MustCompile(testField + `: (traced-\d+-end)`)
)

func (p *promises) see(line string) {
	if m := resumed.FindStringSubmatch(line); m != nil {
		p.synced(m[1])
		return
	}
	m := call.FindStringSubmatch(line)
	if m == nil {
		return
	}
	thread, name, file := m[1], m[2], m[3]
	inState := strings.HasPrefix(file, p.state)
	switch {
	case inState && (name == "fsync" || name == "fdatasync"):
		for letter := range p.written[file] {
			p.syncing[thread] = append(p.syncing[thread], letter)
		}
		if !strings.Contains(line, "<unfinished") {
			p.synced(thread)
		}
	case inState:
		for _, m := range letterIn.FindAllStringSubmatch(line, -1) {
			if p.written[file] == nil {
				p.written[file] = map[string]bool{}
			}
			p.written[file][m[1]] = true
			p.current = m[1]
		}
	case strings.Contains(line, "250 2.0.0 Ok: queued as"):
		p.answered()
	}
}

func (p *promises) synced(thread string) {
	for _, letter := range p.syncing[thread] {
		p.safe[letter] = true
	}
	delete(p.syncing, thread)
}

func (p *promises) answered() {
	if p.safe[p.current] {
		p.kept++
	} else {
		p.broken = append(p.broken, p.current)
	}
}
