package webhook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	// chunk is how many deliveries are sent between two transactions, parallel
	// how many of them at a time: what one endpoint can ask of its receiver and
	// of this process.
	chunk    = 64
	parallel = 16

	// chunkPatience is how long a chunk begins new attempts; with the last of
	// them it ends before the lease does.
	chunkPatience = 5 * time.Second

	// lease is how long an endpoint is left to a worker that is not heard of.
	// Then it is dead, or as good as: another one sends what it may have sent.
	lease = 45 * time.Second

	// shiftLimit is how long one job works before others get their turn.
	shiftLimit = 5 * time.Second

	// markPatience bounds the marking of what was sent, also while stopping.
	markPatience = 5 * time.Second
)

// due is a delivery to attempt.
type due struct {
	number   int64
	kind     int16
	attempts int // made before
	created  time.Time
	id       string
	body     []byte
}

func (d due) test() bool { return d.number < 0 }

// batch is a chunk of deliveries with all that it takes to send them.
type batch struct {
	endpoint Endpoint
	secrets  [][]byte
	test     bool      // of a tenant in test mode
	now      time.Time // by the tenant's clock, when it was taken
	due      []due
}

// DeliveryID renders a delivery's id: that of the endpoint and of the event's
// number, so it is the same whoever sends it, and however often.
func DeliveryID(endpoint, number int64) string {
	var u uuid.UUID
	for i := range 8 {
		u[i], u[8+i] = byte(endpoint>>(56-8*i)), byte(number>>(56-8*i))
	}
	return id.UUID(deliveryPrefix, u)
}

// worker works off the deliveries of one endpoint.
type worker struct {
	river.WorkerDefaults[job]
	hooks *Hooks
}

// Work takes turns: it marks what was sent, takes the next chunk in the same
// transaction, and sends it, until there is nothing left or its time is over.
func (w *worker) Work(ctx context.Context, j *river.Job[job]) error {
	h := w.hooks
	begun := pg.Now()
	turn := turn{job: j.Args}
	for {
		next, err := h.take(ctx, turn)
		if err != nil {
			return err
		}
		turn.done = nil
		switch {
		case next == nil && turn.dry:
			return nil
		case next == nil:
			// What is numbered is told. Is there more?
			if err := h.number(ctx, j.Args.Tenant); err != nil {
				return err
			}
			turn.dry = true
			continue
		}
		if err := h.render(ctx, j.Args.Tenant, next); err != nil {
			return err
		}
		h.paced(ctx, len(next.due))
		turn.done = h.sendAll(ctx, next)
		turn.dry, turn.last = false, h.closed() || ctx.Err() != nil || pg.Now().Sub(begun) > shiftLimit
		if turn.last {
			marking, cancel := context.WithTimeout(context.WithoutCancel(ctx), markPatience)
			_, err := h.take(marking, turn)
			cancel()
			return err
		}
	}
}

func (h *Hooks) closed() bool {
	select {
	case <-h.closing:
		return true
	default:
		return false
	}
}

// turn is what a job comes back with.
type turn struct {
	job
	done []attempt
	dry  bool // nothing was found, and what is committed has been numbered since
	last bool // it takes nothing more
}

