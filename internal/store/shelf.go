package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
)

// shelf is one locked pool.
type shelf struct {
	pool
	codes  []query.CodeListAvailableRow // not handed out yet
	missed bool                         // a redemption wanted more than there were

	issued       []query.CodeListAvailableRow
	issuedOrders []uuid.UUID
	madeCodes    []string
	madeOrders   []uuid.UUID
}

// lockPools locks the pools that the redemptions draw on, tenant by tenant, and
// reads as many codes of each as are wanted.
func (c *counter) lockPools(ctx context.Context, tx pg.Tx, calls []Redemption) error {
	wanted, pools := map[ref]int{}, map[int64][]string{}
	for _, r := range calls {
		item := c.item(r)
		if item == nil {
			continue
		}
		at, err := c.source(item)
		if err != nil || c.items[at].PoolID == nil {
			continue // refused, or made on the spot
		}
		pool := ref{at.tenantID, *c.items[at].PoolID}
		if wanted[pool] == 0 {
			pools[pool.tenantID] = append(pools[pool.tenantID], pool.id)
		}
		wanted[pool] += r.Quantity
	}
	for _, tenantID := range slices.Sorted(maps.Keys(pools)) {
		rows, err := q.PoolListForUpdate(ctx, tx, query.PoolListForUpdateParams{TenantID: tenantID, Ids: pools[tenantID]})
		if err != nil {
			return fmt.Errorf("lock code pools: %w", err)
		}
		for _, p := range rows {
			s := &shelf{pool: lockedPool(p)}
			at := ref{tenantID, p.ID}
			c.pools[at] = s
			if p.Mode != Imported {
				continue
			}
			s.codes, err = q.CodeListAvailable(ctx, tx, query.CodeListAvailableParams{TenantID: tenantID, PoolID: p.ID, MaxRows: int32(wanted[at])})
			if err != nil {
				return fmt.Errorf("read codes: %w", err)
			}
		}
	}
	return nil
}

// shelf is where an item's codes come from; nil: they are made on the spot, or
// there are none.
func (c *counter) shelf(at ref) *shelf {
	item := c.items[at]
	if item.Kind != Digital || item.PoolID == nil {
		return nil
	}
	return c.pools[ref{at.tenantID, *item.PoolID}]
}

// take hands out an order's codes: from the item's pool, or made on the spot.
func (c *counter) take(at ref, order Order) []string {
	codes := make([]string, order.Quantity)
	s := c.shelf(at)
	for i := range codes {
		switch {
		case s == nil:
			codes[i] = pg.NewCode(generatedLength)
		case s.mode == Imported:
			codes[i] = s.codes[0].Code
			s.left--
			s.issued = append(s.issued, s.codes[0])
			s.issuedOrders = append(s.issuedOrders, order.ID)
			s.codes = s.codes[1:]
		default:
			codes[i] = pg.NewCode(generatedLength)
			s.madeCodes = append(s.madeCodes, codes[i])
			s.madeOrders = append(s.madeOrders, order.ID)
		}
	}
	return codes
}

func (s *shelf) store(ctx context.Context, pipe *pg.Pipeline, tenantID int64, poolID string) error {
	moved := query.PoolUpdateCountsParams{TenantID: tenantID, ID: poolID, Issued: int64(len(s.issued) + len(s.madeCodes)), Available: -int64(len(s.issued))}
	if moved.Issued == 0 {
		return nil
	}
	if len(s.issued) > 0 {
		taken := query.CodeUpdateIssuedParams{TenantID: tenantID, OrderIds: s.issuedOrders}
		for _, c := range s.issued {
			taken.Ids, taken.Codes, taken.PoolIds = append(taken.Ids, c.ID), append(taken.Codes, c.Code), append(taken.PoolIds, poolID)
		}
		if err := q.CodeUpdateIssued(ctx, pipe, taken); err != nil {
			return err
		}
	}
	if len(s.madeCodes) > 0 {
		made := query.CodeInsertIssuedParams{TenantID: tenantID, Codes: s.madeCodes, OrderIds: s.madeOrders}
		for range s.madeCodes {
			made.Ids, made.PoolIds = append(made.Ids, pg.NewKey()), append(made.PoolIds, poolID)
		}
		if err := q.CodeInsertIssued(ctx, pipe, made); err != nil {
			return err
		}
	}
	return q.PoolUpdateCounts(ctx, pipe, moved)
}
