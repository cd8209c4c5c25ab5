package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/pg"
)

// chainPage is how many blocks an audit reads at a time.
const chainPage = 50

// findUnsealed walks a tenant's chain from its first block, and holds every
// transfer in it against what was sealed. It names the first one that differs, or
// the block where the chain itself is broken.
func findUnsealed(ctx context.Context, tx pg.Tx, tenantID int64) (*Offence, error) {
	number, end := int64(0), make([]byte, sha256.Size)
	for {
		page, err := q.SealedBlockListAfter(ctx, tx, query.SealedBlockListAfterParams{TenantID: tenantID, Number: number, MaxRows: chainPage})
		if err != nil {
			return nil, fmt.Errorf("read blocks: %w", err)
		}
		for _, b := range page {
			number++
			if o := unlinked(b, number, end); o != nil {
				return o, nil
			}
			if o, err := changed(ctx, tx, tenantID, b); o != nil || err != nil {
				return o, err
			}
			end = b.Hash
		}
		if len(page) < chainPage {
			break
		}
	}
	last, err := q.ChainGet(ctx, tx, tenantID)
	switch {
	case pg.IsNoRows(err) && number == 0:
		return nil, nil
	case err != nil && !pg.IsNoRows(err):
		return nil, fmt.Errorf("read the chain's end: %w", err)
	case last.Blocks != number || !bytes.Equal(last.Hash, end):
		return blockOffence(number, fmt.Sprintf("is the last one there is, the chain says block %d, %x", last.Blocks, last.Hash)), nil
	}
	return nil, nil
}

func blockOffence(number int64, says string) *Offence {
	return &Offence{Where: fmt.Sprintf("block %d", number), Says: says}
}

// unlinked tells where a block does not follow the one before.
func unlinked(b query.SealedBlockListAfterRow, number int64, end []byte) *Offence {
	switch {
	case b.Number != number:
		return blockOffence(b.Number, fmt.Sprintf("stands where block %d is due", number))
	case !bytes.Equal(b.Previous, end):
		return blockOffence(b.Number, "does not follow from the block before")
	}
	return nil
}

// changed tells which transfer of a block is not what was sealed.
func changed(ctx context.Context, tx pg.Tx, tenantID int64, b query.SealedBlockListAfterRow) (*Offence, error) {
	if len(b.Assets) != len(b.Members) || len(b.Seqs) != len(b.Members) || len(b.Marks) != markSize*len(b.Members) {
		return blockOffence(b.Number, "does not name its transfers"), nil
	}
	moves := event.Moves{Members: b.Members, Assets: b.Assets, Seqs: b.Seqs}
	leaves, err := leavesOf(ctx, tx, tenantID, moves)
	if err != nil {
		return nil, err
	}
	for i, leaf := range leaves {
		says := ""
		switch {
		case len(leaf) == 0:
			says = "is gone"
		case !bytes.Equal(leaf[:markSize], b.Marks[markSize*i:markSize*(i+1)]):
			says = "is not what it was when it was sealed"
		default:
			continue
		}
		where, err := transferName(ctx, tx, tenantID, b.Members[i], b.Assets[i], b.Seqs[i])
		return &Offence{Where: where, Says: fmt.Sprintf("%s; block %d", says, b.Number)}, err
	}
	if !bytes.Equal(hashBlock(b.Previous, b.Number, moves, leaves), b.Hash) {
		return blockOffence(b.Number, "is not what it was when it was made"), nil
	}
	return nil, nil
}

// ChainEnd is the newest block of a tenant's chain. Whoever keeps a copy of it
// elsewhere can tell later that nothing up to it was rewritten, by anybody.
type ChainEnd struct {
	Blocks int64
	Hash   []byte // nil: nothing is sealed yet
}

// ChainEnd reads the end of a tenant's chain.
func (l *Ledger) ChainEnd(ctx context.Context, tenantID int64) (ChainEnd, error) {
	row, err := q.ChainGet(ctx, l.db, tenantID)
	if pg.IsNoRows(err) {
		return ChainEnd{}, nil
	}
	return ChainEnd{row.Blocks, row.Hash}, pg.Fault(err)
}