// take marks what a turn has done and takes the next chunk, in one transaction;
// nil where there is none, or it is not for this job.
func (h *Hooks) take(ctx context.Context, t turn) (*batch, error) {
	var lost string // why the endpoint was given up, if it was
	b, err := pg.InTx(ctx, h.db, func(ctx context.Context, tx pg.Tx) (*batch, error) {
		lost = ""
		r, err := q.EndpointGetForUpdate(ctx, tx, query.EndpointGetForUpdateParams{TenantID: t.Tenant, ID: t.Endpoint})
		if pg.IsNoRows(err) {
			return nil, nil // deleted, and its deliveries with it
		}
		if err != nil {
			return nil, fmt.Errorf("lock endpoint: %w", err)
		}
		l := lockedFrom(r.WebhookEndpoint, r.Mode, r.ClockOffsetUs)
		if err := h.mark(ctx, tx, &l, t.done); err != nil {
			return nil, err
		}
		if l.row.Worker == nil || *l.row.Worker != t.Worker {
			return nil, nil // somebody else's by now, who also says how it is
		}
		if lost, err = l.judge(ctx, tx, t.done); err != nil {
			return nil, err
		}
		b, err := h.next(ctx, tx, &l, t)
		if err != nil {
			return nil, err
		}
		switch {
		case b != nil:
			l.row.WorkerUntil = l.now.Add(lease)
		case t.last || t.dry || l.State != Active:
			l.row.Worker, l.row.WorkerUntil = nil, l.now
			err = h.handOver(ctx, tx, &l)
		}
		return b, errors.Join(err, l.store(ctx, tx))
	})
	if errors.Is(err, pg.ErrCommitUnknown) {
		return nil, nil // whether it is ours is unknown: it is not, and its lease ends
	}
	if err == nil {
		count(t.done, lost)
	}
	return b, err
}

// count tells the metrics, once what they are told is committed.
func count(done []attempt, lost string) {
	for _, a := range done {
		attempted.WithLabelValues(a.said()).Inc()
	}
	if lost != "" {
		gaveUp.WithLabelValues(lost).Inc()
	}
}

// handOver leaves what is left to a new job, unless this process stops: then
// another one finds it.
func (h *Hooks) handOver(ctx context.Context, tx pg.Tx, l *locked) error {
	if l.State != Active || l.RetryAt.After(l.now) || h.closed() {
		return nil
	}
	due, _, err := h.ensureDue(ctx, tx, l)
	if err != nil || !due {
		return err
	}
	return h.enqueue(ctx, tx, l)
}

// next takes the deliveries that are due, if any.
func (h *Hooks) next(ctx context.Context, tx pg.Tx, l *locked, t turn) (*batch, error) {
	if t.last || l.State != Active || l.RetryAt.After(l.now) {
		return nil, nil
	}
	if due, _, err := h.ensureDue(ctx, tx, l); err != nil || !due {
		return nil, err
	}
	size := int32(chunk)
	if l.Failures >= holdFrom {
		size = 1
	}
	rows, err := q.DeliveryListDue(ctx, tx, query.DeliveryListDueParams{TenantID: t.Tenant, EndpointID: t.Endpoint, At: l.now, MaxRows: size})
	if err != nil {
		return nil, fmt.Errorf("list due deliveries: %w", err)
	}
	b := &batch{endpoint: l.Endpoint, test: l.mode == tenant.Test, now: l.now}
	for _, r := range rows {
		b.due = append(b.due, due{
			number: r.Number, kind: r.Kind, attempts: int(r.Attempts), created: r.CreatedAt, id: DeliveryID(t.Endpoint, r.Number),
		})
	}
	b.secrets, err = h.secrets(ctx, tx, t.Tenant, t.Endpoint, l.now)
	return b, err
}

// render makes the bodies, as the feed tells the events now: what was erased
// since they happened is not told.
func (h *Hooks) render(ctx context.Context, tenantID int64, b *batch) error {
	var numbers []int64
	for _, d := range b.due {
		if !d.test() {
			numbers = append(numbers, d.number)
		}
	}
	events := map[int64]event.Event{}
	if len(numbers) > 0 {
		list, err := h.feed.Tell(ctx, tenantID, numbers)
		if err != nil {
			return err
		}
		for _, e := range list {
			events[e.Number] = e
		}
	}
	for i := range b.due {
		d := &b.due[i]
		e, known := events[d.number]
		tell := toldEvent(e)
		switch {
		case d.test():
			tell = toldTest(b.endpoint.Style, d.id, d.created)
		case !known:
			continue
		}
		var err error
		if d.body, err = body(b.endpoint.Style, tell); err != nil {
			return err
		}
	}
	return nil
}

