package login

import "strings"

// bearerClient sends a token, by XOAUTH2 or OAUTHBEARER. It is for one attempt.
type bearerClient struct {
	mechanism, user, token string
}

// Start implements sasl.Client.
func (b *bearerClient) Start() (mechanism string, initial []byte, err error) {
	if b.mechanism == OAuthBearer {
		return OAuthBearer, []byte("n,a=" + saslName(b.user) + ",\x01auth=Bearer " + b.token + "\x01\x01"), nil
	}
	return XOAuth2, []byte("user=" + b.user + "\x01auth=Bearer " + b.token + "\x01\x01"), nil
}

// Next implements sasl.Client. A challenge is the server's refusal, in JSON. The
// client must acknowledge it, after which comes the final answer: XOAUTH2 by an
// empty line, OAUTHBEARER by ^A (RFC 7628 §3.2.3). An error here would leave the
// exchange, and the connection, hanging.
func (b *bearerClient) Next([]byte) ([]byte, error) {
	if b.mechanism == OAuthBearer {
		return []byte{1}, nil
	}
	return []byte{}, nil
}

// saslName escapes a name for a GS2 header (RFC 5801 §4).
func saslName(name string) string {
	return strings.NewReplacer("=", "=3D", ",", "=2C").Replace(name)
}

// loginClient speaks LOGIN (draft-murchison-sasl-login). Servers differ in how
// they ask ("Username:", "User Name\x00", "Password:") and in whether they take
// the name as initial response: the name is given again to one that asks for it.
type loginClient struct {
	username, password string
}

// Start implements sasl.Client.
func (l *loginClient) Start() (mechanism string, initial []byte, err error) {
	return Login, []byte(l.username), nil
}

// Next implements sasl.Client.
func (l *loginClient) Next(challenge []byte) ([]byte, error) {
	if strings.HasPrefix(strings.ToLower(string(challenge)), "user") {
		return []byte(l.username), nil
	}
	return []byte(l.password), nil
}
