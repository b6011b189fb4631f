package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/config"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
	"posthouse/systemd"
)

// fakeService does what its functions say; those that are nil succeed.
type fakeService struct {
	start, stop func(context.Context) error
	reload      func(*config.Config) ([]config.Change, error)
	refused     []string
}

func (f *fakeService) Start(ctx context.Context) error { return call(ctx, f.start) }
func (f *fakeService) Stop(ctx context.Context) error  { return call(ctx, f.stop) }
func (f *fakeService) Addrs(string) []net.Addr {
	return []net.Addr{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2525}}
}

func (f *fakeService) Reload(_ context.Context, next *config.Config) ([]config.Change, error) {
	if f.reload == nil {
		return nil, nil
	}
	return f.reload(next)
}

func (f *fakeService) Refused(errors int, first string) {
	f.refused = append(f.refused, fmt.Sprintf("%d: %s", errors, first))
}

func call(ctx context.Context, f func(context.Context) error) error {
	if f == nil {
		return nil
	}
	return f(ctx)
}

const smallConfig = `
domains = ["example.com"]
state = "state"
[servers.legacy]
side = "legacy"
imap = "127.0.0.1:1"
smtp = "127.0.0.1:1"
[servers.cloud]
side = "cloud"
imap = "127.0.0.1:1"
smtp = "127.0.0.1:1"
[listeners.mx]
role = "mx"
address = "127.0.0.1:0"
`

const smallMailboxes = "address,legacy_server,legacy_login,legacy_password,cloud_server,cloud_login,cloud_password\n" +
	"anna@example.com,legacy,anna,env:NOTHING,cloud,anna,env:NOTHING\n"

// writeConfig makes a configuration that validates, and returns its path.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	t.Setenv("NOTHING", "secret")
	dir := t.TempDir()
	path := filepath.Join(dir, "posthouse.toml")
	for name, text := range map[string]string{path: text, filepath.Join(dir, "mailboxes.csv"): smallMailboxes} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// trial is an app whose ways out and signals the test holds.
type trial struct {
	*app
	stdout, stderr buffer
	told           chan os.Signal
}

func newTrial() *trial {
	t := &trial{told: make(chan os.Signal, 4)}
	t.app = newApp(Build{Version: "v1.2.3"}, strings.NewReader(""), &t.stdout, &t.stderr)
	t.app.zone = time.UTC
	t.app.reader = func() (systemd.Reader, bool) { return systemd.Reader{}, false }
	t.app.signals = func() (<-chan os.Signal, func()) { return t.told, func() {} }
	return t
}

// run runs `run` with a service, and calls during when it is up. Time is the bubble's.
func (t *trial) run(path string, s *fakeService, during func()) int {
	t.app.service = func(serviceOptions) service { return s }
	code := make(chan int)
	go func() { code <- t.main(context.Background(), []string{"run", "--progress", "none", "--config", path}) }()
	synctest.Wait()
	during()
	return <-code
}

func TestRunEndsWhenTold(t *testing.T) {
	path := writeConfig(t, smallConfig)
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		synctest.Test(t, func(t *testing.T) {
			tr := newTrial()
			stopped := false
			s := &fakeService{stop: func(context.Context) error { stopped = true; return nil }}
			code := tr.run(path, s, func() { tr.told <- sig })
			if code != exitDone || !stopped {
				t.Errorf("exit code %d, stopped: %v\n%s", code, stopped, tr.stderr.String())
			}
			for _, want := range []string{"posthouse is running", "takes mail   address=127.0.0.1:2525 listener=mx role=mx", "stopping", "stopped"} {
				if !strings.Contains(tr.stderr.String(), want) {
					t.Errorf("%q is not in the log:\n%s", want, tr.stderr.String())
				}
			}
			if tr.stdout.String() != "" {
				t.Errorf("on stdout: %s", tr.stdout.String())
			}
		})
	}
}

func TestRunStopTime(t *testing.T) {
	path := writeConfig(t, smallConfig)
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial()
		begin := time.Now()
		s := &fakeService{stop: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		code := tr.run(path, s, func() { tr.told <- syscall.SIGTERM })
		if took := time.Since(begin); took != 30*time.Second || code != exitDone {
			t.Errorf("exit code %d after %s", code, took)
		}
		if !strings.Contains(tr.stderr.String(), "is taken up again at the next start") {
			t.Errorf("got %s", tr.stderr.String())
		}
	})
}

func TestRunSecondSignalAborts(t *testing.T) {
	path := writeConfig(t, smallConfig)
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial()
		begin := time.Now()
		var started context.Context
		release := make(chan struct{})
		s := &fakeService{
			start: func(ctx context.Context) error { started = ctx; return nil },
			stop:  func(context.Context) error { <-release; return nil }, // it hangs
		}
		code := tr.run(path, s, func() {
			tr.told <- syscall.SIGTERM
			tr.told <- syscall.SIGHUP
			time.Sleep(sameSignal)
			tr.told <- syscall.SIGTERM
		})
		if took := time.Since(begin); took != sameSignal+abortTime || code != exitFailed {
			t.Errorf("exit code %d after %s", code, took)
		}
		if started.Err() == nil {
			t.Error("the service's context goes on")
		}
		close(release)
	})
}

