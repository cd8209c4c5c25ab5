package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	// blockSize is about how many transfers a block seals: so many that its own
	// row costs little, and few enough that a transaction over it is short.
	blockSize = 2000

	// markSize is how much of a transfer's hash a block keeps by itself. It only
	// has to tell which transfer was changed; that one was, the block's hash does.
	markSize = 8
)

// epoch is from when on PostgreSQL counts microseconds.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

// Unsealed lists the tenants with transfers that want Seal.
func (l *Ledger) Unsealed(ctx context.Context) ([]int64, error) {
	return q.CommitListUnsealedTenants(ctx, l.db)
}

// Seal seals a tenant's committed transfers, block by block, until none is left.
func (l *Ledger) Seal(ctx context.Context, tenantID int64) error {
	for {
		more, err := pg.InTx(ctx, l.db, func(ctx context.Context, tx pg.Tx) (bool, error) { return seal(ctx, tx, tenantID) })
		if err != nil || !more {
			return pg.Fault(err)
		}
	}
}

// seal appends blocks for as many commits as are locked at once, and tells whether
// there was anything to seal.
func seal(ctx context.Context, tx pg.Tx, tenantID int64) (bool, error) {
	t, err := tenant.Get(ctx, tx, tenantID)
	if err != nil {
		return false, err
	}
	end, err := lockChain(ctx, tx, tenantID)
	if err != nil {
		return false, err
	}
	// A statement of its own: what it sees was committed before the lock was had,
	// and what it does not see goes into a later block.
	portions, err := event.Unsealed(ctx, tx, tenantID, blockSize)
	if err != nil || len(portions) == 0 {
		return false, err
	}
	var pipe pg.Pipeline
	for _, p := range portions {
		if len(p.Seqs) > 0 {
			leaves, err := leavesTold(ctx, tx, tenantID, p.Moves)
			if err != nil {
				return false, err
			}
			previous := end.Hash
			end.Blocks++
			end.Hash = hashBlock(previous, end.Blocks, p.Moves, leaves)
			err = q.SealedBlockInsert(ctx, &pipe, query.SealedBlockInsertParams{
				TenantID: tenantID, Number: end.Blocks, Previous: previous, Hash: end.Hash, Members: p.Members, Assets: p.Assets,
				Seqs: p.Seqs, Marks: marksOf(leaves), SealedAt: t.Now(),
			})
			if err != nil {
				return false, err
			}
		}
		// Commits that moved nothing are done with it.
		if err := event.Seal(ctx, &pipe, tenantID, p.Commits, end.Blocks); err != nil {
			return false, err
		}
	}
	if err := q.ChainUpdate(ctx, &pipe, query.ChainUpdateParams{TenantID: tenantID, Blocks: end.Blocks, Hash: end.Hash}); err != nil {
		return false, err
	}
	return true, pipe.Send(ctx, tx)
}

// lockChain locks the end of a tenant's chain, beginning one where there is none.
func lockChain(ctx context.Context, tx pg.Tx, tenantID int64) (query.ChainGetForUpdateRow, error) {
	end, err := q.ChainGetForUpdate(ctx, tx, tenantID)
	if pg.IsNoRows(err) {
		if err = q.ChainInsert(ctx, tx, query.ChainInsertParams{TenantID: tenantID, Hash: make([]byte, sha256.Size)}); err == nil {
			end, err = q.ChainGetForUpdate(ctx, tx, tenantID)
		}
	}
	if err != nil {
		return end, fmt.Errorf("lock chain: %w", err)
	}
	return end, nil
}

// leavesTold are the hashes that commits told, and, of those that told none, what
// the books say now.
func leavesTold(ctx context.Context, tx pg.Tx, tenantID int64, m event.Moves) ([][]byte, error) {
	if !slices.ContainsFunc(m.Leaves, func(leaf []byte) bool { return leaf == nil }) {
		return m.Leaves, nil
	}
	leaves, err := leavesOf(ctx, tx, tenantID, m)
	if err != nil {
		return nil, err
	}
	leaves = sealable(leaves)
	for i, told := range m.Leaves {
		if told != nil {
			leaves[i] = told
		}
	}
	return leaves, nil
}

// leavesOf reads each transfer's own hash; no bytes where there is no such transfer.
func leavesOf(ctx context.Context, tx pg.Tx, tenantID int64, m event.Moves) ([][]byte, error) {
	leaves, err := q.TransferListSealed(ctx, tx, query.TransferListSealedParams{TenantID: tenantID, Members: m.Members, Assets: m.Assets, Seqs: m.Seqs})
	if err != nil {
		return nil, fmt.Errorf("hash transfers: %w", err)
	}
	return leaves, nil
}

// sealable are leaves as a block takes them. A transfer that was taken out of the
// books before it was sealed has none; the audit will find that it is gone.
func sealable(leaves [][]byte) [][]byte {
	for i, leaf := range leaves {
		if len(leaf) == 0 {
			leaves[i] = make([]byte, sha256.Size)
		}
	}
	return leaves
}

// leafOf is the hash of a transfer as it is about to be written: what
// TransferListSealed answers when it is.
func leafOf(a *query.TransferInsertManyParams, i int) event.Leaf {
	const plain = 8 + 8 + 2 + 8 + 3*2 + 8*8 + 2 + 8 + 16 + 8 // all columns but the memo
	row := make([]byte, 0, plain+len(a.Memos[i]))
	number := func(n int64) { row = binary.BigEndian.AppendUint64(row, uint64(n)) }
	small := func(n int16) { row = binary.BigEndian.AppendUint16(row, uint16(n)) }
	number(a.TenantID)
	number(a.MemberIds[i])
	small(a.Assets[i])
	number(a.Seqs[i])
	small(a.Kinds[i])
	small(a.FromAccounts[i])
	small(a.ToAccounts[i])
	for _, column := range [...][]int64{a.Amounts, a.AvailableAfter, a.PendingAfter, a.DebtAfter, a.Awards, a.Redeems, a.Deducts, a.Expires} {
		number(column[i])
	}
	if row = append(row, 0); a.CauseSeqs[i] != 0 {
		row[len(row)-1] = 1
		number(a.CauseSeqs[i])
	}
	if row = append(row, 0); a.CauseIds[i] != uuid.Nil {
		row[len(row)-1] = 1
		row = append(row, a.CauseIds[i][:]...)
	}
	number(a.CreatedAt[i].UnixMicro() - epoch)
	return sha256.Sum256(append(row, a.Memos[i]...))
}

// hashBlock is what a block's successor, and whoever keeps a copy of the chain's
// end, vouch for.
func hashBlock(previous []byte, number int64, m event.Moves, leaves [][]byte) []byte {
	h := sha256.New()
	h.Write(previous)
	text := binary.BigEndian.AppendUint64(nil, uint64(number))
	for i, leaf := range leaves {
		text = binary.BigEndian.AppendUint64(text, uint64(m.Members[i]))
		text = binary.BigEndian.AppendUint16(text, uint16(m.Assets[i]))
		text = binary.BigEndian.AppendUint64(text, uint64(m.Seqs[i]))
		text = append(text, leaf...)
	}
	h.Write(text)
	return h.Sum(nil)
}

func marksOf(leaves [][]byte) []byte {
	marks := make([]byte, 0, markSize*len(leaves))
	for _, leaf := range leaves {
		marks = append(marks, leaf[:markSize]...)
	}
	return marks
}
