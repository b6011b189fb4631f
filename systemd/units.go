package systemd

import (
	"embed"
	"io/fs"
)

// Executable is where the unit file expects the binary. An installation that
// puts it elsewhere replaces this path in posthouse.service.
const Executable = "/usr/bin/posthouse"

// ExitConfig is the exit status for a bad configuration (EX_CONFIG of
// sysexits.h). posthouse.service names it in RestartPreventExitStatus=.
const ExitConfig = 78

//go:embed units
var embedded embed.FS

// Units returns the unit files, and the sysusers.d file of the service's user,
// in the root of a read-only file system: posthouse.service, posthouse-mx.socket,
// posthouse-submission.socket, posthouse-submissions.socket, posthouse.sysusers.
func Units() fs.FS {
	units, err := fs.Sub(embedded, "units")
	if err != nil {
		return embedded // cannot happen: the folder's name is a constant
	}
	return units
}
