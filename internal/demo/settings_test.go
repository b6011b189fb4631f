package demo

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"posthouse/config"
)

func newSettings(t *testing.T) *settings {
	return &settings{
		dir: t.TempDir(), listener: "127.0.0.1:24999", legacy: serverAddr{"127.0.0.1:1143", "127.0.0.1:1025", "http://127.0.0.1:1080/"}, cloud: serverAddr{"127.0.0.1:2143", "127.0.0.1:2025", "http://127.0.0.1:2080/"},
		home: map[wave]string{pilot: "cloud", moving: "legacy", last: "legacy"}, quiet: 72 * time.Hour,
	}
}

func TestSettingsAreAConfiguration(t *testing.T) {
	s := newSettings(t)
	must(t, s.write())
	must(t, os.WriteFile(s.log(), nil, 0o600))
	cfg, err := config.Load(s.file())
	must(t, err)
	if len(cfg.Warnings) > 0 {
		t.Errorf("warnings: %v", cfg.Warnings)
	}
	if cfg.Control.Socket != s.socket() || cfg.Evidence["dovecot"].File != s.log() || cfg.Verdict.Quiet != s.quiet || cfg.Relay.Workers != workers {
		t.Errorf("socket %s, log %s, quiet %s, %d workers", cfg.Control.Socket, cfg.Evidence["dovecot"].File, cfg.Verdict.Quiet, cfg.Relay.Workers)
	}
	if len(cfg.Mailboxes) != len(mailboxes) || len(cfg.Recipients.Groups["team@example.com"]) != 3 {
		t.Errorf("%d mailboxes, groups %v", len(cfg.Mailboxes), cfg.Recipients.Groups)
	}
	for i, m := range cfg.Mailboxes {
		old, err := m.Legacy.Password.Reveal()
		must(t, err)
		if string(m.Home) != s.home[mailboxes[i].wave] || old != oldPassword(mailboxes[i]) || !slices.Contains(cfg.Routes.Arriving.TeeNever, m.Address) != mailboxes[i].tee {
			t.Errorf("%s: home %s, old password %q", m.Address, m.Home, old)
		}
	}
	must(t, filepath.WalkDir(filepath.Join(s.dir, "secrets"), func(path string, e os.DirEntry, err error) error {
		info, infoErr := os.Stat(path)
		if must(t, err); infoErr != nil || info.Mode()&0o077 != 0 {
			t.Errorf("%s is for others too: %v, %v", path, info.Mode(), infoErr)
		}
		return nil
	}))
}

func TestSettingsChangeWithoutRestart(t *testing.T) {
	s := newSettings(t)
	must(t, s.write())
	before, err := config.Load(s.file())
	must(t, err)
	s.switched, s.home[moving] = noon, "cloud"
	must(t, s.write())
	after, err := config.Load(s.file())
	must(t, err)
	if !after.Verdict.MXSwitched.Equal(noon) {
		t.Errorf("MX records switched %s", after.Verdict.MXSwitched)
	}
	changes := config.Diff(before, after)
	for _, c := range changes {
		if !c.Live {
			t.Errorf("%s takes a restart", c.Key)
		}
	}
	if len(changes) == 0 {
		t.Error("no change")
	}
}
