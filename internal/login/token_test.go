package login

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
)

// mint is a token endpoint without HTTP: it numbers its tokens.
type mint struct {
	fetched  atomic.Int32
	lifetime time.Duration // 0: not told
	takes    time.Duration
	err      error
}

func (m *mint) fetch(ctx context.Context, subject string) (*oauth2.Token, error) {
	select {
	case <-time.After(m.takes):
	case <-ctx.Done():
		return nil, fmt.Errorf("fetching: %w", ctx.Err())
	}
	n := m.fetched.Add(1)
	if m.err != nil {
		return nil, m.err
	}
	token := &oauth2.Token{AccessToken: fmt.Sprintf("%s#%d", subject, n)}
	if m.lifetime != 0 {
		token.Expiry = time.Now().Add(m.lifetime)
	}
	return token, nil
}

func (m *mint) tokens(perMailbox bool) *Tokens {
	return &Tokens{fetch: m.fetch, closeIdle: func() {}, perMailbox: perMailbox, now: time.Now, held: make(map[string]*held)}
}

func wantToken(t *testing.T, source TokenSource, mailbox, want string) {
	t.Helper()
	if got, err := source.Token(t.Context(), mailbox); got != want || err != nil {
		t.Errorf("token for %s is %q, %v; want %q", mailbox, got, err, want)
	}
}

func TestTokenIsKeptAndRenewedInTime(t *testing.T) {
	for _, tc := range []struct {
		name     string
		lifetime time.Duration
		kept     time.Duration // still the first token
		renewed  time.Duration // by now the second
	}{
		{"an hour", time.Hour, 54 * time.Minute, 55 * time.Minute},
		{"five minutes", 5 * time.Minute, 3*time.Minute + 59*time.Second, 4 * time.Minute},
		{"not told", 0, 3*time.Minute + 59*time.Second, 4 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tokens := (&mint{lifetime: tc.lifetime}).tokens(false)
				wantToken(t, tokens, "anna", "#1")
				time.Sleep(tc.kept)
				wantToken(t, tokens, "anna", "#1")
				time.Sleep(tc.renewed - tc.kept)
				wantToken(t, tokens, "anna", "#2")
			})
		})
	}
}

func TestTokenPerMailboxOrForAll(t *testing.T) {
	each := (&mint{lifetime: time.Hour}).tokens(true)
	wantToken(t, each, "anna", "anna#1")
	wantToken(t, each, "bob", "bob#2")
	wantToken(t, each, "anna", "anna#1")
	all := (&mint{lifetime: time.Hour}).tokens(false)
	wantToken(t, all, "anna", "#1")
	wantToken(t, all, "bob", "#1")
}

func TestCallersShareOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{lifetime: time.Hour, takes: time.Second}
		tokens := m.tokens(false)
		got := make(chan string, 50)
		for range cap(got) {
			go func() {
				token, err := tokens.Token(t.Context(), "anna")
				got <- fmt.Sprint(token, err)
			}()
		}
		for range cap(got) {
			if g := <-got; g != "#1<nil>" {
				t.Errorf("got %s", g)
			}
		}
		if n := m.fetched.Load(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestCallersShareOneFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{takes: time.Second, err: &Error{Kind: ErrRefused, Err: errors.New("401")}}
		tokens := m.tokens(false)
		failed := make(chan error, 50)
		for range cap(failed) {
			go func() {
				_, err := tokens.Token(t.Context(), "anna")
				failed <- err
			}()
		}
		for range cap(failed) {
			if err := <-failed; !errors.Is(err, ErrRefused) {
				t.Errorf("got %v", err)
			}
		}
		if n := m.fetched.Load(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
		m.err = nil
		wantToken(t, tokens, "anna", "#2") // a failure is not kept
	})
}

func TestOneWhoGivesUpDoesNotFailTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := (&mint{lifetime: time.Hour, takes: 10 * time.Second}).tokens(false)
		brief, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		first, other := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := tokens.Token(brief, "anna")
			first <- err
		}()
		synctest.Wait() // the first is the one that fetches
		go func() {
			token, err := tokens.Token(t.Context(), "anna")
			if token != "#1" && err == nil {
				err = fmt.Errorf("token %q", token)
			}
			other <- err
		}()
		if err := <-first; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the one who gave up: %v", err)
		}
		if err := <-other; err != nil {
			t.Errorf("the other: %v", err)
		}
	})
}

func TestWaiterGivesUpByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := (&mint{lifetime: time.Hour, takes: 10 * time.Second}).tokens(false)
		first := make(chan error, 1)
		go func() {
			_, err := tokens.Token(t.Context(), "anna")
			first <- err
		}()
		synctest.Wait()
		brief, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := tokens.Token(brief, "anna"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the waiter: %v", err)
		}
		if err := <-first; err != nil {
			t.Errorf("the first: %v", err)
		}
	})
}

func TestInvalidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := (&mint{lifetime: time.Hour}).tokens(true)
		tokens.Invalidate("anna", "anna#1") // nothing held: no harm
		wantToken(t, tokens, "anna", "anna#1")
		tokens.Invalidate("anna", "anna#1")
		wantToken(t, tokens, "anna", "anna#1") // too new to be stale
		time.Sleep(settledAge)
		tokens.Invalidate("bob", "anna#1")
		tokens.Invalidate("anna", "anna#0")
		wantToken(t, tokens, "anna", "anna#1") // meant another
		tokens.Invalidate("anna", "anna#1")
		wantToken(t, tokens, "anna", "anna#2")
	})
}

func TestFailedRenewalServesTheOldTokenWhileItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{lifetime: time.Hour}
		tokens := m.tokens(false)
		wantToken(t, tokens, "anna", "#1")
		m.err = &Error{Kind: ErrUnavailable, Err: errors.New("503")}
		time.Sleep(56 * time.Minute)
		wantToken(t, tokens, "anna", "#1")
		wantToken(t, tokens, "anna", "#1")
		if n := m.fetched.Load(); n != 2 {
			t.Errorf("%d requests, want no second renewal at once", n)
		}
		time.Sleep(renewRetry)
		wantToken(t, tokens, "anna", "#1")
		if n := m.fetched.Load(); n != 3 {
			t.Errorf("%d requests, want another renewal after %s", n, renewRetry)
		}
		time.Sleep(4 * time.Minute)
		if token, err := tokens.Token(t.Context(), "anna"); !errors.Is(err, ErrUnavailable) || token != "" {
			t.Errorf("after its end: %q, %v; want unavailable", token, err)
		}
	})
}

func TestRefusedRenewalIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{lifetime: time.Hour}
		tokens := m.tokens(false)
		wantToken(t, tokens, "anna", "#1")
		m.err = &Error{Kind: ErrRefused, Err: errors.New("401")}
		time.Sleep(56 * time.Minute)
		if _, err := tokens.Token(t.Context(), "anna"); !errors.Is(err, ErrRefused) {
			t.Errorf("%v, want refused: the client secret was withdrawn", err)
		}
	})
}
