package logtail

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"
)

// What lay in the queue before a restart is known by its Message-ID after it: the newest of it.
func TestDeliveriesAfterARestart(t *testing.T) {
	before := NewState(Config{Source: "log"}, noon)
	for i := range keptQueued + 10 {
		Parse(fmt.Sprintf("2026-11-23 11:00:00 1Ov4tU-%06d-Rm <= a@b.example H=mx.b.example [203.0.113.8]:1 P=esmtp S=900 id=%d@b", i, i), before)
	}
	text, err := json.Marshal(before.snapshot())
	if err != nil {
		t.Fatal(err)
	}
	var snap snapshot
	if err := json.Unmarshal(text, &snap); err != nil {
		t.Fatal(err)
	}
	after := NewState(Config{Source: "log"}, time.Time{})
	after.restore(snap)
	for i, want := range map[int][]string{9: nil, 10: {"anna@example.com <10@b>"}, keptQueued + 9: {fmt.Sprintf("anna@example.com <%d@b>", keptQueued+9)}} {
		e, _ := Parse(fmt.Sprintf("2026-11-23 11:00:01 1Ov4tU-%06d-Rm => anna <anna@example.com> R=local_user T=maildir_home", i), after)
		if got := kept(e.Delivered); !slices.Equal(got, want) {
			t.Errorf("%d: %q, want %q", i, got, want)
		}
	}
}
