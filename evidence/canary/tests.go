package canary

import (
	"bufio"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// messagePrefix begins our Message-IDs.
const messagePrefix = "<canary-"

func (c *Canary) test(ctx context.Context, kind Kind, now time.Time) error {
	switch kind {
	case Mail:
		return c.cfg.Send(ctx, c.message(now))
	case Login:
		return c.cfg.Login(ctx)
	}
	return c.knock(ctx)
}

// message is the test mail.
func (c *Canary) message(now time.Time) string {
	return fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: posthouse canary\r\nMessage-ID: %s\r\nDate: %s\r\nAuto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n\r\n"+
		"This message shows whether the logs of this server are being watched. Nobody needs to read it.\r\n",
		c.cfg.From, c.cfg.To, c.messageID(now), now.Format(time.RFC1123Z))
}

// messageID names a test mail so that nobody else can make one.
func (c *Canary) messageID(at time.Time) string {
	stamp := fmt.Sprint(at.UnixMicro())
	return messagePrefix + stamp + "-" + c.mac(stamp) + "@" + c.cfg.Host + ">"
}

func (c *Canary) mac(stamp string) string {
	h := hmac.New(sha256.New, c.cfg.Key)
	_, _ = io.WriteString(h, "canary "+stamp)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Is tells whether a Message-ID is that of a test mail of ours. Without a canary there is none.
func (c *Canary) Is(message string) bool {
	if c == nil {
		return false
	}
	name, ours := strings.CutPrefix(message, messagePrefix)
	stamp, rest, _ := strings.Cut(name, "-")
	mac, _, _ := strings.Cut(rest, "@")
	return ours && hmac.Equal([]byte(mac), []byte(c.mac(stamp)))
}

// knock connects to a listener as the outside does. The listener itself notes who reaches it.
func (c *Canary) knock(ctx context.Context) error {
	conn, err := c.cfg.Dial(ctx, "tcp", c.cfg.Listener)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	text := bufio.NewReader(conn)
	if greeting, err := text.ReadString('\n'); err != nil || !strings.HasPrefix(greeting, "220") {
		return fmt.Errorf("%s does not greet: %q, %w", c.cfg.Listener, greeting, cmp.Or(err, errors.New("no 220")))
	}
	_, err = io.WriteString(conn, "QUIT\r\n")
	return err
}
