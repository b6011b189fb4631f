package systemd

import (
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Notify sends state, one or more "KEY=value" lines of sd_notify(3), to the
// service manager. Without NOTIFY_SOCKET it does nothing. It may be called from
// any goroutine.
func Notify(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("notifying systemd: %w", err)
	}
	return nil
}

// Ready says that start-up, or a reload, is complete.
func Ready() error { return Notify(daemon.SdNotifyReady) }

// Stopping says that shutdown has begun.
func Stopping() error { return Notify(daemon.SdNotifyStopping) }

// Status sets the one line that "systemctl status" shows. Line ends in text
// become spaces: they would otherwise start another assignment.
func Status(text string) error {
	return Notify("STATUS=" + strings.Join(strings.Fields(text), " "))
}

// Reloading says that the configuration is being read anew; Ready ends it,
// whether the new one was taken or refused. The time stamp is what
// Type=notify-reload asks for; older service managers ignore it.
func Reloading() error {
	return Notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
}

// ExtendTimeout asks for d more, counted from now, before the service manager
// gives up on a start-up or a shutdown. It is to be repeated before d is over.
func ExtendTimeout(d time.Duration) error {
	return Notify(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds()))
}
