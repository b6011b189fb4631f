package config

import (
	"reflect"
	"slices"
	"testing"
)

// Live is a promise that the daemon's Reload keeps: who adds a key here makes it so there.
func TestLiveKeys(t *testing.T) {
	want := []string{
		"organisation", "domains", "mailboxes", "alias_domains",
		"recipients.complete", "recipients.plus_addressing", "recipients.postmaster", "recipients.virtual", "recipients.extra", "recipients.catch_all", "recipients.groups",
		"submission.sent_copy", "submission.send_as",
		"verdict.quiet", "verdict.window", "verdict.blind_below", "verdict.delivered_within", "verdict.horizon", "verdict.chance", "verdict.unfamiliar", "verdict.accepted", "verdict.required", "verdict.without_logins", "verdict.mx_switched", "log.level",
	}
	var got []string
	walkKeys(reflect.TypeFor[Config](), "", func(path string, f field) {
		if f.live {
			got = append(got, path)
		}
	})
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
