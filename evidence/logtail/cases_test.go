package logtail

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"posthouse/evidence"
)

var update = flag.Bool("update", false, "write what Parse says into testdata/cases")

// caseFile is one file of testdata/cases: comments, a config, perhaps a time, then log lines. Behind each line stands, indented, what it gives:
// the Result, "own mail" or "own login" if it shows our own traffic, and one JSON object for each observation. A log line may have a bar in front, that it can begin with "#".
type caseFile struct {
	state *State
	lines []string
	want  []string
}

type caseConfig struct {
	Dialects   []string       `json:"dialects"`
	Zone       string         `json:"zone"`
	Own        []netip.Prefix `json:"own"`
	OwnUsers   []string       `json:"own_users"`
	OwnSenders []string       `json:"own_senders"`
	Local      []netip.Prefix `json:"local"`
	Gateways   []netip.Prefix `json:"gateways"`
	Deliveries bool           `json:"deliveries"`
}

func readCases(t testing.TB, path string) caseFile {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c caseConfig
	before := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	var f caseFile
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "\t"):
			f.want[len(f.want)-1] += line + "\n"
			continue
		case strings.HasPrefix(line, "config "):
			err = json.Unmarshal([]byte(line[len("config "):]), &c)
		case strings.HasPrefix(line, "before "):
			before, err = time.Parse(time.RFC3339, line[len("before "):])
		}
		if err != nil {
			t.Fatalf("%s: %q: %v", path, line, err)
		}
		f.lines, f.want = append(f.lines, line), append(f.want, "")
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		t.Fatal(err)
	}
	f.state = NewState(Config{
		Source: "log", Dialects: c.Dialects, Zone: zone, Own: c.Own, OwnUsers: c.OwnUsers, OwnSenders: c.OwnSenders,
		Local: c.Local, Gateways: c.Gateways, Deliveries: c.Deliveries,
	}, before)
	return f
}

func isLog(line string) bool {
	return !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "config ") && !strings.HasPrefix(line, "before ")
}

func TestCases(t *testing.T) {
	paths, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f := readCases(t, path)
			var all strings.Builder
			for i, line := range f.lines {
				fmt.Fprintln(&all, line)
				if !isLog(line) {
					continue
				}
				got := shown(Parse(strings.TrimPrefix(line, "|"), f.state))
				all.WriteString(got)
				if got != f.want[i] && !*update {
					t.Errorf("%s\ngot\n%swant\n%s", line, got, f.want[i])
				}
			}
			if *update {
				if err := os.WriteFile(path, []byte(all.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func shown(e Event, r Result) string {
	text := "\t" + r.String()
	if e.Own != notOurs {
		text += map[ours]string{ourMail: " own mail", ourLogin: " own login"}[e.Own]
	}
	text += "\n"
	for _, o := range e.Use {
		text += "\t" + observed(o) + "\n"
	}
	for _, d := range e.Delivered {
		text += "\t" + strings.TrimSpace(strings.Join([]string{"delivered", d.Mailbox, d.Message, d.Folder, d.Lost}, " "))
		if d.Client.IsValid() {
			text += " from " + d.Client.String()
		}
		text += "\n"
	}
	return text
}

// observed leaves out what is empty or the same in all.
func observed(o evidence.Observation) string {
	m := map[string]any{"at": o.At, "channel": o.Channel, "sender": o.Sender}
	for key, value := range map[string]string{
		"from": o.From, "mailbox": string(o.Mailbox), "message": o.Message, "detail": o.Detail,
	} {
		if value != "" {
			m[key] = value
		}
	}
	if o.Client.IsValid() {
		m["client"] = o.Client
	}
	if !o.Until.IsZero() {
		m["until"] = o.Until
	}
	if o.Open {
		m["open"] = true
	}
	if o.Class != evidence.Wanted || o.Source != "log" {
		m["wrong"] = fmt.Sprintf("class %s, source %s", o.Class, o.Source)
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(m); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(text.String())
}

func FuzzParse(f *testing.F) {
	paths, _ := filepath.Glob("testdata/cases/*.txt")
	for _, path := range paths {
		for _, line := range readCases(f, path).lines {
			f.Add(line, line)
		}
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		s := NewState(Config{Source: "log", Deliveries: true}, time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))
		for _, line := range []string{first, second, first} {
			e, r := Parse(line, s)
			if (r != Parsed && len(e.Use) > 0) || (r == Parsed && e.At.IsZero()) {
				t.Fatalf("%q: %v, %v", line, e, r)
			}
			for _, d := range e.Delivered {
				if d.At.IsZero() || d.Source != "log" || d.Mailbox == "" || d.Message == "" {
					t.Fatalf("%q: %+v", line, d)
				}
			}
			for _, o := range e.Use {
				if o.At.IsZero() || o.Source != "log" || o.Class != evidence.Wanted || o.Open && !o.Until.IsZero() {
					t.Fatalf("%q: %+v", line, o)
				}
			}
		}
	})
}
