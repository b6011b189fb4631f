package neighbour

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is how long a neighbour may take to start or to end on a busy machine.
const patience = 60 * time.Second

// process is a server in the foreground, with its log.
type process struct {
	t    testing.TB
	name string
	argv []string
	env  []string // beside ours
	root string   // the folder that is its whole file system, if not empty
	// apart gives it a process group of its own: it ends the whole group when it ends, and with it a neighbour in the same one. (Postfix makes its own and does not start as the leader of another.)
	apart bool
	// unshared are the namespaces of its own that it starts in.
	unshared uintptr

	cmd   *exec.Cmd
	ended chan struct{}
	guard io.WriteCloser

	mu  sync.Mutex
	log strings.Builder
}

func newProcess(t testing.TB, name string, argv ...string) *process {
	p := &process{t: t, name: name, argv: argv}
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("log of %s:\n%s", p.name, p.tail())
		}
	})
	return p
}

// start runs it and returns when all the addresses accept connections.
func (p *process) start(addrs ...string) {
	p.t.Helper()
	if p.ended != nil {
		p.t.Fatalf("%s runs already", p.name)
	}
	p.cmd = exec.Command(p.argv[0], p.argv[1:]...)
	r, w, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: p.apart, Unshareflags: p.unshared}
	if p.root != "" {
		p.cmd.SysProcAttr.Chroot, p.cmd.Dir = p.root, "/"
	}
	err = p.cmd.Start()
	w.Close()
	if err != nil {
		p.t.Fatalf("starting %s: %v", p.name, err)
	}
	p.ended = make(chan struct{})
	p.watch()
	go p.read(r)
	go func(ended chan struct{}) { _ = p.cmd.Wait(); close(ended) }(p.ended)
	for _, addr := range addrs {
		p.await(addr)
	}
}

// watch makes sure that the server does not outlive the test, whatever ends that: a shell waits for a word that says it has ended, and ends it when the pipe breaks instead.
// (A signal at the parent's death is forgotten by programs that drop privileges.)
func (p *process) watch() {
	p.t.Helper()
	guard := exec.Command("/bin/sh", "-c", fmt.Sprintf("read word || kill %d", p.cmd.Process.Pid))
	var err error
	if p.guard, err = guard.StdinPipe(); err != nil {
		p.t.Fatal(err)
	}
	if err := guard.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() { _ = guard.Wait() }()
}

func (p *process) read(r io.ReadCloser) {
	defer r.Close()
	for lines := bufio.NewScanner(r); lines.Scan(); {
		p.mu.Lock()
		fmt.Fprintln(&p.log, lines.Text())
		p.mu.Unlock()
	}
}

// tail is the end of the log.
func (p *process) tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := p.log.String()
	const most = 16 << 10
	return text[max(0, len(text)-most):]
}

// await returns when a connection to addr is accepted.
func (p *process) await(addr string) {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for {
		if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			c.Close()
			return
		}
		select {
		case <-tick.C:
		case <-p.ended:
			p.t.Fatalf("%s ended:\n%s", p.name, p.tail())
		case <-late:
			p.t.Fatalf("%s does not listen at %s:\n%s", p.name, addr, p.tail())
		}
	}
}

// stop ends it in order; calling it twice is harmless.
func (p *process) stop() {
	if p.ended == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Errorf("%s did not end in time", p.name)
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	fmt.Fprintln(p.guard, "ended")
	p.guard.Close()
	p.ended = nil
}

// addresses counts the loopback addresses given out.
var addresses atomic.Int32

// Address returns an IPv4 loopback address that nothing else on this machine is likely to use.
func Address() string {
	n := addresses.Add(1)
	pid := os.Getpid()
	return net.IPv4(127, byte(64+pid>>8&127), byte(pid), byte(n)).String()
}

// folder makes a temporary folder with a short path (sockets' paths have a limit) that servers can enter without privileges.
func folder(t testing.TB, name string) string { t.Helper(); return folderIn(t, "", name) }

func folderIn(t testing.TB, parent, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp(parent, "ph-"+name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}
