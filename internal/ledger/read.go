package ledger

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/memo"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// Balance reads one member's account of one asset, as of now: what has expired
// is gone and what has matured is there, whether a sweep has been by or not.
// An unknown member is a fault; a member without the asset holds nothing.
func (l *Ledger) Balance(ctx context.Context, tenantID int64, member string, asset Asset) (Holding, error) {
	row, err := l.account(ctx, tenantID, member, asset)
	if err != nil || row.Available == nil {
		return Holding{}, err
	}
	return Holding{Balances{*row.Available, *row.Pending, *row.Debt}, *row.Earned, *row.Redeemed}, nil
}

// account reads the row, settling it first when something has fallen due.
func (l *Ledger) account(ctx context.Context, tenantID int64, member string, asset Asset) (query.AccountGetRow, error) {
	arg := query.AccountGetParams{TenantID: tenantID, ExternalID: member, Asset: int16(asset)}
	row, err := q.AccountGet(ctx, l.db, arg)
	if pg.IsNoRows(err) {
		return row, fault.Missing("member")
	}
	if err != nil {
		return row, pg.Fault(err)
	}
	if row.DueAt == nil || row.DueAt.After(tenant.At(row.ClockOffsetUs)) {
		return row, nil
	}
	if _, err := l.Post(ctx, tenantID, Command{Op: OpSettle, Member: member, Asset: asset}, nil); err != nil {
		return row, err
	}
	row, err = q.AccountGet(ctx, l.db, arg)
	return row, pg.Fault(err)
}

// Span selects from a member's history. Zero values select everything.
type Span struct {
	Type     Type
	From, To time.Time // inclusive
	Page     int       // from 1
	PerPage  int
}

// History is one page of a member's transfers, newest first.
type History struct {
	Transfers []Transfer
	Total     int64 // of the whole selection
}

// forever stands for an open end of a span.
var forever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// History reads one page. Its cost does not grow with the page's number: the
// running counts kept in each transfer lead to it by binary search.
func (l *Ledger) History(ctx context.Context, tenantID int64, member string, asset Asset, s Span) (History, error) {
	account, err := l.account(ctx, tenantID, member, asset)
	if err != nil || account.Available == nil {
		return History{Transfers: []Transfer{}}, err
	}
	if s.To.IsZero() {
		s.To = forever
	}
	bounds, err := q.TransferGetBounds(ctx, l.db, query.TransferGetBoundsParams{
		TenantID: tenantID, MemberID: account.MemberID, Asset: int16(asset), FromAt: s.From, ToAt: s.To, Newest: *account.Seq,
	})
	if err != nil {
		return History{}, pg.Fault(fmt.Errorf("bound history: %w", err))
	}
	before := shownCount(s.Type, bounds.BeforeAwards, bounds.BeforeRedeems, bounds.BeforeDeducts, bounds.BeforeExpires)
	until := shownCount(s.Type, bounds.UntilAwards, bounds.UntilRedeems, bounds.UntilDeducts, bounds.UntilExpires)
	h := History{Transfers: []Transfer{}, Total: max(until-before, 0)}
	skip := int64(s.Page-1) * int64(s.PerPage)
	if skip >= h.Total {
		return h, nil
	}
	newestN := until - skip
	oldestN := max(newestN-int64(s.PerPage)+1, before+1)
	if until == bounds.UntilSeq && before == bounds.BeforeSeq {
		// Everything in the span is shown, so numbers and places coincide.
		rows, err := q.TransferListRange(ctx, l.db, query.TransferListRangeParams{
			TenantID: tenantID, MemberID: account.MemberID, Asset: int16(asset), Oldest: oldestN, Newest: newestN,
		})
		for _, r := range rows {
			h.Transfers = append(h.Transfers, transferFromRow(r.Transfer, account.MemoKey, r.LotExpiresAt))
		}
		return h, pg.Fault(err)
	}
	rows, err := q.TransferListShown(ctx, l.db, query.TransferListShownParams{
		TenantID: tenantID, MemberID: account.MemberID, Asset: int16(asset), ShownType: string(s.Type),
		OldestN: oldestN, NewestN: newestN, Newest: bounds.UntilSeq,
	})
	if err != nil {
		return History{}, pg.Fault(fmt.Errorf("list history: %w", err))
	}
	h.Transfers, err = l.withExpiry(ctx, tenantID, account.MemoKey, rows)
	return h, pg.Fault(err)
}

// withExpiry reads when the units of transfers expire that came in.
func (l *Ledger) withExpiry(ctx context.Context, tenantID int64, key *uuid.UUID, rows []query.Transfer) ([]Transfer, error) {
	arg := query.LotEntryListByTransferParams{TenantID: tenantID}
	for _, r := range rows {
		arg.MemberIds, arg.Assets, arg.Seqs = append(arg.MemberIds, r.MemberID), append(arg.Assets, r.Asset), append(arg.Seqs, r.Seq)
	}
	entries, err := q.LotEntryListByTransfer(ctx, l.db, arg)
	if err != nil {
		return nil, fmt.Errorf("list lot entries: %w", err)
	}
	expiry := map[int64]time.Time{}
	for _, e := range entries { // by expiry, so the latest stays
		if e.Amount > 0 {
			expiry[e.Seq] = e.ExpiresAt
		}
	}
	transfers := make([]Transfer, len(rows))
	for i, r := range rows {
		transfers[i] = transferFromRow(r, key, expiry[r.Seq])
	}
	return transfers, nil
}

func shownCount(t Type, counts ...int64) int64 {
	var sum int64
	for i, shown := range shownTypes {
		if t == "" || t == shown {
			sum += counts[i]
		}
	}
	return sum
}

// transferFromRow reads a transfer, with its member's key.
func transferFromRow(r query.Transfer, key *uuid.UUID, lotExpiry time.Time) Transfer {
	t := Transfer{
		Member: r.MemberID, Asset: Asset(r.Asset), Seq: r.Seq, Kind: Kind(r.Kind), From: Account(r.FromAccount), To: Account(r.ToAccount),
		Amount: r.Amount, After: Balances{r.AvailableAfter, r.PendingAfter, r.DebtAfter},
		Shown: [4]int64{r.Awards, r.Redeems, r.Deducts, r.Expires},
		Memo:  memo.Open(key, r.Memo), ExpiresAt: lotExpiry.UTC(), EffectedAt: r.CreatedAt.UTC(),
	}
	if r.CauseSeq != nil {
		t.CauseSeq = *r.CauseSeq
	}
	if r.CauseID != nil {
		t.Cause = *r.CauseID
	}
	return t
}

// MaxPage bounds page numbers so that offsets stay far inside int64.
const MaxPage = math.MaxInt32
