package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/memo"
	"github.com/incent-dev/incent/internal/pg"
)

// store queues everything that the books of this transaction add: a fixed
// number of statements, whatever the number of commands.
func store(ctx context.Context, pipe *pg.Pipeline, tenantID int64, at time.Time, books map[holder]*book, told *event.Journal) error {
	changed := ordered(books)
	if len(changed) == 0 {
		return nil
	}
	leaves, err := storeTransfers(ctx, pipe, tenantID, changed)
	if err != nil {
		return err
	}
	for _, write := range []func(context.Context, *pg.Pipeline, int64, []*book) error{
		storeAccounts, storeLots, storeHolds, storeUndone,
	} {
		if err := write(ctx, pipe, tenantID, changed); err != nil {
			return err
		}
	}
	if told != nil {
		note(told, changed, leaves)
		return nil
	}
	var own event.Journal
	note(&own, changed, leaves)
	return own.Store(ctx, pipe, tenantID, at)
}

// eventOf maps the types of transfers of points to the events that they are. A
// redemption is told by whoever sold something.
var eventOf = map[Type]event.Kind{
	TypeAward: event.PointsAwarded, TypeDeduct: event.PointsDeducted, TypeExpire: event.PointsExpired,
}

// note notes every transfer: those of points that callers hear of as events, the
// others so that they are sealed.
func note(j *event.Journal, books []*book, leaves []event.Leaf) {
	for _, b := range books {
		for _, t := range b.transfers {
			if kind, shown := eventOf[rules[t.Kind].shown]; shown && b.asset == Points {
				j.Transfer(kind, t.Member, int16(t.Asset), t.Seq, leaves[0])
			} else {
				j.Moved(t.Member, int16(t.Asset), t.Seq, leaves[0])
			}
			leaves = leaves[1:]
		}
	}
}

// storeTransfers queues the transfers, and answers the hash of each.
func storeTransfers(ctx context.Context, pipe *pg.Pipeline, tenantID int64, books []*book) ([]event.Leaf, error) {
	n := 0
	for _, b := range books {
		n += len(b.transfers)
	}
	numbers, kinds := pg.Columns[int64](11, n), pg.Columns[int16](4, n)
	a := query.TransferInsertManyParams{
		TenantID: tenantID, MemberIds: numbers(), Assets: kinds(), Seqs: numbers(), Kinds: kinds(), FromAccounts: kinds(), ToAccounts: kinds(),
		Amounts: numbers(), AvailableAfter: numbers(), PendingAfter: numbers(), DebtAfter: numbers(), Awards: numbers(), Redeems: numbers(),
		Deducts: numbers(), Expires: numbers(), CauseSeqs: numbers(), CauseIds: make([]uuid.UUID, 0, n),
		Memos: make([][]byte, 0, n), CreatedAt: make([]time.Time, 0, n),
	}
	sealer := memo.NewSealer(pg.NewSecret())
	for _, b := range books {
		for _, t := range b.transfers {
			a.MemberIds = append(a.MemberIds, t.Member)
			a.Assets = append(a.Assets, int16(t.Asset))
			a.Seqs = append(a.Seqs, t.Seq)
			a.Kinds = append(a.Kinds, int16(t.Kind))
			a.FromAccounts = append(a.FromAccounts, int16(t.From))
			a.ToAccounts = append(a.ToAccounts, int16(t.To))
			a.Amounts = append(a.Amounts, t.Amount)
			a.AvailableAfter = append(a.AvailableAfter, t.After.Available)
			a.PendingAfter = append(a.PendingAfter, t.After.Pending)
			a.DebtAfter = append(a.DebtAfter, t.After.Debt)
			a.Awards = append(a.Awards, t.Shown[0])
			a.Redeems = append(a.Redeems, t.Shown[1])
			a.Deducts = append(a.Deducts, t.Shown[2])
			a.Expires = append(a.Expires, t.Shown[3])
			a.CauseSeqs = append(a.CauseSeqs, t.CauseSeq)
			a.CauseIds = append(a.CauseIds, t.Cause)
			a.Memos = append(a.Memos, sealer.Seal(b.memoKey, t.Memo))
			a.CreatedAt = append(a.CreatedAt, t.EffectedAt)
		}
	}
	leaves := make([]event.Leaf, n)
	for i := range leaves {
		leaves[i] = leafOf(&a, i)
	}
	return leaves, q.TransferInsertMany(ctx, pipe, a)
}

func storeAccounts(ctx context.Context, pipe *pg.Pipeline, tenantID int64, books []*book) error {
	n := len(books)
	numbers, instants := pg.Columns[int64](12, n), pg.Columns[time.Time](3, n)
	a := query.AccountUpdateManyParams{
		TenantID: tenantID, Ctids: make([]pgtype.TID, 0, n), Available: numbers(), Pending: numbers(), Debt: numbers(),
		Dated: numbers(), Earned: numbers(), Redeemed: numbers(), Seqs: numbers(), Awards: numbers(), Redeems: numbers(), Deducts: numbers(),
		Expires: numbers(), DueAt: instants(), IdleAt: instants(), MovedAt: instants(), Marks: numbers(),
	}
	for _, b := range books {
		a.Ctids = append(a.Ctids, b.ctid)
		a.Available = append(a.Available, b.balances.Available)
		a.Pending = append(a.Pending, b.balances.Pending)
		a.Debt = append(a.Debt, b.balances.Debt)
		a.Dated = append(a.Dated, b.dated)
		a.Earned = append(a.Earned, b.earned)
		a.Redeemed = append(a.Redeemed, b.redeemed)
		a.Seqs = append(a.Seqs, b.seq)
		a.Awards = append(a.Awards, b.shown[0])
		a.Redeems = append(a.Redeems, b.shown[1])
		a.Deducts = append(a.Deducts, b.shown[2])
		a.Expires = append(a.Expires, b.shown[3])
		a.DueAt = append(a.DueAt, b.dueAt)
		a.IdleAt = append(a.IdleAt, b.idleAt)
		a.MovedAt = append(a.MovedAt, b.movedAt)
		a.Marks = append(a.Marks, b.mark)
	}
	return q.AccountUpdateMany(ctx, pipe, a)
}