// timeout(1) tells the process and then its group: that is one signal, and the stop stays one in order.
func TestRunSignalTwiceAtOnce(t *testing.T) {
	path := writeConfig(t, smallConfig)
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial()
		s := &fakeService{stop: func(context.Context) error { time.Sleep(3 * time.Second); return nil }}
		code := tr.run(path, s, func() {
			tr.told <- syscall.SIGTERM
			time.Sleep(sameSignal / 2)
			tr.told <- syscall.SIGTERM
		})
		if code != exitDone || strings.Contains(tr.stderr.String(), "aborted") {
			t.Errorf("exit code %d:\n%s", code, tr.stderr.String())
		}
	})
}

func TestRunToldWhileStarting(t *testing.T) {
	path := writeConfig(t, smallConfig)
	for name, start := range map[string]func(context.Context) error{
		"gives up":         func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"starts all right": func(ctx context.Context) error { <-ctx.Done(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := newTrial()
				stops := 0
				s := &fakeService{start: start, stop: func(context.Context) error { stops++; return nil }}
				code := tr.run(path, s, func() { tr.told <- syscall.SIGHUP; tr.told <- syscall.SIGINT })
				if code != exitDone {
					t.Errorf("exit code %d: %s", code, tr.stderr.String())
				}
				if want := map[string]int{"gives up": 0, "starts all right": 1}[name]; stops != want {
					t.Errorf("stopped %d times, want %d", stops, want)
				}
			})
		})
	}
}

// A long start asks the service manager for time, but not for ever.
func TestRunLongStart(t *testing.T) {
	path := writeConfig(t, smallConfig)
	manager := filepath.Join(t.TempDir(), "n")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: manager, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadBuffer(1 << 20); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", manager)
	told := make(chan int)
	go func() {
		n := 0
		for buf := make([]byte, 4096); ; {
			size, err := conn.Read(buf)
			if err != nil || string(buf[:size]) == "END" {
				told <- n
				return
			}
			if string(buf[:size]) == "EXTEND_TIMEOUT_USEC=30000000" {
				n++
			}
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial()
		start := func(ctx context.Context) error { time.Sleep(2 * time.Hour); return errors.New("enough") }
		if code := tr.run(path, &fakeService{start: start}, func() {}); code != exitFailed {
			t.Errorf("exit code %d: %s", code, tr.stderr.String())
		}
	})
	if err := systemd.Notify("END"); err != nil {
		t.Fatal(err)
	}
	if n := <-told; n < 170 || n > 180 { // every 10 s for half an hour
		t.Errorf("asked %d times", n)
	}
}

func TestRunStopFails(t *testing.T) {
	path := writeConfig(t, smallConfig)
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial()
		s := &fakeService{stop: func(context.Context) error { return errors.New("closing the ledger: disk gone") }}
		if code := tr.run(path, s, func() { tr.told <- syscall.SIGTERM }); code != exitFailed || !strings.Contains(tr.stderr.String(), "disk gone") {
			t.Errorf("exit code %d: %s", code, tr.stderr.String())
		}
	})
}

func TestRunReload(t *testing.T) {
	path := writeConfig(t, smallConfig)
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial()
		var got *config.Config
		var refuse error
		s := &fakeService{reload: func(next *config.Config) ([]config.Change, error) {
			got = next
			if next.Organisation == "" {
				return nil, refuse
			}
			return []config.Change{{Key: "organisation", New: next.Organisation, Live: true}, {Key: "state", Old: "/a", New: "/b"}}, refuse
		}}
		reload := func(text string) string {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			before := len(tr.stderr.String())
			tr.told <- syscall.SIGHUP
			synctest.Wait()
			return tr.stderr.String()[before:]
		}
		expect := func(log string, wants ...string) {
			t.Helper()
			for _, want := range wants {
				if !strings.Contains(log, want) {
					t.Errorf("%q is not in the log:\n%s", want, log)
				}
			}
		}
		tr.run(path, s, func() {
			expect(reload(smallConfig), "no difference")
			expect(reload("organisation = \"New\"\n"+smallConfig), "configuration: organisation: - → New (live)", "configuration: state: /a → /b (restart)", "1 in force, 1 change takes a restart")
			got = nil
			expect(reload("quite = 1\n"+smallConfig), `posthouse.toml:1:1: unknown key "quite"`, "1 error: the configuration stays as it was")
			if got != nil {
				t.Error("a wrong configuration reached the service")
			}
			refuse = errors.New("reading the certificate: no such file")
			expect(reload(smallConfig), "reading the certificate: no such file", "stays as it was")
			want := []string{"1: " + path + `:1:1: unknown key "quite"`, "1: " + path + ": reading the certificate: no such file"}
			if len(s.refused) != 2 || !strings.HasPrefix(s.refused[0], want[0]) || strings.Contains(s.refused[0], "\n") || s.refused[1] != want[1] {
				t.Errorf("the status was told %q, want %q", s.refused, want)
			}
			tr.told <- syscall.SIGTERM
		})
	})
}

