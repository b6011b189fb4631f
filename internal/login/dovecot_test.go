package login

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/emersion/go-sasl"
)

// The real neighbour: Debian's Dovecot (2.3), with passwords, a master user, and
// tokens that it has introspected by the token server of this test.

var dovecotConf = template.Must(template.New("").Parse(`
protocols = imap
listen = 127.0.0.1
base_dir = {{.Dir}}/run
state_dir = {{.Dir}}/run
log_path = /dev/stderr
ssl = no
disable_plaintext_auth = yes
login_trusted_networks = 127.1.0.0/16
mail_max_userip_connections = 2
mail_location = maildir:{{.Dir}}/mail/%u
first_valid_uid = 1
auth_mechanisms = plain login xoauth2 oauthbearer
auth_master_user_separator = *
auth_failure_delay = 0
service imap-login {
  inet_listener imap {
    port = {{.Port}}
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
passdb {
  driver = passwd-file
  args = {{.Dir}}/masters
  master = yes
}
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {{.Dir}}/oauth2
}
passdb {
  driver = passwd-file
  args = {{.Dir}}/users
  mechanisms = plain login
}
userdb {
  driver = static
  args = uid=dovecot gid=dovecot home={{.Dir}}/mail/%u
}
`))

// introspector is the token server: it issues numbered tokens to the
// application and says (RFC 7662) which are good and whose mailbox they open.
// What it says of others decides how Dovecot refuses them.
type introspector struct {
	mu     sync.Mutex
	issued int
	good   map[string]bool
	other  string // the answer for a token that is not good; "" for none at all
}

const (
	inactive   = `{"active":false}`
	errorReply = `{"error":"invalid_token"}`
)

func (i *introspector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/token" {
		i.issued++
		token := fmt.Sprintf("token-%d", i.issued)
		i.good[token] = true
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, token)
		return
	}
	switch token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); {
	case i.good[token]:
		fmt.Fprint(w, `{"active":true,"username":"anna"}`)
	case i.other == "":
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		fmt.Fprint(w, i.other)
	}
}

func (i *introspector) revoke() {
	i.mu.Lock()
	defer i.mu.Unlock()
	clear(i.good)
}

func (i *introspector) answerOthers(other string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.other = other
}

// neighbour finds a program, or says aloud that it is missing: a failure where
// neighbours are required.
func neighbour(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name) // not everybody's PATH has it
	}
	if err == nil && os.Getuid() != 0 {
		err = errors.New("needs root to drop privileges")
	}
	if err == nil {
		return path
	}
	if os.Getenv("POSTHOUSE_NEIGHBOURS") == "required" {
		t.Fatalf("the neighbour %s is required: %v", name, err)
	}
	t.Skipf("no neighbour %s here, logins to a real server are not tested: %v", name, err)
	return ""
}

func startDovecot(t *testing.T, tokenServer string) (addr string) {
	t.Helper()
	path := neighbour(t, "dovecot")
	dir, err := os.MkdirTemp("", "posthouse-dovecot") // short: its sockets' paths have a limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	addr = closedPort(t)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	var conf bytes.Buffer
	if err := dovecotConf.Execute(&conf, map[string]string{"Dir": dir, "Port": port}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"dovecot.conf": conf.String(),
		"users":        "anna:{PLAIN}anna's password\n",
		"masters":      "admin:{PLAIN}admin's password\n",
		"oauth2":       "introspection_mode = auth\nintrospection_url = " + tokenServer + "/introspect\nusername_attribute = username\nactive_attribute = active\nactive_value = true\n",
	} {
		write(t, filepath.Join(dir, name), []byte(text))
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "mail"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Join(dir, "mail"), 0o777)); err != nil {
		t.Fatal(err)
	}
	runDovecot(t, path, filepath.Join(dir, "dovecot.conf"))
	return addr
}

