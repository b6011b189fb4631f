package login

import "regexp"

// replyRule reads one kind of reply.
type replyRule struct {
	match *regexp.Regexp
	kind  error
	hint  string
}

func rule(match string, kind error, hint string) replyRule {
	return replyRule{match: regexp.MustCompile(`(?i)` + match), kind: kind, hint: hint}
}

// replyRules are tried in order, what a server says in words before what its
// code means: Exchange and Microsoft 365 answer very different things with the
// same 535 or NO. Response codes of IMAP are RFC 5530's, SMTP's RFC 4954's.
var replyRules = []replyRule{
	// Too much at once.
	rule(`throttled|suggested backoff`, ErrThrottled, "the server limits us; it goes on by itself"),
	rule(`too many|maximum number of connections|concurrent connections|sender thread limit|\[limit\]|\[overquota\]|command or bandwidth limits|rate limit`,
		ErrThrottled, "the server's limit of connections or logins is reached: allow more there, or fewer here"),
	rule(`^4(21|51) 4\.7\.(5\d\d|6\d\d)`, ErrThrottled, "the server limits us; it goes on by itself"),

	// Cannot tell now.
	rule(`authenticated but not connected`, ErrUnavailable,
		"the login is right, but the mailbox does not open: the application may lack the right to it, or the mailbox is being moved"),
	rule(`\[(unavailable|inuse|serverbug)\]|temporar|server unavailable|server busy|try again later|internal error`,
		ErrUnavailable, "the server cannot check logins now"),

	// Switched off.
	rule(`smtpclientauthentication is disabled`, ErrDisabled,
		"SMTP AUTH is off in Microsoft 365: switch it on for this mailbox (Set-CASMailbox -SmtpClientAuthenticationDisabled $false), or use a connector"),
	rule(`basic authentication is disabled|5\.7\.139.*basic`, ErrDisabled, "the cloud takes no passwords any more: use tokens"),
	rule(`application-specific password|app(lication)? password|web ?login required|log ?in (via|with) your (web )?browser`, ErrDisabled,
		"the account wants a second factor: use tokens, or an app password"),
	rule(`not enabled for imap|imap (access |service )?(is )?(disabled|not enabled|switched off)|(disabled|not enabled).*\bimap|protocol (is )?disabled`, ErrDisabled,
		"IMAP is off for this mailbox: switch it on there"),
	rule(`\[privacyrequired\]|must issue (a )?starttls|encryption required|plaintext auth|secure connection required|^5(30 5\.7\.0|38)\b`, ErrDisabled,
		"the server takes logins only over TLS"),
	rule(`\[expired\]|password (has |is )?expired|(account|mailbox|user)( is| has been| was)? (disabled|locked|suspended|deactivated|inactive|expired)|(disabled|locked) (account|mailbox|user)|account restrict`,
		ErrDisabled, "the account is switched off, locked or expired"),
	rule(`\[contactadmin\]`, ErrDisabled, "the server's administrator must act"),
	rule(`\[cannot\]|unrecognized authentication type|unsupported authentication mechanism|authentication mechanism (is )?not (supported|enabled)|auth(entication)? (is )?not (enabled|supported|available)|^50[0-4]\b`,
		ErrDisabled, "the server does not offer this way to log in"),

	// Refused.
	rule(`\[authorizationfailed\]`, ErrRefused, "the login is right, but it may not open this mailbox: check the master user's or administrator's rights"),
	rule(`^(535|534|550|NO)\b`, ErrRefused, "name, password or token is wrong, or the login may not open this mailbox"),

	// What remains: the code.
	rule(`^BYE\b`, ErrUnavailable, "the server closed the connection"),
	rule(`^4\d\d\b`, ErrUnavailable, "the server cannot check logins now"),
	rule(`^5\d\d\b`, ErrRefused, "the server does not let us in"),
}
