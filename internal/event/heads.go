package event

import (
	"context"
	"fmt"
	"sort"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
)

// Head is what happened, without its data: for those who choose what to tell.
type Head struct {
	Number int64
	Kind   Kind
	Drawn  int64 // end of the write-ahead log when its commit was journalled
}

// Heads returns numbered events behind a number, in order, at least one where
// there is any and at most limit. It reads at most so many commits.
func (f *Feed) Heads(ctx context.Context, db query.DBTX, tenantID, number int64, limit int) ([]Head, error) {
	rows, err := q.CommitListHeads(ctx, db, query.CommitListHeadsParams{TenantID: tenantID, Number: number + 1, MaxRows: int32(limit)})
	if err != nil {
		return nil, fmt.Errorf("read heads of the feed: %w", err)
	}
	var heads []Head
	for _, r := range rows {
		for i, kind := range r.Kinds {
			if at := r.Place + int64(i); at > number && len(heads) < limit {
				heads = append(heads, Head{at, Kind(kind), r.Drawn})
			}
		}
	}
	return heads, nil
}

// End is the number of the last event that has one; 0 where there is none.
func (f *Feed) End(ctx context.Context, db query.DBTX, tenantID int64) (int64, error) {
	next, err := q.FeedGetEnd(ctx, db, tenantID)
	if pg.IsNoRows(err) {
		return 0, nil
	}
	return next - 1, err
}

// Tell renders the events of these numbers, in their order. Numbers that the feed
// does not have are left out.
func (f *Feed) Tell(ctx context.Context, tenantID int64, numbers []int64) ([]Event, error) {
	rows, err := q.CommitListHolding(ctx, f.db, query.CommitListHoldingParams{TenantID: tenantID, Numbers: numbers})
	if err != nil {
		return nil, pg.Fault(fmt.Errorf("read events: %w", err))
	}
	var page []Event
	for _, n := range numbers {
		i := sort.Search(len(rows), func(i int) bool { return rows[i].Place > n }) - 1
		if i < 0 || n >= rows[i].Place+int64(len(rows[i].Kinds)) {
			continue
		}
		if page, err = add(page, query.CommitListAfterRow(rows[i]), n-1, len(page)+1); err != nil {
			return nil, err
		}
	}
	return page, pg.Fault(f.tell(ctx, tenantID, page))
}
