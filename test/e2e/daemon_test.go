package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/test/neighbour"
)

const (
	// patience bounds every wait of a test; it is long because the machine may be busy.
	patience = 90 * time.Second
	// peakLimit is the most memory that a daemon may ever have had resident, where a test says no other.
	peakLimit = 100 << 20
)

// daemon is one cutover's process, again and again: its configuration and state stay.
type daemon struct {
	t      testing.TB
	config string // path
	args   []string
	client *control.Client
	stderr *transcript

	cmd   *exec.Cmd
	ended chan struct{}
	peak  int // octets, of all its lives
	most  int // that peak may be
}

// folder makes an empty folder; t.TempDir's are too long for the control socket's path. POSTHOUSE_KEEP, if set, leaves configuration, log and state in it to be
// looked at.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ph-run")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if os.Getenv("POSTHOUSE_KEEP") == "" {
			os.RemoveAll(dir)
		}
	})
	return dir
}

// newDaemon writes a configuration into a folder; nothing runs yet. files are further files, by name.
func newDaemon(t testing.TB, dir, toml string, files map[string]string) *daemon {
	t.Helper()
	d := &daemon{t: t, config: filepath.Join(dir, "posthouse.toml"), stderr: &transcript{}, most: peakLimit}
	d.client = control.Dial(filepath.Join(dir, "state", "control.sock"))
	d.write("posthouse.toml", toml)
	for name, text := range files {
		d.write(name, text)
	}
	t.Cleanup(d.cleanUp)
	return d
}

// cleanUp ends what runs, says why a test failed, and holds every daemon to its memory.
func (d *daemon) cleanUp() {
	if d.running() {
		d.measure()
		_ = d.cmd.Process.Kill() // it may just have ended
		<-d.ended
	}
	d.write("log", d.stderr.String())
	if d.t.Failed() {
		d.t.Logf("the daemon's log in %s:\n%s", d.dir(), d.stderr.tail())
	}
	if d.peak > d.most {
		d.t.Errorf("the daemon had %d MiB resident, more than %d", d.peak>>20, d.most>>20)
	}
}

func (d *daemon) dir() string { return filepath.Dir(d.config) }

func (d *daemon) write(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir(), name), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// launch starts the process and does not wait for it.
func (d *daemon) launch() {
	d.t.Helper()
	d.cmd = exec.Command(binary, append([]string{"run", "--config", d.config, "--progress", "none"}, d.args...)...)
	d.cmd.Stdout, d.cmd.Stderr = d.stderr, d.stderr
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) { _ = cmd.Wait(); close(ended) }(d.cmd, d.ended)
}

// start returns when the daemon answers.
func (d *daemon) start() {
	d.t.Helper()
	d.launch()
	neighbour.Wait(d.t, patience, "the daemon to answer", func() bool {
		select {
		case <-d.ended:
			d.t.Fatalf("the daemon ended: %s", d.cmd.ProcessState)
		default:
		}
		_, err := d.client.Status(d.t.Context())
		return err == nil
	})
}

func (d *daemon) running() bool {
	if d.ended == nil {
		return false
	}
	select {
	case <-d.ended:
		return false
	default:
		return true
	}
}

// kill ends it as a power failure would.
func (d *daemon) kill() {
	d.t.Helper()
	d.measure()
	if err := d.cmd.Process.Kill(); err != nil {
		d.t.Fatalf("the daemon had ended by itself: %s", d.cmd.ProcessState)
	}
	<-d.ended
}

// stop ends it in order; it must be quick about it and content.
func (d *daemon) stop() {
	d.t.Helper()
	d.measure()
	d.signal(syscall.SIGTERM)
	if code := d.wait(); code != 0 {
		d.t.Fatalf("the daemon ended with exit code %d", code)
	}
}

func (d *daemon) signal(s os.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
}

// wait returns the exit code.
func (d *daemon) wait() int {
	d.t.Helper()
	select {
	case <-d.ended:
		return d.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		d.t.Fatal("the daemon does not end")
		return -1
	}
}

// measure notes the peak of the resident memory (VmHWM).
func (d *daemon) measure() {
	d.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		d.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	var kib int
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		d.t.Fatalf("no peak memory for pid %d: %v", d.cmd.Process.Pid, err)
	}
	d.peak = max(d.peak, kib<<10)
}

// status asks the running daemon.
func (d *daemon) status() control.Status {
	d.t.Helper()
	s, err := d.client.Status(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// until waits for a status of which ok is true, and returns it.
func (d *daemon) until(what string, ok func(control.Status) bool) control.Status {
	d.t.Helper()
	var last control.Status
	defer func() {
		if d.t.Failed() {
			d.t.Logf("waiting for %s; the last status: queue %+v, copy %+v, mailboxes %+v", what, last.Queue, last.Copy, last.Mailboxes)
		}
	}()
	neighbour.Wait(d.t, patience, what, func() bool {
		last = d.status()
		return ok(last)
	})
	return last
}

// command runs the binary as a person does and returns its output, both kinds, and exit code.
func (d *daemon) command(args ...string) (out, talk string, code int) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, binary, append(args, "--config", d.config)...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		d.t.Fatal(err)
	}
	return stdout.String(), stderr.String(), c.ProcessState.ExitCode()
}

// transcript keeps what a process says.
type transcript struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

// tail is what is worth printing when a test failed.
func (s *transcript) tail() string {
	const most = 16 << 10
	text := s.String()
	return text[max(0, len(text)-most):]
}
