package event

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
)

// Moves are addresses of transfers with their hashes, column by column.
type Moves struct {
	Members []int64
	Assets  []int16
	Seqs    []int64
	Leaves  [][]byte // nil: the commit does not tell, it came in from elsewhere
}

func (m *Moves) add(member int64, asset int16, seq int64, leaf []byte) {
	m.Members = append(m.Members, member)
	m.Assets = append(m.Assets, asset)
	m.Seqs = append(m.Seqs, seq)
	m.Leaves = append(m.Leaves, leaf)
}

// sealBatch bounds the commits that are locked at once: each one is by itself.
const sealBatch = 128

// Portion is what one block seals: whole commits, with the transfers that they name.
type Portion struct {
	Commits []uuid.UUID
	Moves
}

// Unsealed gathers, commit by commit in the order drawn, transfers that are in no
// block yet, in portions of about so many at most: no commit is cut. The commits stay
// locked until the transaction ends; Seal all of them before. All that one look finds
// is handed on, since what is left over would be read again.
func Unsealed(ctx context.Context, tx pg.Tx, tenantID int64, about int) ([]*Portion, error) {
	rows, err := q.CommitListUnsealedForUpdate(ctx, tx, query.CommitListUnsealedForUpdateParams{TenantID: tenantID, MaxRows: sealBatch})
	if err != nil {
		return nil, fmt.Errorf("find what is not sealed: %w", err)
	}
	var portions []*Portion
	for _, r := range rows {
		n := len(portions)
		if n == 0 || len(portions[n-1].Seqs)+len(r.Seqs)+len(r.MovedSeqs) > about {
			portions = append(portions, &Portion{})
			n++
		}
		portions[n-1].take(r)
	}
	return portions, nil
}

func (p *Portion) take(r query.CommitListUnsealedForUpdateRow) {
	leaves := r.Leaves
	next := func() (leaf []byte) {
		if len(leaves) >= sha256.Size {
			leaf, leaves = leaves[:sha256.Size], leaves[sha256.Size:]
		}
		return leaf
	}
	for i := range r.Seqs {
		if r.Assets[i] != 0 { // others are no transfers
			p.add(r.Members[i], r.Assets[i], r.Seqs[i], next())
		}
	}
	for i := range r.MovedSeqs {
		p.add(r.MovedMembers[i], r.MovedAssets[i], r.MovedSeqs[i], next())
	}
	p.Commits = append(p.Commits, r.ID)
}

// Seal notes that a block holds the transfers of locked commits.
func Seal(ctx context.Context, db query.DBTX, tenantID int64, commits []uuid.UUID, block int64) error {
	return q.CommitUpdateBlock(ctx, db, query.CommitUpdateBlockParams{TenantID: tenantID, Ids: commits, Block: block})
}

// Unnumbered lists the tenants whose feeds want Sequence.
func (f *Feed) Unnumbered(ctx context.Context) ([]int64, error) {
	return q.CommitListUnsequencedTenants(ctx, f.db)
}
