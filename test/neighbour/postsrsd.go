package neighbour

import (
	"bufio"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

// PostSRSd is a running PostSRSd, asked by Postfix's tcp_table protocol as Postfix would.
type PostSRSd struct {
	*process
	forward, reverse string
}

// StartPostSRSd starts one for a domain. The secrets stand in its file one a line; args are further arguments.
func StartPostSRSd(t testing.TB, domain string, secrets []string, args ...string) *PostSRSd {
	t.Helper()
	program := Require(t, "postsrsd")
	file := filepath.Join(folder(t, "postsrsd"), "secrets")
	write(t, file, strings.Join(secrets, "\n")+"\n", 0o600)
	host := Address()
	p := &PostSRSd{forward: net.JoinHostPort(host, "10001"), reverse: net.JoinHostPort(host, "10002")}
	argv := append([]string{program, "-4", "-s" + file, "-d" + domain, "-l" + host, "-f10001", "-r10002"}, args...)
	p.process = newProcess(t, "postsrsd", argv...)
	p.start(p.forward, p.reverse)
	return p
}

// Forward asks what becomes of a sender.
func (p *PostSRSd) Forward(address string) (string, error) { return p.ask(p.forward, address) }

// Reverse asks where mail for an SRS address goes.
func (p *PostSRSd) Reverse(address string) (string, error) { return p.ask(p.reverse, address) }

func (p *PostSRSd) ask(table, address string) (string, error) {
	c, err := net.Dial("tcp", table)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "get %s\n", url.PathEscape(address)); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return "", err
	}
	code, text, _ := strings.Cut(strings.TrimSpace(line), " ")
	if code != "200" {
		return "", fmt.Errorf("postsrsd says %s %s", code, text)
	}
	return url.PathUnescape(text)
}
