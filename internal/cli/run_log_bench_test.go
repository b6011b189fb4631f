package cli

import (
	"io"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/config"
	"posthouse/cutover"
)

// BenchmarkLogText is the line of a delivery.
func BenchmarkLogText(b *testing.B) {
	log := newLog(config.Log{Level: "info", Format: "text"}, false, io.Discard, printerOn(io.Discard), time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		log.WithFields(logrus.Fields{
			"capture": cutover.CaptureID("01JD9F3K7Q8ZV6M2X4N5B7C9D1"), "to": cutover.Address("anna@example.com"), "original": cutover.Address("anna@example.com"), "destination": "cloud:smtp",
			"state": "settled", "attempt": 1, "reply": "250 2.0.0 Ok: queued as 4F1", "class": "", "from": "newsletter@shop.example", "client": "203.0.113.25", "size": int64(4096), "delay_ms": int64(3),
			"message_id": "<20261128.4711@shop.example>",
		}).Info("delivered")
	}
}
