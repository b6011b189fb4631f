package daemon

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"posthouse/config"
)

// That nobody tells our own addresses is an alarm, not a silence.
func TestStrangerToItself(t *testing.T) {
	if all := ownAddressAlarms(config.OwnAddresses); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	untold := func() ([]netip.Addr, error) { return nil, errors.New("own addresses are not known") }
	if all := ownAddressAlarms(untold); len(all) != 1 || !strings.Contains(all[0].text, "not known") {
		t.Errorf("%+v", all)
	}
}
