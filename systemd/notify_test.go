package systemd

import (
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// serviceManager is a notify socket, set as NOTIFY_SOCKET.
func serviceManager(t *testing.T) *net.UnixConn {
	t.Helper()
	addr := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"}
	conn, err := net.ListenUnixgram("unixgram", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", addr.Name)
	return conn
}

func received(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatalf("nothing came: %v", err)
	}
	return string(buf[:n])
}

func TestNotifications(t *testing.T) {
	conn := serviceManager(t)
	for _, tc := range []struct {
		name string
		send func() error
		want string
	}{
		{"ready", Ready, `READY=1`},
		{"stopping", Stopping, `STOPPING=1`},
		{"status", func() error { return Status("3 queued") }, `STATUS=3 queued`},
		{"status is one line", func() error { return Status("3 queued\nREADY=1\r\n") }, `STATUS=3 queued READY=1`},
		{"reloading", Reloading, `RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]+\n`},
		{"extend", func() error { return ExtendTimeout(90 * time.Second) }, `EXTEND_TIMEOUT_USEC=90000000`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.send(); err != nil {
				t.Fatal(err)
			}
			if got := received(t, conn); !regexp.MustCompile("^" + tc.want + "$").MatchString(got) {
				t.Errorf("sent %q, want %s", got, tc.want)
			}
		})
	}
}

func TestNotifyOutsideSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Ready(); err != nil {
		t.Errorf("without a service manager: %v", err)
	}
}

func TestNotifyToADeadSocket(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	if err := Ready(); err == nil || !strings.HasPrefix(err.Error(), "notifying systemd: ") {
		t.Errorf("with a dead socket: %v, want an error that says so", err)
	}
}
