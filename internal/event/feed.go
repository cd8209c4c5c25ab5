package event

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/pg"
)

const (
	// MaxEvents bounds one page of the feed.
	MaxEvents = 1000

	// MaxWait bounds how long a reader may wait for news: less than a request
	// may take, and than proxies cut.
	MaxWait = 25 * time.Second

	// sequenceBatch bounds the commits of one numbering transaction.
	sequenceBatch = 1000

	// lookAgain is how often a waiting reader's tenant is looked at.
	lookAgain = 200 * time.Millisecond

	prefix = "event_"
)

// Event is one thing that happened, ready to be told.
type Event struct {
	Number int64 // in its tenant's feed, from 1
	Kind   Kind
	At     time.Time
	Data   json.RawMessage // an object
	Of     Address
}

// PublicID renders the event's id.
func (e Event) PublicID() string { return id.Key(prefix, e.Number) }

// ParseID is PublicID's inverse: the number; false where text is no such id.
func ParseID(text string) (int64, bool) { return id.ParseKey(prefix, text) }

// Address names the row that an event is, or is about. Its zero value names none.
type Address struct {
	Member int64     // members.id
	Asset  int16     // of a transfer; 0: it is none
	Seq    int64     // of a transfer or activity; 0: the member itself
	Object uuid.UUID // of an order, referral, click, conversion or reward
}

// Reveal gives the events of its kinds in a page the data that the journal does
// not hold. The page has events of other kinds, which it leaves as they are. Data
// is nil where the journal holds an address alone.
type Reveal func(ctx context.Context, tenantID int64, page []Event) error

// Pick finds the events of some kinds in a page.
func Pick(page []Event, kinds ...Kind) []*Event {
	var picked []*Event
	for i := range page {
		if slices.Contains(kinds, page[i].Kind) {
			picked = append(picked, &page[i])
		}
	}
	return picked
}

// Objects lists what events are about, each once.
func Objects(events []*Event) []uuid.UUID {
	var objects []uuid.UUID
	seen := make(map[uuid.UUID]bool, len(events))
	for _, e := range events {
		if !seen[e.Of.Object] {
			seen[e.Of.Object] = true
			objects = append(objects, e.Of.Object)
		}
	}
	return objects
}

// Feed reads journals. Make it with New.
type Feed struct {
	db      *pg.DB
	reveals []Reveal
}

// New makes the feed on a database. Without a reveal, the events that are
// addresses of anything but transfers are told with empty data.
func New(db *pg.DB, reveals []Reveal) *Feed { return &Feed{db, reveals} }

// Sequence gives every committed event of a tenant its number and tells how
// many commits it numbered. Any process may do it at any time.
func (f *Feed) Sequence(ctx context.Context, tenantID int64) (int, error) {
	total := 0
	for {
		n, err := pg.InTx(ctx, f.db, func(ctx context.Context, tx pg.Tx) (int, error) { return sequence(ctx, tx, tenantID) })
		if total += n; err != nil || n < sequenceBatch {
			return total, pg.Fault(err)
		}
	}
}

func sequence(ctx context.Context, tx pg.Tx, tenantID int64) (int, error) {
	next, err := q.FeedGetForUpdate(ctx, tx, tenantID)
	if pg.IsNoRows(err) {
		if err = q.FeedInsert(ctx, tx, tenantID); err == nil {
			next, err = q.FeedGetForUpdate(ctx, tx, tenantID)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("lock the feed: %w", err)
	}
	// A statement of its own: what it sees was committed before the lock was had.
	fresh, err := q.CommitListUnsequenced(ctx, tx, query.CommitListUnsequencedParams{TenantID: tenantID, MaxRows: sequenceBatch})
	if err != nil || len(fresh) == 0 {
		return 0, err
	}
	var pipe pg.Pipeline
	places := query.CommitUpdatePlaceManyParams{TenantID: tenantID}
	for _, c := range fresh {
		places.Ids, places.Places = append(places.Ids, c.ID), append(places.Places, next)
		next += c.Events
	}
	if err := q.CommitUpdatePlaceMany(ctx, &pipe, places); err != nil {
		return 0, err
	}
	if err := q.FeedUpdate(ctx, &pipe, query.FeedUpdateParams{TenantID: tenantID, Next: next}); err != nil {
		return 0, err
	}
	return len(fresh), pipe.Send(ctx, tx)
}

// Read returns up to limit events after the one with the id after ("": from the
// beginning), in order. Where there is none it waits up to wait for one.
func (f *Feed) Read(ctx context.Context, tenantID int64, after string, limit int, wait time.Duration) ([]Event, error) {
	var number int64
	if after != "" {
		var known bool
		if number, known = ParseID(after); !known {
			return nil, fault.Field("after", "is not the id of an event")
		}
	}
	patience := time.NewTimer(min(wait, MaxWait))
	defer patience.Stop()
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		if _, err := f.Sequence(ctx, tenantID); err != nil {
			return nil, err
		}
		events, err := f.After(ctx, tenantID, number, limit)
		if err != nil || len(events) > 0 || wait <= 0 {
			return events, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-patience.C:
			return nil, nil
		case <-again.C:
		}
	}
}

// After returns up to limit numbered events behind a number, in order.
func (f *Feed) After(ctx context.Context, tenantID, number int64, limit int) ([]Event, error) {
	limit = min(limit, MaxEvents)
	rows, err := q.CommitListAfter(ctx, f.db, query.CommitListAfterParams{TenantID: tenantID, Number: number + 1, MaxRows: int32(limit)})
	if err != nil {
		return nil, pg.Fault(fmt.Errorf("read the feed: %w", err))
	}
	var page []Event
	for _, r := range rows {
		if page, err = add(page, r, number, limit); err != nil {
			return nil, err
		}
	}
	return page, pg.Fault(f.tell(ctx, tenantID, page))
}