// runDovecot starts it, waits until it says it has, and stops it at the end.
func runDovecot(t *testing.T, path, conf string) {
	t.Helper()
	cmd := exec.Command(path, "-F", "-c", conf)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	started, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(stderr)
		for up := false; lines.Scan(); {
			fmt.Fprintln(&log, lines.Text())
			if !up && strings.Contains(lines.Text(), "starting up") {
				up = true
				close(started)
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("Dovecot's log:\n%s", log.String())
		}
	})
	select {
	case <-started:
	case <-ended:
		t.Fatal("Dovecot did not start")
	case <-time.After(30 * time.Second):
		t.Fatal("Dovecot says nothing")
	}
}

// imapDialog is just enough of IMAP to log in.
type imapDialog struct {
	conn net.Conn
	r    *bufio.Reader
	tag  int
}

// dialIMAP comes from an address of its own, in the network that Dovecot trusts
// with plain passwords: its limit is one of user and address.
func dialIMAP(t *testing.T, addr string) *imapDialog {
	t.Helper()
	n := connections.Add(1)
	return dialIMAPFrom(t, addr, net.IPv4(127, 1, byte(n>>8), byte(n)))
}

var connections atomic.Int32

func dialIMAPFrom(t *testing.T, addr string, from net.IP) *imapDialog {
	t.Helper()
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}).Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	d := &imapDialog{conn: conn, r: bufio.NewReader(conn)}
	if line, err := d.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "* OK") {
		t.Fatalf("greeted %q, %v", line, err)
	}
	return d
}

// authenticate returns the server's refusal as an error.
func (d *imapDialog) authenticate(client sasl.Client, initialResponse bool) error {
	mechanism, initial, err := client.Start()
	if err != nil {
		return err
	}
	command := "AUTHENTICATE " + mechanism
	if initialResponse {
		command += " " + base64.StdEncoding.EncodeToString(initial)
		initial = nil
	}
	return d.command(command, func(challenge []byte) ([]byte, error) {
		if initial != nil && len(challenge) == 0 {
			response := initial
			initial = nil
			return response, nil
		}
		return client.Next(challenge)
	})
}

func (d *imapDialog) command(text string, answer func([]byte) ([]byte, error)) error {
	d.tag++
	tag := fmt.Sprintf("a%d ", d.tag)
	if _, err := fmt.Fprintf(d.conn, "%s%s\r\n", tag, text); err != nil {
		return err
	}
	for {
		line, err := d.r.ReadString('\n')
		if err != nil {
			return err
		}
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, tag+"OK"):
			return nil
		case strings.HasPrefix(line, tag):
			return errors.New(strings.TrimPrefix(line, tag))
		case strings.HasPrefix(line, "+"):
			challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line[1:]))
			if err != nil {
				return err
			}
			response, err := answer(challenge)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(d.conn, "%s\r\n", base64.StdEncoding.EncodeToString(response)); err != nil {
				return err
			}
		}
	}
}

// attempt logs in on d, as posthouse does.
func attempt(t *testing.T, d *imapDialog, c Credential, initialResponse bool) error {
	t.Helper()
	client, err := c.SASL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = d.authenticate(client, initialResponse)
	if err != nil {
		c.Refused(client)
	}
	return Explain(err)
}

// bench is a Dovecot that believes tokens as a server of tokens tells it to, and a login that it takes.
type bench struct {
	addr     string
	tokens   *introspector
	url      string // of the server of tokens
	password Credential
}