// lotChange is the net movement of one lot in this transaction.
type lotChange struct {
	member    int64
	asset     int16
	expiresAt time.Time
	amount    int64
}

func storeLots(ctx context.Context, pipe *pg.Pipeline, tenantID int64, books []*book) error {
	entries := query.LotEntryInsertManyParams{TenantID: tenantID}
	add := query.LotAddManyParams{TenantID: tenantID}
	take := query.LotTakeManyParams{TenantID: tenantID}
	for _, b := range books {
		for _, e := range b.entries {
			entries.MemberIds = append(entries.MemberIds, b.member)
			entries.Assets = append(entries.Assets, int16(b.asset))
			entries.Seqs = append(entries.Seqs, e.seq)
			entries.ExpiresAt = append(entries.ExpiresAt, e.expiresAt)
			entries.Amounts = append(entries.Amounts, e.amount)
		}
		for _, c := range netChanges(b) {
			if c.amount > 0 {
				add.MemberIds, add.Assets = append(add.MemberIds, c.member), append(add.Assets, c.asset)
				add.ExpiresAt, add.Amounts = append(add.ExpiresAt, c.expiresAt), append(add.Amounts, c.amount)
			} else {
				take.MemberIds, take.Assets = append(take.MemberIds, c.member), append(take.Assets, c.asset)
				take.ExpiresAt, take.Amounts = append(take.ExpiresAt, c.expiresAt), append(take.Amounts, -c.amount)
			}
		}
	}
	if len(entries.Seqs) == 0 {
		return nil
	}
	if err := q.LotEntryInsertMany(ctx, pipe, entries); err != nil {
		return err
	}
	if len(add.Amounts) > 0 {
		if err := q.LotAddMany(ctx, pipe, add); err != nil {
			return err
		}
	}
	if len(take.Amounts) == 0 {
		return nil
	}
	if err := q.LotTakeMany(ctx, pipe, take); err != nil {
		return err
	}
	return q.LotDeleteEmpty(ctx, pipe, query.LotDeleteEmptyParams{TenantID: tenantID, MemberIds: take.MemberIds, Assets: take.Assets, ExpiresAt: take.ExpiresAt})
}

// netChanges sums a book's entries per lot; lots that end where they began are
// left out.
func netChanges(b *book) []lotChange {
	var changes []lotChange
next:
	for _, e := range b.entries {
		for i := range changes {
			if changes[i].expiresAt.Equal(e.expiresAt) {
				changes[i].amount += e.amount
				continue next
			}
		}
		changes = append(changes, lotChange{b.member, int16(b.asset), e.expiresAt, e.amount})
	}
	kept := changes[:0]
	for _, c := range changes {
		if c.amount != 0 {
			kept = append(kept, c)
		}
	}
	return kept
}

func storeHolds(ctx context.Context, pipe *pg.Pipeline, tenantID int64, books []*book) error {
	open := query.HoldInsertManyParams{TenantID: tenantID}
	closed := query.HoldCloseManyParams{TenantID: tenantID}
	for _, b := range books {
		for _, h := range b.opened {
			open.Ids = append(open.Ids, h.ID)
			open.MemberIds = append(open.MemberIds, b.member)
			open.Assets = append(open.Assets, int16(b.asset))
			open.Amounts = append(open.Amounts, h.Amount)
			open.MaturesAt = append(open.MaturesAt, h.MaturesAt)
			open.CauseIds = append(open.CauseIds, h.Cause)
			open.Reasons = append(open.Reasons, h.Memo.Reason)
			open.ReferenceTexts = append(open.ReferenceTexts, h.Memo.Reference)
			open.Metadata = append(open.Metadata, string(h.Memo.Metadata))
			open.OpenedSeqs = append(open.OpenedSeqs, h.openedSeq)
			open.CreatedAt = append(open.CreatedAt, h.CreatedAt)
		}
		for _, h := range b.closed {
			closed.Ids = append(closed.Ids, h.ID)
			closed.States = append(closed.States, string(h.State))
			closed.ClosedSeqs = append(closed.ClosedSeqs, h.closedSeq)
			closed.ClosedAt = append(closed.ClosedAt, h.ClosedAt)
		}
	}
	if len(open.Ids) > 0 {
		if err := q.HoldInsertMany(ctx, pipe, open); err != nil {
			return err
		}
	}
	if len(closed.Ids) > 0 {
		return q.HoldCloseMany(ctx, pipe, closed)
	}
	return nil
}

func storeUndone(ctx context.Context, pipe *pg.Pipeline, tenantID int64, books []*book) error {
	a := query.UndoneInsertManyParams{TenantID: tenantID}
	for _, b := range books {
		for _, u := range b.undone {
			a.MemberIds = append(a.MemberIds, b.member)
			a.Assets = append(a.Assets, int16(b.asset))
			a.Seqs = append(a.Seqs, u.seq)
			a.Taken = append(a.Taken, u.taken)
			a.Owed = append(a.Owed, u.owed)
			a.Forgiven = append(a.Forgiven, u.forgiven)
			a.At = append(a.At, u.at)
		}
	}
	if len(a.Seqs) == 0 {
		return nil
	}
	return q.UndoneInsertMany(ctx, pipe, a)
}
