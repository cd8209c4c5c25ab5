package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// TakeCodes locks a pool and hands n of its codes to an earned reward, or makes
// them where the pool generates, or where there is no pool (""). That the pool
// has run out is noted in told, which the caller stores; of a refusal for want of
// codes the note Stands.
func TakeCodes(ctx context.Context, tx pg.Tx, told *event.Journal, t tenant.Tenant, poolID string, reward uuid.UUID, n int) ([]string, error) {
	tenantID := t.ID
	codes := make([]string, n)
	for i := range codes {
		codes[i] = pg.NewCode(generatedLength)
	}
	if poolID == "" {
		return codes, nil
	}
	pools, err := q.PoolListForUpdate(ctx, tx, query.PoolListForUpdateParams{TenantID: tenantID, Ids: []string{poolID}})
	if err != nil {
		return nil, fmt.Errorf("lock code pool: %w", err)
	}
	if len(pools) == 0 {
		return nil, fault.Missing("code pool")
	}
	from, ids := lockedPool(pools[0]), make([]int64, n)
	moved := query.PoolUpdateCountsParams{TenantID: tenantID, ID: poolID, Issued: int64(n)}
	if from.mode == Generated {
		for i := range ids {
			ids[i] = pg.NewKey()
		}
		err = q.CodeInsertIssuedToReward(ctx, tx, query.CodeInsertIssuedToRewardParams{TenantID: tenantID, PoolID: poolID, Ids: ids, Codes: codes, RewardID: &reward})
	} else {
		var enough bool
		enough, err = takeImported(ctx, tx, tenantID, poolID, reward, ids, codes)
		if err == nil && !enough {
			return nil, refuseEmpty(ctx, tx, told, t, from)
		}
		from.left -= int64(n)
		moved.Available = -int64(n)
		err = errors.Join(err, from.tellEmpty(ctx, tx, told, tenantID, t.Now(), false))
	}
	if err != nil {
		return nil, err
	}
	return codes, q.PoolUpdateCounts(ctx, tx, moved)
}

// refuseEmpty refuses to hand out what there is not, and has that told all the
// same.
func refuseEmpty(ctx context.Context, tx pg.Tx, told *event.Journal, t tenant.Tenant, p pool) error {
	err := p.tellEmpty(ctx, tx, told, t.ID, t.Now(), true)
	if err := errors.Join(err, told.Store(ctx, tx, t.ID, t.Now())); err != nil {
		return err
	}
	return once.Stands(fault.New(fault.Conflict, CodeCodePoolEmpty, "There are no codes left for this reward; nothing was used up"))
}

// takeImported fills ids and codes with the next ones of a locked pool, unless
// there are too few that a reward may have.
func takeImported(ctx context.Context, tx pg.Tx, tenantID int64, poolID string, reward uuid.UUID, ids []int64, codes []string) (enough bool, _ error) {
	rows, err := q.CodeListAvailableForReward(ctx, tx, query.CodeListAvailableForRewardParams{TenantID: tenantID, PoolID: poolID, MaxRows: int32(len(ids))})
	if err != nil {
		return false, fmt.Errorf("read codes: %w", err)
	}
	if len(rows) < len(ids) {
		return false, nil
	}
	for i, r := range rows {
		ids[i], codes[i] = r.ID, r.Code
	}
	return true, q.CodeUpdateIssuedToReward(ctx, tx, query.CodeUpdateIssuedToRewardParams{TenantID: tenantID, Ids: ids, RewardID: &reward})
}

// VoidCode locks a pool and makes void a code of it that a reward had.
func VoidCode(ctx context.Context, tx pg.Tx, tenantID int64, poolID string, reward uuid.UUID, code string) error {
	if _, err := q.PoolListForUpdate(ctx, tx, query.PoolListForUpdateParams{TenantID: tenantID, Ids: []string{poolID}}); err != nil {
		return fmt.Errorf("lock code pool: %w", err)
	}
	if err := q.CodeUpdateVoidedOfReward(ctx, tx, query.CodeUpdateVoidedOfRewardParams{TenantID: tenantID, Code: code, RewardID: &reward}); err != nil {
		return fmt.Errorf("void code: %w", err)
	}
	return q.PoolUpdateCounts(ctx, tx, query.PoolUpdateCountsParams{TenantID: tenantID, ID: poolID, Issued: -1, Voided: 1})
}
