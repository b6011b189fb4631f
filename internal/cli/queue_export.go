package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"posthouse/internal/control"
)

func newQueueExport(a *app) *cobra.Command {
	var f queueFlags
	var folder string
	c := &cobra.Command{
		Use: "export [ID ...]", Short: "Write messages as .eml files",
		Long: `Writes messages as files, ID.eml, as they go out: byte for byte as received, below our Received and trace fields. Any message can be exported until its retention is over, delivered or not.
What is put into its mailbox by hand is recognised there, and not sent once more.`,
		RunE: func(c *cobra.Command, args []string) error { return a.queueExport(c.Context(), f, args, folder) },
	}
	f.addTo(c)
	c.Flags().BoolVar(&f.all, "all", false, "everything that waits")
	c.Flags().StringVarP(&folder, "output", "o", ".", "the `folder` to write to, which is made where there is none; - is the standard output, for one message")
	return c
}

// exported says where a message was written.
type exported struct {
	Schema  string `json:"schema"` // "posthouse.exported/1"
	Capture string `json:"capture"`
	File    string `json:"file"`
	Octets  int64  `json:"octets"`
	From    string `json:"from"` // of the envelope, which the file does not tell
	To      string `json:"to"`   // the first that it waits for
}

func (a *app) queueExport(ctx context.Context, f queueFlags, ids []string, folder string) error {
	if err := f.check(); err != nil {
		return err
	}
	if len(ids) == 0 && !f.any() && !f.all {
		return &failure{code: exitUsage, what: "name messages by ID, or choose them by --reason, --from, --to, --older or --all", next: "posthouse queue list"}
	}
	m, err := a.mail(ctx)
	if err != nil {
		return err
	}
	defer m.close()
	all, err := allQueued(ctx, m, f.filter(ids))
	if err != nil {
		return err
	}
	all = oncePerMessage(all)
	switch {
	case len(all) == 0:
		return &failure{code: exitFailed, what: "no message there to be exported", next: "posthouse queue list"}
	case folder == "-" && len(all) > 1:
		return &failure{code: exitUsage, what: fmt.Sprintf("%d messages do not fit into one output", len(all)), next: "posthouse queue export -o FOLDER"}
	case folder == "-":
		_, err := m.message(ctx, all[0].Waiting.Capture, a.out)
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for _, q := range all {
		e := exported{
			Schema: "posthouse.exported/1", Capture: q.Waiting.Capture, File: filepath.Join(folder, q.Waiting.Capture+".eml"), From: q.Waiting.From, To: q.Waiting.To,
		}
		if e.Octets, err = save(ctx, m, e.Capture, e.File); err != nil {
			return err
		}
		if a.json {
			a.out.object(e)
		} else {
			a.out.print(line{{plain, e.File + "   " + size(e.Octets) + "   " + sender(e.From) + " → " + e.To}})
		}
	}
	return nil
}

func oncePerMessage(all []control.Queued) []control.Queued {
	var once []control.Queued
	seen := map[string]bool{}
	for _, q := range all {
		if !seen[q.Waiting.Capture] {
			seen[q.Waiting.Capture] = true
			once = append(once, q)
		}
	}
	return once
}

// save writes a message to a file that bears its name only when it is whole.
func save(ctx context.Context, m mail, capture, name string) (int64, error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".posthouse-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	n, err := m.message(ctx, capture, f)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	return n, err
}

func (r *remote) message(ctx context.Context, capture string, to io.Writer) (int64, error) {
	body, err := r.client.Message(ctx, capture)
	if err != nil {
		return 0, elsewhere(r.explain(err))
	}
	defer body.Close()
	n, err := io.Copy(to, body)
	if err != nil {
		return n, fmt.Errorf("message %s was cut off: %w", capture, err)
	}
	return n, nil
}
