package delivery

import (
	"testing"
	"time"
)

func TestThrottle(t *testing.T) {
	tests := []struct {
		reply     string
		throttled bool
		backoff   time.Duration
	}{
		{"250 2.0.0 try again in 5 minutes", false, 0},
		{"421 4.7.0 Try again later, closing connection.", true, 0},
		{"421 too busy", true, 0},
		{"421 4.4.2 idle timeout", false, 0},
		{"421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating\r\n421 4.7.28 from your IP address.", true, 0},
		{"450 4.7.1 Client host rejected: try again in 300 seconds", true, 300 * time.Second},
		{"451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77714)", true, 0},
		{"451 4.7.651 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.", true, 0},
		{"451 4.7.699 odd", true, 0},
		{"432 4.3.2 Concurrent connections limit exceeded", true, 0},
		{"454 4.7.0 Too many login attempts, please try again later.", true, 0},
		{"450-4.2.1 The user you are trying to contact is receiving mail at a rate that\r\n450 4.2.1 prevents additional messages from being delivered.", true, 0},
		{"451 Throttled; Suggested Backoff Time: 299892 milliseconds", true, 299892 * time.Millisecond},
		{"550 5.4.5 Daily user sending limit exceeded.", true, 0},
		{"450 4.2.2 mailbox full", false, 0},
		{"451 4.3.0 try later", false, 0},
		{"452 4.3.1 out of disk", false, 0},
		{"452 4.5.3 too many recipients", false, 0},
		{"550 5.7.1 blocked, in 5 minutes too", false, 5 * time.Minute},
		{"450 4.7.1 Greylisted, see http://example.com/?d=60", false, 0},
		{"451 4.7.1 Greylisting in action, please come back in 00:05:30", false, 330 * time.Second},
		{"450 4.7.1 wait 2h", true, 2 * time.Hour},
		{"450 4.7.1 retry after 15 mins", true, 15 * time.Minute},
		{"450 4.7.1 wait 999999999 hours", true, 24 * time.Hour},
		{"450 4.7.1 in 99:99:99", true, 24 * time.Hour},
		{"450 4.7.1 in 1234567890123 seconds", true, 0},
		{"450 4.7.1 rejected in 5 places", true, 0},
	}
	for _, tt := range tests {
		r, err := parse(tt.reply + "\r\n")
		if err != nil {
			t.Fatal(err)
		}
		if throttled, backoff := Throttle(r); throttled != tt.throttled || backoff != tt.backoff {
			t.Errorf("%s: %v, %v", tt.reply, throttled, backoff)
		}
	}
	if throttled, backoff := Throttle(Reply{}); throttled || backoff != 0 {
		t.Error("no reply is a throttle")
	}
}

func TestSessionErrorThrottle(t *testing.T) {
	e := &SessionError{Destination: "hop", Stage: StageGreeting, Reply: Reply{421, "4.7.0", "try again in 10 minutes"}}
	if throttled, backoff := e.Throttled(); !throttled || backoff != 10*time.Minute {
		t.Errorf("%v, %v", throttled, backoff)
	}
}
