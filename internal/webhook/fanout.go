package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/pg"
)

const (
	// fanBatch bounds the events that one transaction looks at for an endpoint,
	// and so the new deliveries that can wait as rows: the next are made when
	// these were attempted. The rest waits in the feed, which costs nothing.
	fanBatch = 1000

	// fanRounds bounds the batches of one dispatch: an endpoint that wants none
	// of them has to get past them, but not before others get their turn.
	fanRounds = 20

	// numberingPatience bounds how long one dispatch numbers commits.
	numberingPatience = 2 * time.Second

	// jobPatience is how long a job may wait for a free worker before another
	// one may be made: it then finds that it is not the one.
	jobPatience = 30 * time.Second
)

// job asks for work on an endpoint. Only the one whose worker the endpoint's row
// names does any.
type job struct {
	Tenant   int64     `json:"tenant"`
	Endpoint int64     `json:"endpoint"`
	Worker   uuid.UUID `json:"worker"`
}

// Kind names the job for River.
func (job) Kind() string { return "webhook_endpoint" }

// number gives places to what has been committed, as far as time allows.
func (h *Hooks) number(ctx context.Context, tenantID int64) error {
	limited, cancel := context.WithTimeout(ctx, numberingPatience)
	defer cancel()
	_, err := h.feed.Sequence(limited, tenantID)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil // what was numbered stays so
	}
	return err
}

// dispatch brings an endpoint that nobody works on to a worker, if it has
// anything to be told.
func (h *Hooks) dispatch(ctx context.Context, tenantID, endpointID int64) error {
	if err := h.number(ctx, tenantID); err != nil {
		return err
	}
	for range fanRounds {
		again, err := pg.InTx(ctx, h.db, func(ctx context.Context, tx pg.Tx) (bool, error) {
			r, err := q.EndpointTakeForUpdate(ctx, tx, query.EndpointTakeForUpdateParams{TenantID: tenantID, ID: endpointID})
			if pg.IsNoRows(err) {
				return false, nil // another process has it in hand
			}
			if err != nil {
				return false, fmt.Errorf("lock endpoint: %w", err)
			}
			l := lockedFrom(r.WebhookEndpoint, r.Mode, r.ClockOffsetUs)
			if l.row.WorkerUntil.After(l.now) || l.RetryAt.After(l.now) {
				return false, nil
			}
			due, moved, err := h.ensureDue(ctx, tx, &l)
			if err != nil || !due && !moved {
				return false, err
			}
			if due {
				if err := h.enqueue(ctx, tx, &l); err != nil {
					return false, err
				}
			}
			return !due, l.store(ctx, tx)
		})
		if err != nil || !again {
			return err
		}
	}
	return nil
}

// ensureDue sees to it that an endpoint has deliveries that are due, and tells
// whether it has: those it has, or else those of the next events of the feed.
// moved tells whether it looked at any.
func (h *Hooks) ensureDue(ctx context.Context, tx pg.Tx, l *locked) (due, moved bool, err error) {
	due, err = q.DeliveryExistsDue(ctx, tx, query.DeliveryExistsDueParams{TenantID: l.row.TenantID, EndpointID: l.ID, At: l.now})
	if err != nil {
		return false, false, fmt.Errorf("look for due deliveries: %w", err)
	}
	if due {
		return true, false, nil
	}
	heads, err := h.feed.Heads(ctx, tx, l.row.TenantID, l.row.Seen, fanBatch)
	if err != nil || len(heads) == 0 {
		return false, false, err
	}
	wanted := h.wanted(l, heads)
	if len(wanted.Numbers) > 0 {
		if err := q.DeliveryInsertMany(ctx, tx, wanted); err != nil {
			return false, false, fmt.Errorf("insert deliveries: %w", err)
		}
	}
	l.row.Seen = heads[len(heads)-1].Number
	return len(wanted.Numbers) > 0, true, nil
}

// wanted chooses what an endpoint is told.
func (h *Hooks) wanted(l *locked, heads []event.Head) query.DeliveryInsertManyParams {
	p := query.DeliveryInsertManyParams{TenantID: l.row.TenantID, EndpointID: l.ID, At: l.now}
	for _, e := range heads {
		if e.Drawn >= l.row.Since {
			l.row.Since = 0 // all that comes behind was drawn later
		}
		if l.row.Since == 0 && l.wants(e.Kind) {
			p.Numbers, p.Kinds = append(p.Numbers, e.Number), append(p.Kinds, int16(e.Kind))
		}
	}
	return p
}

var errNotStarted = errors.New("webhooks are not started")

// enqueue gives the right to work on an endpoint to a new job.
func (h *Hooks) enqueue(ctx context.Context, tx pg.Tx, l *locked) error {
	if h.jobs == nil {
		return errNotStarted
	}
	token := pg.NewUUID()
	queue := queueHealthy
	if l.Failures >= failingFrom {
		queue = queueFailing
	}
	_, err := h.jobs.InsertTx(ctx, tx.ForRiver(), job{l.row.TenantID, l.ID, token}, &river.InsertOpts{Queue: queue, MaxAttempts: 1})
	if err != nil {
		return fmt.Errorf("insert job: %w", err)
	}
	l.row.Worker, l.row.WorkerUntil = &token, l.now.Add(jobPatience)
	return nil
}

// store writes how far an endpoint is, how it is, and who works on it.
func (l *locked) store(ctx context.Context, tx pg.Tx) error {
	err := q.EndpointUpdateWork(ctx, tx, query.EndpointUpdateWorkParams{
		TenantID: l.row.TenantID, ID: l.ID, Seen: l.row.Seen, Since: l.row.Since, State: string(l.State), Reason: textOrNil(l.Reason),
		Failures: int32(l.Failures), FailingSince: timeOrNil(l.FailingSince), RetryAt: l.RetryAt,
		Worker: l.row.Worker, WorkerUntil: l.row.WorkerUntil, UpdatedAt: l.UpdatedAt,
	})
	if err != nil {
		return fmt.Errorf("store endpoint: %w", err)
	}
	return nil
}
