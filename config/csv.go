package config

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// cell is one field of a CSV file and its place.
type cell struct {
	text         string
	line, column int
}

// sheet is a CSV file whose columns are known: header[i] is the name of column i, one of ours.
type sheet struct {
	header []string
	rows   [][]cell
	// imapsync's files name hosts and give no address.
	imapsync bool
}

// our columns, in the order in which they are documented.
var ownColumns = []string{
	"address", "aliases", "kind", "legacy_server", "legacy_login", "legacy_password",
	"cloud_server", "cloud_login", "cloud_password", "home", "wave",
}

// other tools' columns and which of ours they are. Microsoft's list is of the mailboxes in the cloud, with
// the login on the old server.
var foreignColumns = map[string]string{
	"emailaddress": "address", "username": "legacy_login", "password": "legacy_password", "userroot": "",
	"host1": "legacy_server", "user1": "legacy_login", "password1": "legacy_password",
	"host2": "cloud_server", "user2": "cloud_login", "password2": "cloud_password",
	"h1": "legacy_server", "u1": "legacy_login", "p1": "legacy_password",
	"h2": "cloud_server", "u2": "cloud_login", "p2": "cloud_password",
}

// columns of imapsync's file without a header.
var imapsyncColumns = []string{"legacy_server", "legacy_login", "legacy_password", "cloud_server", "cloud_login", "cloud_password"}

type reportCell func(at cell, text, hint string)

// readSheet reads any of the dialects; what it cannot read it reports, never with the text itself.
func readSheet(data []byte, report reportCell) *sheet {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if !utf8.Valid(data) {
		at := invalidUTF8(data)
		report(cell{line: 1 + bytes.Count(data[:at.start], []byte("\n")), column: 1}, "the file is not UTF-8", "save it as CSV UTF-8")
		return nil
	}
	first := firstLine(data)
	if first == "" {
		return &sheet{}
	}
	if isImapsync(first) {
		return readImapsync(data, report)
	}
	rows := readCSV(data, delimiter(first), report)
	if len(rows) == 0 {
		return nil
	}
	return &sheet{header: columns(rows[0], report), rows: rows[1:]}
}

// firstLine is the first that is neither empty nor a comment; imapsync's header may be a comment.
func firstLine(data []byte) string {
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			return line
		}
	}
	return ""
}

// isImapsync tells a file of six columns with semicolons, with imapsync's header or none.
func isImapsync(first string) bool {
	cells := strings.Split(first, ";")
	if len(cells) < 6 {
		return false
	}
	known := 0
	for _, c := range cells {
		if name, ok := column(c); ok && !imapsyncName(c) && name != "" {
			known++
		}
	}
	return known == 0
}

func imapsyncName(c string) bool {
	c = normalColumn(c)
	return strings.HasSuffix(c, "1") || strings.HasSuffix(c, "2")
}

// readImapsync takes the lines apart as imapsync's own loop does: at semicolons, without quoting.
func readImapsync(data []byte, report reportCell) *sheet {
	s := &sheet{header: imapsyncColumns, imapsync: true}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		row := splitCells(line, n)
		if name, ok := column(row[0].text); ok && name != "" && len(s.rows) == 0 {
			s.header = columns(row, report)
			continue
		}
		if len(row) > 6 && len(s.header) == 6 {
			row = row[:6] // the seventh is options for imapsync
		}
		s.rows = append(s.rows, row)
	}
	return s
}

func splitCells(line string, n int) []cell {
	var row []cell
	at := 1
	for _, text := range strings.Split(line, ";") {
		row = append(row, cell{text, n, at})
		at += utf8.RuneCountInString(text) + 1
	}
	return row
}

func delimiter(header string) rune {
	best, most := ',', 0
	for _, d := range ",;\t" {
		if n := strings.Count(header, string(d)); n > most {
			best, most = d, n
		}
	}
	return best
}

func readCSV(data []byte, comma rune, report reportCell) [][]cell {
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma, r.Comment, r.FieldsPerRecord, r.TrimLeadingSpace = comma, '#', -1, comma != '\t'
	var rows [][]cell
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows
		}
		var pe *csv.ParseError
		if errors.As(err, &pe) {
			report(cell{line: pe.Line, column: pe.Column}, pe.Err.Error(), "")
			continue
		}
		if err != nil {
			report(cell{line: 1, column: 1}, err.Error(), "")
			return rows
		}
		row := make([]cell, len(record))
		for i, text := range record {
			line, col := r.FieldPos(i)
			row[i] = cell{text, line, col}
		}
		rows = append(rows, row)
	}
}

// column is our name for a column; ok says that it is known, an empty name that it is not used.
func column(name string) (string, bool) {
	n := normalColumn(name)
	for _, own := range ownColumns {
		if n == strings.ReplaceAll(own, "_", "") {
			return own, true
		}
	}
	own, ok := foreignColumns[n]
	return own, ok
}

func normalColumn(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "", "#", "").Replace(strings.ToLower(strings.TrimSpace(name)))
}

func columns(header []cell, report reportCell) []string {
	out := make([]string, len(header))
	if !slices.ContainsFunc(header, func(c cell) bool { _, ok := column(c.text); return ok }) {
		report(header[0], "the first line must name the columns", columnHint(""))
		return out
	}
	seen := map[string]bool{}
	data := slices.ContainsFunc(header, func(c cell) bool { return strings.Contains(c.text, "@") })
	for i, c := range header {
		name, ok := column(c.text)
		switch {
		case !ok && strings.TrimSpace(c.text) != "":
			report(c, "unknown column"+columnWord(c.text, data), columnHint(c.text))
		case name != "" && seen[name]:
			report(c, "two columns for "+name, "")
			name = ""
		}
		out[i], seen[name] = name, true
	}
	return out
}

// columnWord repeats a header's cell, unless the line is no header but somebody's: then it may be a password.
func columnWord(text string, data bool) string {
	if data {
		return ""
	}
	return fmt.Sprintf(" %q", strings.TrimSpace(text))
}

// columnHint never repeats the header cell: in a file without a header it may be somebody's password.
func columnHint(text string) string {
	if hint := didYouMean(text, ownColumns); hint != "" {
		return hint
	}
	return "the columns are " + strings.Join(ownColumns, ", ")
}
