package witness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus/hooks/test"

	"posthouse/evidence/logtail"
	"posthouse/internal/clock"
)

// trackingDay is a day of message tracking: of six lines of a message one tells of use.
func trackingDay(messages int, begin time.Time) string {
	var text strings.Builder
	for i := range messages {
		at := begin.Add(time.Duration(i) * 24 * time.Hour / time.Duration(messages)).Format("2006-01-02T15:04:05.000Z")
		for _, event := range []string{"SMTP,HARECEIVE", "SMTP,RECEIVE", "AGENT,AGENTINFO", "SMTP,HAREDIRECT", "STOREDRIVER,DELIVER", "SMTP,HADISCARD"} {
			fmt.Fprintf(&text, "%s,10.0.0.5,EX16.example.com,10.0.0.5,EX16,08DE21A1B2C3D4E5;%s;0,EX16\\Default EX16,%s,%d,<order-%d-%d@partner.example>,6f0f8e6e-0001-4d1c-9e3e-08de2a000001,"+
				"anna@example.com,,14233,1,,,Order,a@partner%d.example,a@partner%d.example,0cA: ,Incoming,,203.0.113.%d,10.0.0.5,S:FirstForestHop=EX16.example.com,Email,a1b2c3d4-0001-0000-0000-08de2a000001,15.02.2562.045\r\n",
				at, at, event, i, begin.Unix(), i, i%300, i%300, i%250)
		}
	}
	return text.String()
}

// BenchmarkHistory reads old logs at the first start, with the ledger and the folding.
func BenchmarkHistory(b *testing.B) {
	dir := b.TempDir()
	octets := 0
	begin := clock.Real().Now().UTC().Truncate(24 * time.Hour)
	for day := range 50 {
		text := trackingDay(1000, begin.AddDate(0, 0, day-50))
		octets += len(text)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("MSGTRK%03d.LOG", day)), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	log, _ := test.NewNullLogger()
	b.SetBytes(int64(octets))
	for b.Loop() {
		f, err := logtail.New(logtail.Options{
			Config: logtail.Config{Source: "log", Dialects: []string{logtail.ExchangeTracking}}, Path: filepath.Join(dir, "*.LOG"),
		}, newWitness(b), clock.Real(), log)
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Poll(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