// sendAll attempts the deliveries of a batch, some at a time, in their order. It
// stops early when the endpoint fails all the time, when the chunk takes too
// long, or when this process stops; what was not attempted stays due.
func (h *Hooks) sendAll(ctx context.Context, b *batch) []attempt {
	begun := pg.Now()
	var mu sync.Mutex
	var done []attempt
	at, failures := 0, b.endpoint.Failures
	draw := func() (due, bool) {
		mu.Lock()
		defer mu.Unlock()
		// A probe is sent whatever came before it.
		stop := at > 0 && (failures >= holdFrom || pg.Now().Sub(begun) > chunkPatience)
		if at == len(b.due) || stop || ctx.Err() != nil || h.closed() {
			return due{}, false
		}
		at++
		return b.due[at-1], true
	}
	var senders sync.WaitGroup
	for range min(parallel, len(b.due)) {
		senders.Go(func() {
			for {
				d, more := draw()
				if !more {
					return
				}
				a := h.send(ctx, b, d)
				mu.Lock()
				if !a.cut {
					done = append(done, a)
				}
				if failures++; a.ok() {
					failures = 0
				}
				mu.Unlock()
			}
		})
	}
	senders.Wait()
	return done
}

// mark stores what attempts came to.
func (h *Hooks) mark(ctx context.Context, tx pg.Tx, l *locked, done []attempt) error {
	if len(done) == 0 {
		return nil
	}
	p := query.DeliveryUpsertAttemptedParams{TenantID: l.row.TenantID, EndpointID: l.ID}
	for _, a := range done {
		state, next := a.outcome(a.id, a.attempts+1, a.test(), l.now)
		p.Numbers, p.Kinds, p.States = append(p.Numbers, a.number), append(p.Kinds, a.kind), append(p.States, state)
		p.Attempts, p.DueAts, p.CreatedAts = append(p.Attempts, int16(a.attempts+1)), append(p.DueAts, next), append(p.CreatedAts, a.created)
		p.AttemptedAts, p.Statuses, p.Problems = append(p.AttemptedAts, a.at), append(p.Statuses, int16(a.status)), append(p.Problems, a.problem)
		p.DurationsMs = append(p.DurationsMs, int32(a.took.Milliseconds()))
		p.RequestHeads, p.ResponseHeads = append(p.RequestHeads, a.requestHead), append(p.ResponseHeads, a.responseHead)
	}
	if err := q.DeliveryUpsertAttempted(ctx, tx, p); err != nil {
		return fmt.Errorf("mark deliveries: %w", err)
	}
	return nil
}

// judge says what attempts tell of the endpoint itself, and why it was given up,
// if it was.
func (l *locked) judge(ctx context.Context, tx pg.Tx, done []attempt) (lost string, err error) {
	was := health{l.State, l.Reason, l.Failures, l.FailingSince, l.RetryAt}
	is := was
	for _, a := range done {
		is = is.after(a.answer, l.now)
	}
	l.State, l.Reason, l.Failures, l.FailingSince, l.RetryAt = is.state, is.reason, is.failures, is.failingSince, is.retryAt
	if was.state == Active && is.state == Disabled {
		l.UpdatedAt = l.now
		return l.Reason, tellDisabled(ctx, tx, l)
	}
	return "", nil
}

// disabled is the data of the event that tells operators of it.
type disabled struct {
	EndpointID   string `json:"endpoint_id"`
	Reason       string `json:"reason"`
	FailingSince string `json:"failing_since"`
}

func tellDisabled(ctx context.Context, tx pg.Tx, l *locked) error {
	var j event.Journal
	var pipe pg.Pipeline
	j.Fact(event.EndpointDisabled, disabled{EndpointID(l.ID), l.Reason, l.FailingSince.UTC().Format(time.RFC3339)})
	if err := j.Store(ctx, &pipe, l.row.TenantID, l.now); err != nil {
		return err
	}
	return pipe.Send(ctx, tx)
}
