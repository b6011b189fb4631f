package config

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Reveal reads the secret; line ends after it are not part of it. Errors name the place, never the
// content.
func (s Secret) Reveal() (string, error) {
	if s.literal != nil {
		return *s.literal, nil
	}
	scheme, rest, _ := strings.Cut(s.ref, ":")
	switch scheme {
	case "file":
		return readSecret(rest)
	case "credential":
		return readCredential(rest)
	case "env":
		return readEnv(rest)
	}
	return "", ErrNoSecret
}

func readEnv(name string) (string, error) {
	v := strings.TrimRight(os.Getenv(name), "\r\n")
	if v == "" {
		return "", fmt.Errorf("environment variable %s is not set", name)
	}
	return v, nil
}

func readCredential(name string) (string, error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return "", fmt.Errorf("credential %s: only the service has credentials (LoadCredential=%s:PATH)", name, name)
	}
	return readSecret(filepath.Join(dir, name))
}

// readSecret asks the open file for its mode, not the path: nobody can change what was looked at.
func readSecret(path string) (string, error) {
	f, err := openNow(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := privateFile(f); err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", path, err)
	}
	if len(b) > maxSecret {
		return "", fmt.Errorf("%s is too large for a secret", path)
	}
	v := strings.TrimRight(string(b), "\r\n")
	if v == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return v, nil
}

// openNow does not wait, as opening a named pipe would, for somebody to write.
func openNow(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// privateFile refuses what others can read. The group may: that is how a service user is let in.
func privateFile(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", f.Name())
	}
	return privateMode(f.Name(), fi.Mode())
}

func privateMode(path string, mode fs.FileMode) error {
	if mode.Perm()&0o004 != 0 {
		return fmt.Errorf("%s is %w (mode %04o)", path, ErrWorldReadable, mode.Perm())
	}
	return nil
}
