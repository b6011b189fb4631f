package systemd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/sirupsen/logrus"
)

func TestJournalHookSendsFields(t *testing.T) {
	type sent struct {
		message  string
		priority journal.Priority
		fields   map[string]string
	}
	var got []sent
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	logger.SetLevel(logrus.TraceLevel)
	logger.AddHook(journalHook{send: func(m string, p journal.Priority, f map[string]string) error {
		got = append(got, sent{m, p, f})
		return nil
	}})
	logger.WithFields(logrus.Fields{"capture": "01JD9F", "size": 14, "err": errors.New("two\nlines")}).Warn("held")
	if len(got) != 1 {
		t.Fatalf("sent %d entries, want 1", len(got))
	}
	want := map[string]string{"SYSLOG_IDENTIFIER": "posthouse", "CAPTURE": "01JD9F", "SIZE": "14", "ERR": "two\nlines"}
	if got[0].message != "held" || got[0].priority != journal.PriWarning || !maps.Equal(got[0].fields, want) {
		t.Errorf("sent %+v, want held, %d, %v", got[0], journal.PriWarning, want)
	}
}

func TestJournalHookLosesNoMessage(t *testing.T) {
	hook := journalHook{send: func(string, journal.Priority, map[string]string) error { return syscall.ECONNREFUSED }}
	err := hook.Fire(&logrus.Entry{Message: "stored 01JD9F"})
	if !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), "stored 01JD9F") {
		t.Errorf("a failed entry: %v, want the message and the cause", err)
	}
}

func TestJournalPriorities(t *testing.T) {
	want := map[logrus.Level]journal.Priority{
		logrus.PanicLevel: 2, logrus.FatalLevel: 2, logrus.ErrorLevel: 3, logrus.WarnLevel: 4,
		logrus.InfoLevel: 6, logrus.DebugLevel: 7, logrus.TraceLevel: 7,
	}
	for _, level := range logrus.AllLevels {
		if got := priority(level); got != want[level] {
			t.Errorf("%s has priority %d, want %d", level, got, want[level])
		}
	}
}

func TestFieldName(t *testing.T) {
	for key, want := range map[string]string{
		"capture":    "CAPTURE",
		"message-id": "MESSAGE_ID",
		"tls.1":      "TLS_1",
		"_pid":       "PID",
		"2nd":        "ND",
		"größe":      "GR__E",
		"message":    "FIELD_MESSAGE",
		"Priority":   "FIELD_PRIORITY",
		"":           "FIELD_",
		"__":         "FIELD_",

		strings.Repeat("x", 70): strings.Repeat("X", 64),
	} {
		if got := fieldName(key); got != want {
			t.Errorf("%q becomes %q, want %q", key, got, want)
		}
	}
}

func TestLogToJournalOnlyWhereStderrIsTheJournal(t *testing.T) {
	var stat syscall.Stat_t
	if err := syscall.Fstat(int(os.Stderr.Fd()), &stat); err != nil {
		t.Fatal(err)
	}
	for name, stream := range map[string]string{
		"unset":            "",
		"not understood":   "journal",
		"another stream's": fmt.Sprintf("%d:%d", stat.Dev, stat.Ino+1),
	} {
		t.Setenv("JOURNAL_STREAM", stream)
		var out bytes.Buffer
		logger := logrus.New()
		logger.SetOutput(&out)
		if LogToJournal(logger) {
			t.Errorf("JOURNAL_STREAM %s: logs to the journal", name)
		}
		logger.Info("still here")
		if !strings.Contains(out.String(), "still here") {
			t.Errorf("JOURNAL_STREAM %s: the logger's output is gone", name)
		}
	}
}
