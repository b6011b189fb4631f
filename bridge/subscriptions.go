package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Subscriptions are carried over, each once: what a user gives up in the cloud later stays given up, and nothing is ever unsubscribed there. Those that were are kept as one fact of the mailbox.
// No mail depends on them: a server that cannot tell them, or cannot be told, stops nothing.

// subscription is what the owner of the mailbox wants. Of a foreign folder only the login's own wish is known.
func subscription(f cutover.Folder) cutover.Subscription {
	if f.Foreign {
		return ""
	}
	return f.Subscription
}

// tellSubscriptions asks for subscriptions where the list of folders does not have them, if a folder is there that has no pair yet.
func (w *worker) tellSubscriptions(ctx context.Context, folders []cutover.Folder, have map[string]*pair) error {
	all, can := w.legacy.(Subscriber)
	if !can {
		return nil
	}
	for _, f := range folders {
		if ok, _ := w.rules.folder(f); ok && have[f.Path.Key()] == nil && f.Subscription == "" {
			return w.unheeded(ctx, all.Subscriptions(ctx, folders))
		}
	}
	return nil
}

// subscribe subscribes in the cloud to what is subscribed on the legacy side and was not carried over before.
func (w *worker) subscribe(ctx context.Context) error {
	var news, missing []cutover.Folder
	for _, p := range w.pairs {
		if subscription(p.legacy) != cutover.Subscribed {
			continue
		}
		carried, err := w.wasSubscribed(ctx, p.cloud)
		if err != nil {
			return err
		}
		if carried {
			continue
		}
		w.subscribed[p.cloud.Path.Key()] = true
		news = append(news, p.cloud)
		if p.cloud.Subscription != cutover.Subscribed {
			missing = append(missing, p.cloud)
		}
	}
	if len(news) == 0 {
		return nil
	}
	if all, can := w.cloud.(Subscriber); can && len(missing) > 0 {
		if err := all.Subscribe(ctx, missing); err != nil {
			w.subscribed = nil // as it was: it is tried again
			return w.unheeded(ctx, err)
		}
	}
	return w.noteSubscribed(ctx)
}

// unheeded tells the log what failed. Only the end of our own work is an error.
func (w *worker) unheeded(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == nil {
		w.b.cfg.Log.WithError(err).WithField("mailbox", w.m.ID).Info("subscriptions are not carried over for now")
	}
	return ctx.Err()
}

func (w *worker) subscribedFact() string { return "subscribed/" + string(w.m.ID) }

// wasSubscribed reports whether a cloud folder was subscribed to for the user before.
func (w *worker) wasSubscribed(ctx context.Context, f cutover.Folder) (bool, error) {
	if w.subscribed == nil {
		value, err := w.b.cfg.Ledger.Fact(ctx, w.subscribedFact())
		if err != nil && !errors.Is(err, ledger.ErrNotFound) {
			return false, err
		}
		var paths []cutover.FolderPath
		if err := json.Unmarshal([]byte(value), &paths); err != nil && value != "" {
			return false, fmt.Errorf("reading the subscriptions that were carried over for %s: %w", w.m.ID, err)
		}
		w.subscribed = map[string]bool{}
		for _, path := range paths {
			w.subscribed[path.Key()] = true
		}
	}
	return w.subscribed[f.Path.Key()], nil
}

func (w *worker) noteSubscribed(ctx context.Context) error {
	var paths []cutover.FolderPath
	for key := range w.subscribed {
		paths = append(paths, cutover.PathFromKey(key))
	}
	value, err := json.Marshal(paths)
	if err != nil {
		return err
	}
	return w.b.cfg.Ledger.SetFact(ctx, w.subscribedFact(), string(value))
}
