package listener

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

var (
	refuseVerb      = &Refusal{Code: 500, Enhanced: [3]int{5, 5, 2}, Text: "Command not recognized"}
	refuseOffered   = &Refusal{Code: 502, Enhanced: [3]int{5, 5, 1}, Text: "Command not offered here"}
	refuseArgument  = &Refusal{Code: 501, Enhanced: [3]int{5, 5, 4}, Text: "Argument missing or not understood"}
	refuseSender    = &Refusal{Code: 501, Enhanced: [3]int{5, 1, 7}, Text: "Sender address not understood"}
	refuseAddress   = &Refusal{Code: 501, Enhanced: [3]int{5, 1, 3}, Text: "Recipient address not understood"}
	refuseMore      = &Refusal{Code: 452, Enhanced: [3]int{4, 5, 3}, Text: "Too many recipients of one message: send to the others in another"}
	refuseParameter = &Refusal{Code: 555, Enhanced: [3]int{5, 5, 4}, Text: "Parameter not recognized or not offered here"}
)

// What comes before its time (RFC 5321 §4.3.2).
var (
	refuseUngreeted   = &Refusal{Code: 503, Enhanced: [3]int{5, 5, 1}, Text: "Say HELO or EHLO first"}
	refuseNested      = &Refusal{Code: 503, Enhanced: [3]int{5, 5, 1}, Text: "A transaction is open already"}
	refuseNoSender    = &Refusal{Code: 503, Enhanced: [3]int{5, 5, 1}, Text: "Say MAIL first"}
	refuseNoRecipient = &Refusal{Code: 503, Enhanced: [3]int{5, 5, 1}, Text: "No recipient was accepted"}
	refuseChunked     = &Refusal{Code: 503, Enhanced: [3]int{5, 5, 1}, Text: "The message has begun with BDAT already"}
)

// nextCommand puts the next command that go-smtp shall see into canon and answers all others itself.
func (c *conn) nextCommand() error {
	for len(c.canon) == 0 {
		if err := c.endOfPatience(); err != nil {
			return err
		}
		c.shrink()
		if err := c.rest(); err != nil {
			return err
		}
		line, err := c.readLine()
		if err != nil {
			return err
		}
		afterNoData := c.noData
		line, c.secret = withhold(line)
		c.cmd = parseCommand(string(line))
		pass, refusal := c.police()
		switch {
		case c.dead.Load():
			return net.ErrClosed
		case refusal == refuseVerb && afterNoData:
			// The same, with the body arriving later.
			c.abuse(BodyAsCommands, refusal)
			return net.ErrClosed
		case refusal != nil:
			c.say(refusal.Code, refusal.Enhanced, refusal.Text)
			if err := c.skipChunk(); err != nil {
				return err
			}
		case pass != "":
			c.canon = append(c.canon[:0], pass+"\r\n"...)
		}
	}
	return nil
}

// endOfPatience ends sessions that were told 421 or have used up a limit.
func (c *conn) endOfPatience() error {
	switch {
	case c.closing:
		c.die(EndRefused, nil)
	case c.leaving():
		c.die(EndShutdown, c.shutdownRefusal())
	case c.noData && c.w > c.r:
		// A client that did not wait for 354 has sent its body along: no line of it may be taken for a command.
		c.abuse(BodyAsCommands, &Refusal{Code: 421, Enhanced: [3]int{4, 5, 0}, Text: "Wait for the reply to DATA"})
	case c.stats.errors >= c.cfg.MaxErrors && !c.trusted:
		c.abuse(TooManyErrors, &Refusal{Code: 421, Enhanced: [3]int{4, 7, 0}, Text: "Too many errors"})
	case c.stats.refused >= c.cfg.MaxRefused && !c.trusted:
		c.abuse(TooManyRefused, &Refusal{Code: 421, Enhanced: [3]int{4, 7, 0}, Text: "Too many refused recipients"})
	case c.stats.recipients >= c.cfg.MaxAccepted && !c.trusted && !c.txn.open:
		c.abuse(TooManyAccepted, &Refusal{Code: 421, Enhanced: [3]int{4, 7, 0}, Text: "Too many recipients, come again"})
	case c.stats.commands >= c.cfg.MaxCommands && !c.trusted:
		c.abuse(TooManyCommands, &Refusal{Code: 421, Enhanced: [3]int{4, 7, 0}, Text: "Too many commands without a message"})
	default:
		return nil
	}
	return net.ErrClosed
}

// police looks at c.cmd and returns the line that go-smtp shall see, or the refusal that the client shall see. Neither means that the
// command was dealt with.
func (c *conn) police() (pass string, refusal *Refusal) {
	switch c.cmd.verb {
	case "MAIL", "RCPT", "DATA":
		return c.policeTransaction()
	case "BDAT":
		return c.policeChunk()
	}
	c.stats.commands++
	switch c.cmd.verb {
	case "HELO", "EHLO":
		name := heloName(c.cmd.arg)
		if name == "" {
			return "", refuseArgument
		}
		c.info.Helo, c.info.ESMTP, c.greeted = name, c.cmd.verb == "EHLO", true
		c.dsn = c.cfg.DSN == nil || c.cfg.DSN()
		c.tlsKept = c.cfg.RequireTLS != nil && c.cfg.RequireTLS()
		return c.hello(c.cmd.verb + " " + name), nil
	case "NOOP":
		c.say(250, [3]int{2, 0, 0}, "Nothing done")
		return "", nil
	case "VRFY":
		c.say(252, [3]int{2, 5, 0}, "Send mail, and see")
		return "", nil
	case "RSET":
		return c.reset(), nil
	case "QUIT":
		return c.quit(), nil
	case "STARTTLS":
		return "", c.startTLS()
	case "AUTH":
		return "", c.auth()
	case "EXPN", "HELP", "TURN", "ETRN", "LHLO":
		return "", refuseOffered
	case "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "HOST:":
		c.abuse(ForeignProtocol, refuseVerb)
		return "", nil
	}
	return "", refuseVerb
}

