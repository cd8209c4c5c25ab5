package store

import (
	"context"

	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
)

// The functions of this file do what their namesakes do, in a transaction of
// their own and under a ticket, which may be nil.

// CreateItemOnce is CreateItem.
func (s *Store) CreateItemOnce(ctx context.Context, tenantID int64, i Item, ticket *once.Ticket) (Item, error) {
	return once.Run(ctx, s.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Item, error) {
		return s.CreateItem(ctx, tx, tenantID, i)
	})
}

// UpdateItemOnce is UpdateItem.
func (s *Store) UpdateItemOnce(ctx context.Context, tenantID int64, itemID string, change func(*Item) error, ticket *once.Ticket) (Item, error) {
	return once.Run(ctx, s.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Item, error) {
		return s.UpdateItem(ctx, tx, tenantID, itemID, change)
	})
}

// CreatePoolOnce is CreatePool.
func (s *Store) CreatePoolOnce(ctx context.Context, tenantID int64, name, mode string, ticket *once.Ticket) (Pool, error) {
	return once.Run(ctx, s.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Pool, error) {
		return s.CreatePool(ctx, tx, tenantID, name, mode)
	})
}

// ImportCodesOnce is ImportCodes.
func (s *Store) ImportCodesOnce(ctx context.Context, tenantID int64, poolID string, codes []string, ticket *once.Ticket) (int, error) {
	return once.Run(ctx, s.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (int, error) {
		return s.ImportCodes(ctx, tx, tenantID, poolID, codes)
	})
}
