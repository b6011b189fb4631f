package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/config"
)

func TestLogText(t *testing.T) {
	f := &logText{zone: time.FixedZone("there", 60*60)}
	e := &logrus.Entry{Time: sampleNow, Level: logrus.WarnLevel, Message: "taking mail\nfailed \x1b[31m", Data: logrus.Fields{
		"mailbox": "anna@example.com", "error": errors.New(`no "way"`), "empty": "", "count": 3,
	}}
	got, err := f.Format(e)
	if err != nil {
		t.Fatal(err)
	}
	want := `2026-11-23 19:40:00 warning  taking mail failed �[31m   count=3 empty="" error="no \"way\"" mailbox=anna@example.com` + "\n"
	if string(got) != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestNewLog(t *testing.T) {
	tests := []struct {
		name   string
		config config.Log
		json   bool
		isJSON bool
	}{
		{"auto", config.Log{Level: "info", Format: "auto"}, false, false},
		{"text", config.Log{Level: "info", Format: "text"}, false, false},
		{"json", config.Log{Level: "info", Format: "json"}, false, true},
		{"--json", config.Log{Level: "info", Format: "text"}, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			log := newLog(tt.config, tt.json, &b, printerOn(&b), time.UTC)
			log.Debug("not this")
			log.WithField("mailbox", "anna").Info("this")
			if strings.Contains(b.String(), "not this") {
				t.Errorf("the level does not hold: %s", b.String())
			}
			var o map[string]any
			if isJSON := json.Unmarshal(b.Bytes(), &o) == nil; isJSON != tt.isJSON {
				t.Errorf("got %s", b.String())
			}
			if !strings.Contains(b.String(), "this") || !strings.Contains(b.String(), "anna") {
				t.Errorf("got %s", b.String())
			}
		})
	}
}

func TestJournalThatDoesNotRead(t *testing.T) {
	var b bytes.Buffer
	newLog(config.Log{Level: "info", Format: "journal"}, false, &b, printerOn(&b), time.UTC)
	if !strings.Contains(b.String(), "the journal does not read") {
		t.Errorf("got %q", b.String())
	}
}