func TestRunReloadChangesTheLevel(t *testing.T) {
	path := writeConfig(t, smallConfig)
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial()
		tr.run(path, &fakeService{}, func() {
			if err := os.WriteFile(path, []byte(smallConfig+"[log]\nlevel = \"error\"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			tr.told <- syscall.SIGHUP
			synctest.Wait()
			before := len(tr.stderr.String())
			tr.told <- syscall.SIGHUP
			synctest.Wait()
			if log := tr.stderr.String()[before:]; log != "" {
				t.Errorf("at level error it says %s", log)
			}
			tr.told <- syscall.SIGTERM
		})
	})
}

func TestStartFailure(t *testing.T) {
	path := writeConfig(t, smallConfig)
	inUse := &net.OpError{Op: "listen", Net: "tcp", Addr: &net.TCPAddr{Port: 25}, Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	noRight := &net.OpError{Op: "listen", Net: "tcp", Addr: &net.TCPAddr{Port: 25}, Err: os.NewSyscallError("bind", syscall.EACCES)}
	tests := []struct {
		name string
		err  error
		code int
		say  string
	}{
		{"locked", &sqlite.LockedError{Folder: "/state", Pid: 812}, exitLater, "posthouse is already running on /state (pid 812)"},
		{"locked by somebody", &sqlite.LockedError{Folder: "/state"}, exitLater, "posthouse is already running on /state\n"},
		{"newer", ledger.ErrNewerSchema, exitFailed, "this binary is older"},
		{"damaged", fmt.Errorf("opening: %w", ledger.ErrDamaged), exitFailed, "put a backup back"},
		{"port in use", inUse, exitFailed, "ss -ltnp 'sport = :25'"},
		{"port of root", noRight, exitPermission, "systemd hands them over"},
		{"no right", &os.PathError{Op: "mkdir", Path: "/state", Err: syscall.EACCES}, exitPermission, "ls -ld"},
		{"full", &os.PathError{Op: "write", Path: "/state", Err: syscall.ENOSPC}, exitLater, "df -h"},
		{"anything", io.ErrUnexpectedEOF, exitFailed, "posthouse did not start: unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := newTrial()
				code := tr.run(path, &fakeService{start: func(context.Context) error { return tt.err }}, func() {})
				if code != tt.code || !strings.Contains(tr.stderr.String(), tt.say) {
					t.Errorf("exit code %d, want %d, saying %q:\n%s", code, tt.code, tt.say, tr.stderr.String())
				}
			})
		})
	}
}

// A port that another program holds is a failure of ours, not of the other side, and says once which listener wanted it.
func TestRunOnABusyPort(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	at := busy.Addr().String()
	tr := newTrial()
	code := tr.main(context.Background(), []string{"run", "--progress", "none", "--config", writeConfig(t, strings.Replace(smallConfig, "127.0.0.1:0", at, 1))})
	said := tr.stderr.String()
	for _, want := range []string{
		"posthouse did not start: listener mx: listen tcp " + at + ": bind: address already in use", "another program holds the address",
		"ss -ltnp 'sport = :" + port(busy.Addr()) + "'",
	} {
		if code != exitFailed || !strings.Contains(said, want) {
			t.Errorf("exit code %d, without %q:\n%s", code, want, said)
		}
	}
}

func TestRunClock(t *testing.T) {
	path := writeConfig(t, smallConfig)
	var got serviceOptions
	run := func(args ...string) (int, string) {
		tr := newTrial()
		tr.app.service = func(o serviceOptions) service {
			got = o
			return &fakeService{start: func(context.Context) error { return errors.New("enough") }}
		}
		return tr.main(context.Background(), append([]string{"run", "--config", path}, args...)), tr.stderr.String()
	}
	run("--clock-start", "2030-01-01T00:00:00Z", "--clock-epoch", time.Now().Add(-time.Hour).Format(time.RFC3339Nano), "--clock-speed", "24")
	if now := got.clock.Now(); now.Sub(time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC)).Abs() > time.Hour || got.speed != 24 {
		t.Errorf("after an hour at speed 24 the clock shows %s (speed %v)", now, got.speed)
	}
	run()
	if off := time.Since(got.clock.Now()).Abs(); off > time.Minute || got.speed != 1 {
		t.Errorf("without flags the clock is %s off (speed %v)", off, got.speed)
	}
	for _, args := range [][]string{{"--clock-speed", "0"}, {"--clock-start", "tomorrow"}, {"--clock-epoch", "1"}} {
		if code, said := run(args...); code != exitUsage {
			t.Errorf("%q: exit code %d: %s", args, code, said)
		}
	}
}