func (c *conn) policeTransaction() (pass string, refusal *Refusal) {
	if refusal := c.outOfOrder(); refusal != nil {
		return "", refusal
	}
	switch c.cmd.verb {
	case "MAIL":
		return c.policePath("FROM:", refuseSender)
	case "RCPT":
		return c.policePath("TO:", refuseAddress)
	}
	if c.cmd.arg != "" {
		return "", refuseArgument
	}
	return "DATA", nil
}

// outOfOrder refuses commands of a transaction before their time.
func (c *conn) outOfOrder() *Refusal {
	verb := c.cmd.verb
	switch {
	case !c.greeted:
		return refuseUngreeted
	case verb == "MAIL" && c.txn.open:
		return refuseNested
	case verb == "MAIL":
		return c.stranger()
	case !c.txn.open:
		return refuseNoSender
	case verb != "BDAT" && c.txn.chunked:
		return refuseChunked
	case verb != "RCPT" && len(c.txn.to) == 0:
		return refuseNoRecipient
	}
	return nil
}

// policePath parses the path and keeps it for the session; go-smtp sees it in canonical form and reads the parameters that we serve.
func (c *conn) policePath(keyword string, bad *Refusal) (pass string, refusal *Refusal) {
	arg := c.cmd.arg
	if len(arg) < len(keyword) || upper(arg[:len(keyword)]) != keyword {
		return "", refuseArgument
	}
	arg = strings.TrimSpace(arg[len(keyword):])
	c.cmd.said = arg
	p, params, err := parsePath(arg)
	isRcpt := c.cmd.verb == "RCPT"
	if err == nil && !(isRcpt && p == (path{})) {
		c.cmd.said = p.String() // as the log has addresses: neither brackets nor parameters
	}
	switch {
	case err != nil, isRcpt && p == (path{}):
		refusal = bad
	case isRcpt && len(c.txn.to) >= c.cfg.MaxRecipients:
		refusal = refuseMore
	default:
		params, refusal = c.policeParams(params)
	}
	if refusal != nil {
		if isRcpt {
			c.cfg.Observer.RecipientRefused(c.info, c.cmd.said, refusal)
		}
		return "", refusal
	}
	c.cmd.path, c.cmd.arg = p, params
	if p.bare() {
		p.domain = c.cfg.Hostname // go-smtp knows no address without a domain; the Intake sees it as it is
	}
	return c.cmd.verb + " " + keyword + "<" + p.String() + ">" + params, nil
}

// policeParams refuses what is not served, and reads SIZE itself: go-smtp knows none beyond 32 bits. It returns the others, each after a space.
func (c *conn) policeParams(params string) (pass string, refusal *Refusal) {
	for _, param := range strings.Fields(params) {
		name, value, _ := strings.Cut(param, "=")
		switch name = upper(name); {
		case !c.serves(name):
			return "", refuseParameter
		case name == "SIZE":
			if c.cmd.size, refusal = c.parseSize(value); refusal != nil {
				return "", refusal
			}
		case name == "AUTH": // who sent the message first, says a server that trusts us: nobody asks
		default:
			pass += " " + param
		}
	}
	return pass, nil
}

// serves tells whether MAIL or RCPT may have this parameter: those of the extensions that we offer, and AUTH, which does no harm.
func (c *conn) serves(param string) bool {
	switch c.cmd.verb + " " + param {
	case "MAIL SIZE", "MAIL BODY", "MAIL AUTH":
		return true
	case "MAIL RET", "MAIL ENVID", "RCPT NOTIFY", "RCPT ORCPT":
		return c.dsn
	case "MAIL SMTPUTF8":
		return c.cfg.SMTPUTF8
	case "MAIL REQUIRETLS":
		return c.tlsKept
	}
	return false
}

// parseSize reads the value of SIZE, up to 20 digits (RFC 1870 §4).
func (c *conn) parseSize(value string) (int64, *Refusal) {
	n, err := strconv.ParseUint(value, 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, refuseArgument
	case err != nil || n > uint64(c.cfg.MaxMessageBytes):
		return 0, refuseTooLarge
	}
	return int64(n), nil
}

// policeChunk opens the gate for the octets of a chunk. Where their number is unknown the session ends, or they would be read as commands; those of a chunk
// that is refused follow all the same.
func (c *conn) policeChunk() (pass string, refusal *Refusal) {
	size, last, err := parseChunk(c.cmd.arg)
	if err != nil {
		c.abuse(BadChunk, refuseArgument)
		return "", nil
	}
	if c.chunk = size; size > 0 {
		c.mode = modeChunk
	} else {
		c.stats.commands++
	}
	if !c.txn.open {
		c.deadline = time.Now().Add(c.cfg.MessageTimeout)
	}
	if refusal := c.outOfOrder(); refusal != nil {
		return "", refusal
	}
	if c.txn.octets += size; c.txn.octets > c.cfg.MaxMessageBytes {
		return c.tooLarge(), nil
	}
	c.txn.chunked = true
	if last {
		return fmt.Sprintf("BDAT %d LAST", size), nil
	}
	return fmt.Sprintf("BDAT %d", size), nil
}
