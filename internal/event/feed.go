package event

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/memo"
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
}

// PublicID renders the event's id.
func (e Event) PublicID() string { return id.Key(prefix, e.Number) }

// Reveal completes the data of a fact with what the journal may not hold.
type Reveal func(ctx context.Context, tenantID int64, data json.RawMessage) (json.RawMessage, error)

// Feed reads journals. Make it with New.
type Feed struct {
	db      *pg.DB
	reveals map[Kind]Reveal
}

// New makes the feed on a database. reveals may be nil.
func New(db *pg.DB, reveals map[Kind]Reveal) *Feed { return &Feed{db, reveals} }

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
	for _, c := range fresh {
		if err := q.CommitUpdatePlace(ctx, &pipe, query.CommitUpdatePlaceParams{TenantID: tenantID, ID: c.ID, Place: next}); err != nil {
			return 0, err
		}
		next += c.Events
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
		if number, known = id.ParseKey(prefix, after); !known {
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
	told := teller{}
	for _, r := range rows {
		if err := told.add(r, number, limit); err != nil {
			return nil, err
		}
	}
	return told.events, f.render(ctx, tenantID, &told)
}

// teller turns commits into events.
type teller struct {
	events []Event
	wanted query.TransferListToldParams
	place  map[address]int // of the event that a transfer is
}

type address struct {
	member int64
	asset  int16
	seq    int64
}

func (t *teller) add(r query.CommitListAfterRow, after int64, limit int) error {
	var facts []json.RawMessage
	if err := json.Unmarshal(r.Facts, &facts); err != nil {
		return fmt.Errorf("facts of the commit at %d: %w", r.Place, err)
	}
	for i, kind := range r.Kinds {
		e := Event{Number: r.Place + int64(i), Kind: Kind(kind), At: r.At.UTC()}
		if r.Members[i] == 0 {
			e.Data, facts = facts[0], facts[1:]
		}
		if e.Number <= after || len(t.events) == limit {
			continue
		}
		if r.Members[i] != 0 {
			t.want(address{r.Members[i], r.Assets[i], r.Seqs[i]})
		}
		t.events = append(t.events, e)
	}
	return nil
}

func (t *teller) want(a address) {
	if t.place == nil {
		t.place = map[address]int{}
	}
	t.place[a] = len(t.events)
	t.wanted.MemberIds = append(t.wanted.MemberIds, a.member)
	t.wanted.Assets = append(t.wanted.Assets, a.asset)
	t.wanted.Seqs = append(t.wanted.Seqs, a.seq)
}

// moved is the data of an event that is a transfer.
type moved struct {
	TransactionID string          `json:"transaction_id"`
	MemberID      string          `json:"member_id"`
	Points        int64           `json:"points"`
	BalanceAfter  int64           `json:"balance_after"`
	Reason        string          `json:"reason"`
	Reference     *string         `json:"reference"`
	Metadata      json.RawMessage `json:"metadata,omitempty"`
	CreatedAt     string          `json:"created_at"`
}

func (f *Feed) render(ctx context.Context, tenantID int64, t *teller) error {
	if len(t.wanted.Seqs) > 0 {
		t.wanted.TenantID = tenantID
		rows, err := q.TransferListTold(ctx, f.db, t.wanted)
		if err != nil {
			return pg.Fault(fmt.Errorf("read transfers of events: %w", err))
		}
		for _, r := range rows {
			e := &t.events[t.place[address{r.MemberID, r.Asset, r.Seq}]]
			said := memo.Open(r.MemoKey, r.Memo)
			m := moved{
				TransactionID: id.Transfer{At: r.CreatedAt, Member: r.MemberID, Asset: r.Asset, Seq: r.Seq}.String(),
				MemberID:      r.ExternalID, Points: r.Amount, BalanceAfter: r.BalanceAfter, Reason: said.Reason,
				Metadata: said.Metadata, CreatedAt: r.CreatedAt.UTC().Format(time.RFC3339),
			}
			if said.Reference != "" {
				m.Reference = &said.Reference
			}
			if e.Kind != PointsAwarded {
				m.Points = -m.Points
			}
			if e.Data, err = json.Marshal(m); err != nil {
				return fmt.Errorf("render event %d: %w", e.Number, err)
			}
		}
	}
	for i := range t.events {
		e := &t.events[i]
		if reveal := f.reveals[e.Kind]; reveal != nil {
			data, err := reveal(ctx, tenantID, e.Data)
			if err != nil {
				return fmt.Errorf("reveal event %d: %w", e.Number, err)
			}
			e.Data = data
		}
	}
	return nil
}
