// Posthouse stands next to an old mail server while an organisation moves to the cloud. What it does is in package cli, one file for each command.
package main

import (
	"os"
	_ "time/tzdata" // the time zones of logs, where the machine has none installed

	"posthouse/internal/cli"
)

// version is set by the linker: -ldflags "-X main.version=v1.2.0".
var version string

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.ThisBuild(version), os.Stdin, os.Stdout, os.Stderr))
}
