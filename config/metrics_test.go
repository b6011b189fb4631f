package config

import (
	"strings"
	"testing"
)

// Metrics are for this machine itself: an address that is reached from elsewhere is an error with a remedy.
func TestMetricsStayHome(t *testing.T) {
	for address, fine := range map[string]bool{
		"127.0.0.1:9125": true, "[::1]:9125": true, "localhost:9125": true, ":9125": false, "0.0.0.0:9125": false, "192.0.2.1:9125": false, "metrics.example:9125": false,
	} {
		_, err := Parse("posthouse.toml", []byte("domains = [\"example.com\"]\n[metrics]\naddress = \""+address+"\"\n"))
		refused := err != nil && strings.Contains(err.Error(), "is reached from elsewhere")
		if refused == fine {
			t.Errorf("%s: %v", address, err)
		}
	}
}
