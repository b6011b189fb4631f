package cli

import (
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
)

// sampleNow is a Monday evening.
var sampleNow = time.Date(2026, 11, 23, 18, 40, 0, 0, time.UTC)

func before(d time.Duration) time.Time { return sampleNow.Add(-d) }

// sampleStatus is a cutover in its middle: a copy that is nearly done, one mailbox that cannot be opened, mail that waits.
func sampleStatus() control.Status {
	return control.Status{
		Schema: control.StatusSchema, At: sampleNow, Version: "v1.0.0", Domains: []string{"example.com"}, Since: before(9*day + 4*time.Hour),
		Server: evidence.Verdict{
			About: "the mailbox server may stop", State: evidence.NotYet, At: sampleNow, Earliest: sampleNow.Add(3 * day),
			LastUse: before(41 * time.Hour), Quiet: 41*time.Hour + 20*time.Minute, Needed: 72 * time.Hour, Fresh: 3, Sources: 3, Blind: 14 * time.Minute, Window: 72 * time.Hour,
			Floor: evidence.Floor{Quiet: 41 * time.Hour, Horizon: 30 * day, Bound: 52.68},
			Reasons: []evidence.Reason{
				{Code: evidence.Problem, Text: "1 mailbox needs attention", Senders: []string{"orders@example.com"}},
				{Code: evidence.Session, Text: "anna (iPhone, 81.2.69.142) is logged in on the old server", Since: before(3 * time.Hour)},
				{Code: evidence.Used, Text: "scanner-3 (10.0.4.31) sent by the old address", Since: before(2 * time.Hour)},
				{Code: evidence.Short, Text: "quiet and watched for 1 d 17 h of 3 d", Since: before(41 * time.Hour)},
			},
		},
		Address: evidence.Verdict{
			About: "the old address may go silent", State: evidence.NotYet, At: sampleNow, Earliest: sampleNow.Add(29 * day), Quiet: 20 * time.Hour, Needed: 30 * day,
		},
		Arriving: control.Arriving{Today: 3, Week: 12, Last: before(6*time.Hour + 9*time.Minute)},
		Copy: control.Copy{
			Mailboxes: 214, Caught: 211, Following: 209, Problems: 1, Messages: 4_102_300, Total: 4_118_230, Bytes: 812_400_000_000, BytesTotal: 819_000_000_000,
		},
		Queue: control.Queue{
			Due: 1, InDoubt: 1, Held: 1, Accepted: 4, Settled: 9000, NotSeen: 1,
			Waiting: []control.Waiting{
				{Capture: "01JD9FT2XA", At: before(20 * time.Minute), From: "", To: "orders@example.com", Size: 14_233, State: "due", Attempts: 3,
					Next: sampleNow.Add(12 * time.Minute), Why: "451 4.7.1 try again later"},
				{Capture: "01JD9E0M5C", At: before(2*day + 3*time.Hour), From: "cad@partner.example", To: "bob@example.com", Size: 31_000_000, State: "held",
					Why: "over the cloud's limit of 25 MB"},
				{Capture: "01JD9FZZZZ", At: before(time.Minute), From: "a@b.example", To: "anna@example.com", Size: 800, State: "in doubt", Attempts: 1,
					Next: sampleNow.Add(time.Minute), SentAgain: sampleNow.Add(5 * time.Minute), Why: "its reply was lost: connection reset"},
			},
			Unseen: []control.Waiting{{Capture: "01JD9C0001", At: before(7 * time.Hour), From: "x@y.example", To: "anna@example.com", Size: 2_100_000, State: "accepted",
				Why: "accepted and not seen in the mailbox: look into quarantine, junk and rules there"}},
		},
		Mailboxes: []control.Mailbox{
			{Address: "orders@example.com", State: "problem", Error: "login refused 3×", Next: sampleNow.Add(20 * time.Minute)},
			{Address: "anna@example.com", State: "copying", Folders: 12, Done: 8_120, Total: 10_020, Bytes: 10_200_000_000, Folder: "Inbox/2019"},
			{Address: "dave@example.com", State: "waiting", Folders: 7},
			{Address: "bob@example.com", State: "following", Done: 100, Total: 100, Bytes: 5000, Caught: before(time.Hour)},
		},
		Sources: []control.Source{
			{Name: "mx", Kind: "listener", Required: true, Fresh: true, LastRead: sampleNow},
			{Name: "dovecot", Kind: "dovecot", Required: true, LastRead: before(14 * time.Minute), Blind: "/var/log/mail.log: permission denied"},
		},
		Asked: []control.Asked{
			{Server: "legacy", Side: "legacy", Knows: []string{"example.com"}, Questions: 14, Known: 3, Unknown: 9, Deferred: 1, Limited: 1, Trouble: "450 4.2.0 greylisted", TroubleAt: before(2 * time.Hour)},
			{Server: "cloud", Side: "cloud", Mute: []string{"example.com"}, Questions: 1},
		},
		Unknown:   []control.Unknown{{Address: "sales2@example.com", Count: 14, Last: before(2 * time.Hour)}},
		Listeners: []control.Listening{{Name: "mx", Role: "mx", Address: "0.0.0.0:25"}},
		Config:    control.Loaded{File: "/etc/posthouse/posthouse.toml", At: before(day)},
	}
}

func readyStatus() control.Status {
	s := sampleStatus()
	s.Server = evidence.Verdict{
		About: "the mailbox server may stop", State: evidence.Ready, At: sampleNow, LastUse: before(90 * time.Hour), Quiet: 90 * time.Hour, Needed: 72 * time.Hour,
		Fresh: 3, Sources: 3, Window: 72 * time.Hour,
	}
	s.Copy = control.Copy{Mailboxes: 214, Caught: 214, Following: 214, Messages: 4_118_230, Total: 4_118_230, Bytes: 819_000_000_000, BytesTotal: 819_000_000_000}
	s.Queue = control.Queue{Settled: 9000}
	s.Mailboxes = s.Mailboxes[3:]
	s.Sources = s.Sources[:1]
	s.Unknown, s.Asked = nil, nil
	return s
}
