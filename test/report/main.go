package main

import (
	"os"
)

func main() {
	r := newReport(os.Stdout)
	if err := r.read(os.Stdin); err != nil {
		os.Stderr.WriteString("report: " + err.Error() + "\n")
		os.Exit(1)
	}
	if !r.finish() {
		os.Exit(1)
	}
}
