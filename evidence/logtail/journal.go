package logtail

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Journal says which entries of systemd's journal are a log. journalctl reads them: its files are of a format that changes.
type Journal struct {
	Units     []string // as --unit takes them, patterns included; none is all
	Directory string   // of journal files, for another machine's; "" is this machine's journal
	Program   string   // "" is journalctl
}

const (
	entriesAtOnce = 5000      // between two commits
	entryLimit    = 256 << 10 // a longer entry is no log line
	excuseLimit   = 400       // of what journalctl says of its failure
)

// journalFields are what is read of an entry, besides the fields of its address.
const journalFields = "MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_COMM,_PID,_HOSTNAME"

// command asks for all entries from a cursor on, that one included: when it is not the first that comes, what lay between was lost.
func (j *Journal) command(ctx context.Context, cursor string) *exec.Cmd {
	args := []string{"--no-pager", "--quiet", "--all", "--output=json", "--output-fields=" + journalFields}
	if j.Directory != "" {
		args = append(args, "--directory="+j.Directory)
	}
	for _, unit := range j.Units {
		args = append(args, "--unit="+unit)
	}
	if cursor != "" {
		args = append(args, "--cursor="+cursor)
	}
	return exec.CommandContext(ctx, cmp.Or(j.Program, "journalctl"), args...)
}

// String names it for people.
func (j *Journal) String() string {
	text := "journal"
	if len(j.Units) > 0 {
		text += " of " + strings.Join(j.Units, ", ")
	}
	if j.Directory != "" {
		text += " in " + j.Directory
	}
	return text
}

// entries are what one run of journalctl tells.
type entries struct {
	cmd    *exec.Cmd
	text   *bufio.Reader
	excuse bytes.Buffer
	first  bool // none was read yet
}

func (j *Journal) open(ctx context.Context, cursor string) (*entries, error) {
	e := &entries{cmd: j.command(ctx, cursor), first: true}
	e.cmd.Stderr = &e.excuse
	e.cmd.WaitDelay = time.Second
	out, err := e.cmd.StdoutPipe()
	if err == nil {
		err = e.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	e.text = bufio.NewReaderSize(out, entryLimit)
	return e, nil
}

// next is the next entry; io.EOF when all were read and journalctl ended well. An overlong entry is passed over.
func (e *entries) next() (journalEntry, error) {
	for {
		line, err := e.text.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			if err := e.skip(); err != nil {
				return journalEntry{}, e.end(err)
			}
			continue
		case err != nil:
			return journalEntry{}, e.end(err)
		}
		var one journalEntry
		if err := json.Unmarshal(line, &one); err != nil {
			return one, fmt.Errorf("reading the journal: what journalctl says is no entry: %w", err)
		}
		return one, nil
	}
}

// skip passes over the rest of a line.
func (e *entries) skip() error {
	for {
		if _, err := e.text.ReadSlice('\n'); !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func (e *entries) end(err error) error {
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the journal: %w", err)
	}
	if err := e.cmd.Wait(); err != nil {
		said := strings.TrimSpace(e.excuse.String())
		return fmt.Errorf("reading the journal: %w: %s", err, said[:min(len(said), excuseLimit)])
	}
	return io.EOF
}

// close ends journalctl, if it still runs.
func (e *entries) close() {
	if e.cmd.ProcessState == nil {
		_ = e.cmd.Process.Kill()
		_ = e.cmd.Wait()
	}
}

// journalEntry is one of the journal (systemd.journal-fields(7)). A field is text, octets where it is not UTF-8, a list where it stands there several times, null where it is too long.
type journalEntry struct {
	Cursor     string          `json:"__CURSOR"`
	Microsec   string          `json:"__REALTIME_TIMESTAMP"`
	Message    json.RawMessage `json:"MESSAGE"`
	Identifier json.RawMessage `json:"SYSLOG_IDENTIFIER"`
	Command    json.RawMessage `json:"_COMM"`
	SyslogPid  json.RawMessage `json:"SYSLOG_PID"`
	Pid        json.RawMessage `json:"_PID"`
	Host       json.RawMessage `json:"_HOSTNAME"`
}

// line is the entry as syslog would have written it.
func (e journalEntry) line() string {
	micros, _ := strconv.ParseInt(e.Microsec, 10, 64)
	tag := cmp.Or(word(e.Identifier), word(e.Command), "-")
	pid := cmp.Or(word(e.SyslogPid), word(e.Pid), "0")
	message := strings.NewReplacer("\n", " ", "\r", " ").Replace(fieldText(e.Message))
	return fmt.Sprintf("%s %s %s[%s]: %s", time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000000Z07:00"), cmp.Or(word(e.Host), "-"), tag, pid, message)
}

// word is a field without white space.
func word(field json.RawMessage) string { return strings.Join(strings.Fields(fieldText(field)), "_") }

func fieldText(field json.RawMessage) string {
	var text string
	if json.Unmarshal(field, &text) == nil {
		return text
	}
	var octets []int
	if json.Unmarshal(field, &octets) == nil {
		raw := make([]byte, len(octets))
		for i, c := range octets {
			raw[i] = byte(c)
		}
		return string(raw)
	}
	var several []json.RawMessage
	if json.Unmarshal(field, &several) == nil && len(several) > 0 {
		return fieldText(several[0])
	}
	return ""
}

// stepJournal reads some entries. again tells whether there are more to read.
func (f *Follower) stepJournal(ctx context.Context) (again bool, err error) {
	if f.entries == nil {
		if f.entries, err = f.o.Journal.open(ctx, f.pos.Cursor); err != nil {
			return false, f.fail(err)
		}
	}
	end, err := f.readJournal()
	if err != nil {
		return false, f.fail(err)
	}
	f.judgeLogouts()
	f.grant(end)
	if err := f.commitIfDue(ctx, end); err != nil || !end {
		return err == nil, err
	}
	f.live = f.now
	return false, nil
}

// readJournal takes in entries; end tells that there are no more.
func (f *Follower) readJournal() (end bool, err error) {
	for range entriesAtOnce {
		one, err := f.entries.next()
		switch {
		case errors.Is(err, io.EOF) && f.entries.first && f.pos.Cursor != "":
			return false, errors.New("the journal does not hold the place any more where it was read to, and nothing later")
		case errors.Is(err, io.EOF):
			f.close()
			return true, nil
		case err != nil:
			return false, err
		}
		f.takeEntry(one)
	}
	return false, nil
}

// takeEntry takes in one. The first is the one that was read last, unless that is lost: then nobody knows what came between.
func (f *Follower) takeEntry(one journalEntry) {
	first, known := f.entries.first, f.pos.Cursor
	f.entries.first = false
	if first && known == one.Cursor {
		return
	}
	if first && known != "" {
		f.log.WithField("cursor", known).Warn("the place in the journal is lost; it is read on from the next entry")
		f.pos.From = time.Time{}
	}
	f.line(one.line())
	f.pos.Cursor = one.Cursor
}
