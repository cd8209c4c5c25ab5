package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/incent-dev/incent/internal/job"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/person"
)

// sweeps is all that happens by itself. Where what one does gives another
// something to do, that one stands behind it. Whatever callers see is settled when
// they look, so how often a sweep is run decides only how soon somebody is told.
func (c *Core) sweeps() []job.Sweep {
	return []job.Sweep{
		{Name: "settle", Every: 5 * time.Second, Due: c.Ledger.Due, Run: c.Ledger.SettleDue},
		{Name: "rewards", Every: 5 * time.Second, Due: c.Referral.Due, Run: c.Referral.SettleDue},
		{Name: "standings", Every: 10 * time.Second, Due: c.Boards.Waiting, Run: c.Boards.TakeIn},
		{Name: "crowds", Every: 2 * time.Second, Due: c.Boards.Crowded, Run: c.Boards.TakeIn},
		{Name: "tallies", Every: 5 * time.Second, Due: c.Incentive.Uncounted, Run: c.Incentive.Count},
		{Name: "warn", Every: time.Minute, Due: c.Ledger.Unwarned, Run: c.Ledger.Warn},
		{Name: "boards", Every: time.Minute, Due: c.Boards.Ended, Run: c.Boards.CloseEnded},
		{Name: "feed", Every: 2 * time.Second, Due: c.Feed.Unnumbered, Run: func(ctx context.Context, tenantID int64) error {
			_, err := c.Feed.Sequence(ctx, tenantID)
			return err
		}},
		{Name: "seal", Every: 2 * time.Second, Due: c.Ledger.Unsealed, Run: c.Ledger.Seal},
		{Name: "erasures", Every: 30 * time.Second, Due: c.People.Unfinished, Run: c.finishErasures},
		// Webhooks look for themselves, and more often. Here they follow a clock that is moved.
		{Name: "webhooks", Every: time.Hour, Due: func(context.Context) ([]int64, error) { return nil, nil }, Run: c.Hooks.Sweep},
		{Name: "deliveries", Every: 10 * time.Minute, Due: c.Hooks.Old, Run: c.Hooks.Forget},
		// By the real clock, unlike the others.
		{Name: "keys", Every: 10 * time.Minute, Run: func(ctx context.Context, _ int64) error { return once.Forget(ctx, c.DB) }},
	}
}

// finishErasures waits for whoever was there before an erasure, an audit of an hour
// for example, with the next beat.
func (c *Core) finishErasures(ctx context.Context, tenantID int64) error {
	err := c.People.Finish(ctx, tenantID)
	if errors.Is(err, person.ErrUnderWay) {
		return fmt.Errorf("%w: %w", job.ErrLater, err)
	}
	return err
}
