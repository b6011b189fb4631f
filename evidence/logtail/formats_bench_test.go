package logtail

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus/hooks/test"
)

// BenchmarkFormats reads the lines of the cases of each dialect again and again, as far as they have a form.
func BenchmarkFormats(b *testing.B) {
	paths, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range paths {
		c := readCases(b, path)
		if c.state.format.parse == nil {
			continue
		}
		var lines []string
		octets := 0
		for i, line := range c.lines {
			if isLog(line) && !strings.Contains(c.want[i], "unparsed") {
				lines = append(lines, strings.TrimPrefix(line, "|"))
				octets += len(line) + 2
			}
		}
		b.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(b *testing.B) {
			b.SetBytes(int64(octets))
			b.ReportAllocs()
			for b.Loop() {
				for _, line := range lines {
					Parse(line, c.state)
				}
			}
			b.ReportMetric(float64(b.N*len(lines))/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

// trackingTraffic is message tracking of Exchange 2016: for each message six lines, of which one tells of use and one of a delivery.
func trackingTraffic(messages int, begin time.Time) string {
	var text strings.Builder
	text.WriteString("#Fields: " + trackingSheet.defaults[2] + "\r\n")
	for i := range messages {
		at := begin.Add(time.Duration(i) * time.Second).Format("2006-01-02T15:04:05.000Z")
		for _, event := range []string{"SMTP,HARECEIVE", "SMTP,RECEIVE", "AGENT,AGENTINFO", "SMTP,HAREDIRECT", "STOREDRIVER,DELIVER", "SMTP,HADISCARD"} {
			fmt.Fprintf(&text, "%s,10.0.0.5,EX16.example.com,10.0.0.5,EX16,08DE21A1B2C3D4E5;%s;0,EX16\\Default EX16,%s,%d,<order-%d@partner.example>,6f0f8e6e-0001-4d1c-9e3e-08de2a000001,anna@example.com,,14233,1,,,"+
				"\"Order, urgent\",sales@partner%d.example,sales@partner%d.example,0cA: ,Incoming,,203.0.113.%d,10.0.0.5,S:FirstForestHop=EX16.example.com;S:ProxyHop1=EX16.example.com(10.0.0.5),Email,a1b2c3d4-0001-0000-0000-08de2a000001,15.02.2562.045\r\n",
				at, at, event, i, i, i%300, i%300, i%250)
		}
	}
	return text.String()
}

// BenchmarkFolder reads a folder of message tracking as a daemon does at its first start; the ledger costs nothing here.
func BenchmarkFolder(b *testing.B) {
	dir := b.TempDir()
	octets := 0
	for hour := range 20 {
		text := trackingTraffic(3000, noon.Add(time.Duration(hour-24)*time.Hour))
		octets += len(text)
		pathTo := filepath.Join(dir, fmt.Sprintf("MSGTRK20261123%02d-1.LOG", hour))
		writeFile(b, pathTo, text)
	}
	log, _ := test.NewNullLogger()
	b.SetBytes(int64(octets))
	b.ReportAllocs()
	for b.Loop() {
		f, err := New(Options{Config: Config{Source: "log", Dialects: []string{ExchangeTracking}}, Path: filepath.Join(dir, "MSGTRK*.LOG")}, &memory{}, &handClock{now: noon}, log)
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Poll(b.Context()); err != nil {
			b.Fatal(err)
		}
		f.close()
	}
}
