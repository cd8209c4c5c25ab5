package webhook_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/webhook"
)

// River's jobs are no history: whatever became of one, its row goes minutes later.
func TestFinishedJobsAreForgotten(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t) // where no other process cleans up
	if err := pg.Migrate(t.Context(), url, 0); err != nil {
		t.Fatal(err)
	}
	db, err := pg.Open(t.Context(), pg.Config{URL: url, AllowVolatile: true, MaxConns: 6})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec(t.Context(), `
		INSERT INTO river.river_job (state, attempt, max_attempts, attempted_at, finalized_at, scheduled_at, kind, args, queue)
		SELECT s.state::river.river_job_state, 1, 1, now(), now() - interval '2 minutes', now(), 'webhook_endpoint', '{}', 'webhooks'
		  FROM unnest(ARRAY['completed', 'cancelled', 'discarded']) AS s (state)`)
	if err != nil {
		t.Fatal(err)
	}
	hooks, err := webhook.New(t.Context(), db, event.New(db, nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := hooks.Start(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	defer hooks.Close(context.Background())
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	patience := time.After(time.Minute)
	for {
		var old int
		err := db.QueryRow(t.Context(), "SELECT count(*) FROM river.river_job").Scan(&old)
		if err != nil {
			t.Fatal(err)
		}
		if old == 0 {
			return
		}
		select {
		case <-again.C:
		case <-patience:
			t.Fatalf("%d old jobs are still there", old)
		}
	}
}
