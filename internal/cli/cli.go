package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
)

// gcPercent lets the heap grow to two and a half times what lives between collections. At 100 sessions that is 68 MiB in place of 53 with 75, for 6 % more mail; with 50,000 queued it stays below 64 MiB, and a
// host with less sets GOGC.
const gcPercent = 150

// Main runs one command and returns the exit code. args are without the program's name.
func Main(args []string, b Build, stdin io.Reader, stdout, stderr io.Writer) int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	return newApp(b, stdin, stdout, stderr).main(context.Background(), args)
}

func (a *app) main(ctx context.Context, args []string) int {
	root := newRoot(a)
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = a.noHelp
	}
	code := a.report(command.CommandPath(), err)
	if a.out.err != nil && code == exitDone {
		return a.report(command.CommandPath(), &failure{code: exitFailed, what: fmt.Sprintf("writing the result: %v", a.out.err), err: a.out.err})
	}
	return code
}

// report says how a command failed, and returns the exit code.
func (a *app) report(command string, err error) int {
	var f *failure
	var s status
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &s):
		return int(s)
	case !errors.As(err, &f):
		f = usageFailure(command, err)
	}
	if a.json {
		a.out.object(failureObject{Schema: errorSchema, Error: f.what, Problems: problemObjects(f.problems), Cause: f.cause, Next: f.next, Exit: f.code})
	}
	a.talk.print(failureText(f)...)
	return f.code
}

// usageFailure is for cobra's own errors.
func usageFailure(command string, err error) *failure {
	return &failure{code: exitUsage, what: wordsOf(command, strings.TrimSpace(err.Error())), next: command + " --help", err: err}
}

// wordsOf says in words how many arguments a command takes.
func wordsOf(command, text string) string {
	var want, got int
	for form, words := range map[string]string{
		"accepts %d arg(s), received %d":                "%q takes %s, not %d",
		"requires at least %d arg(s), only received %d": "%q takes %s or more, not %d",
		"accepts at most %d arg(s), received %d":        "%q takes %s at most, not %d",
	} {
		if n, _ := fmt.Sscanf(text, form, &want, &got); n == 2 {
			return fmt.Sprintf(words, command, counted(want, "argument", "arguments"), got)
		}
	}
	return text
}