func (b bench) newTokens(t *testing.T) *Tokens {
	tokens, err := ClientCredentials(ClientCredentialsOptions{TokenURL: b.url + "/token", ClientID: "app", Secret: fixed("x")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tokens.Close)
	return tokens
}

func TestDovecot(t *testing.T) {
	b := bench{tokens: &introspector{good: make(map[string]bool), other: inactive}, password: Credential{Username: "anna", Password: fixed("anna's password")}}
	web := httptest.NewServer(b.tokens)
	t.Cleanup(web.Close)
	b.url, b.addr = web.URL, startDovecot(t, web.URL)
	t.Run("logins", b.logins)
	t.Run("refusals", b.refusals)
	t.Run("a revoked token is replaced", b.revoked)
	t.Run("unavailable", b.unavailable)
	t.Run("throttled", b.throttled)
	t.Run("plain passwords disabled", b.disabled)
}

func (b bench) logins(t *testing.T) {
	tokens := b.newTokens(t)
	for name, c := range map[string]Credential{
		"PLAIN":       b.password,
		"LOGIN":       {Username: "anna", Password: fixed("anna's password"), Mechanism: Login},
		"authzid":     {Username: "admin", Authzid: "anna", Password: fixed("admin's password")},
		"master user": {Username: MasterUser("anna", "*", "admin"), Password: fixed("admin's password"), Mechanism: Login},
		"XOAUTH2":     {Username: "anna", Tokens: tokens},
		"OAUTHBEARER": {Username: "anna", Tokens: tokens, Mechanism: OAuthBearer},
	} {
		for _, initialResponse := range []bool{true, false} {
			if err := attempt(t, dialIMAP(t, b.addr), c, initialResponse); err != nil {
				t.Errorf("%s, initial response %v: %v", name, initialResponse, err)
			}
		}
	}
}

func (b bench) refusals(t *testing.T) {
	for name, c := range map[string]Credential{
		"wrong password":      {Username: "anna", Password: fixed("wrong")},
		"wrong by LOGIN":      {Username: "anna", Password: fixed("wrong"), Mechanism: Login},
		"unknown user":        {Username: "nobody", Password: fixed("wrong")},
		"not a master user":   {Username: "anna", Authzid: "bob", Password: fixed("anna's password")},
		"bad token":           {Username: "anna", Tokens: &fixedTokens{token: "made-up"}},
		"bad OAUTHBEARER":     {Username: "anna", Tokens: &fixedTokens{token: "made-up"}, Mechanism: OAuthBearer},
		"somebody else's":     {Username: "bob", Tokens: b.newTokens(t)},
		"somebody else's too": {Username: "bob", Tokens: b.newTokens(t), Mechanism: OAuthBearer},
	} {
		d := dialIMAP(t, b.addr)
		if err := attempt(t, d, c, true); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
		// The exchange ended as it should: the connection can be used on.
		if err := attempt(t, d, b.password, true); err != nil {
			t.Errorf("%s, then the right one: %v", name, err)
		}
	}
}

func (b bench) revoked(t *testing.T) {
	tokens := b.newTokens(t)
	clock := time.Now()
	tokens.now = func() time.Time { return clock }
	c := Credential{Username: "anna", Tokens: tokens}
	if err := attempt(t, dialIMAP(t, b.addr), c, true); err != nil {
		t.Fatal(err)
	}
	b.tokens.revoke()
	clock = clock.Add(settledAge)
	d := dialIMAP(t, b.addr)
	if err := attempt(t, d, c, true); !errors.Is(err, ErrRefused) {
		t.Errorf("with the revoked token: %v", err)
	}
	if err := attempt(t, d, c, true); err != nil {
		t.Errorf("with the next one: %v", err)
	}
}

func (b bench) unavailable(t *testing.T) {
	defer b.tokens.answerOthers(inactive)
	c := Credential{Username: "anna", Tokens: &fixedTokens{token: "made-up"}}
	// The second is a quirk of Dovecot 2.3: a token is refused only when
	// introspection calls it inactive. An error, which is what Google's and
	// Microsoft's addresses used for this answer, counts as a failure.
	for name, other := range map[string]string{"introspection down": "", "introspection gives an error": errorReply} {
		b.tokens.answerOthers(other)
		if err := attempt(t, dialIMAP(t, b.addr), c, true); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func (b bench) throttled(t *testing.T) {
	for n := range 3 {
		err := attempt(t, dialIMAPFrom(t, b.addr, net.IPv4(127, 1, 255, 1)), b.password, true)
		if n < 2 && err != nil || n == 2 && !errors.Is(err, ErrThrottled) {
			t.Errorf("connection %d of at most 2: %v", n+1, err)
		}
	}
}

func (b bench) disabled(t *testing.T) {
	err := attempt(t, dialIMAPFrom(t, b.addr, net.IPv4(127, 2, 0, 1)), b.password, true)
	var failed *Error
	if !errors.As(err, &failed) || !errors.Is(err, ErrDisabled) || !strings.Contains(failed.Hint, "TLS") {
		t.Errorf("%v, want disabled and a hint at TLS", err)
	}
}
