package referral

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// payoutPage is how many unpaid rewards are looked up at a time. Each is paid in a
// transaction of its own, so that one that is refused holds up no other.
const payoutPage = 100

// Due lists the tenants with rewards that want SettleDue.
func (p *Programme) Due(ctx context.Context) ([]int64, error) {
	return q.RewardListDueTenants(ctx, p.db, pg.Now())
}

// SettleDue approves every reward of a tenant whose hold has ended, and posts the
// points of automated ones that nothing holds any more.
func (p *Programme) SettleDue(ctx context.Context, tenantID int64) error {
	if err := p.settleDue(ctx, tenantID); err != nil {
		return pg.Fault(err)
	}
	var refused []error
	after := uuid.Nil
	for {
		page, err := q.RewardListUnpaid(ctx, p.db, query.RewardListUnpaidParams{TenantID: tenantID, After: after, MaxRows: payoutPage})
		if err != nil {
			return pg.Fault(fmt.Errorf("find rewards to pay: %w", err))
		}
		for _, id := range page {
			after = id
			err := p.payAutomated(ctx, tenantID, id)
			if f := fault.As(err); f != nil && f.Kind != fault.Unavailable {
				refused = append(refused, fmt.Errorf("pay reward %s: %w", Reward{ID: id}.PublicID(), err))
			} else if err != nil {
				return err
			}
		}
		if len(page) < payoutPage {
			return errors.Join(refused...)
		}
	}
}

// payAutomated posts the points of one reward, unless somebody did already.
func (p *Programme) payAutomated(ctx context.Context, tenantID int64, rewardID uuid.UUID) error {
	for attempt := 1; ; attempt++ {
		_, err := pg.InTx(ctx, p.db, func(ctx context.Context, tx pg.Tx) (struct{}, error) {
			t, err := tenant.Get(ctx, tx, tenantID)
			if err != nil {
				return struct{}{}, err
			}
			r, err := lockReward(ctx, tx, tenantID, rewardID, t.Now())
			if err != nil || r.Status != RewardApproved || r.Fulfilment != Automated || r.Units == 0 || r.TransferSeq != 0 {
				return struct{}{}, err
			}
			var pipe pg.Pipeline
			var told event.Journal
			if err := payOut(ctx, tx, &pipe, &told, t, &r); err != nil {
				return struct{}{}, err
			}
			r.Status, r.UpdatedAt = RewardPaid, t.Now()
			return struct{}{}, errors.Join(r.store(ctx, &pipe, tenantID), told.Store(ctx, &pipe, tenantID, r.UpdatedAt), pipe.Send(ctx, tx))
		})
		// The account is opened in a transaction of its own: see ledger/doc.go.
		var unopened *ledger.UnopenedError
		if !errors.As(err, &unopened) || attempt == openAttempts {
			return pg.Fault(err)
		}
		if err := ledger.Open(ctx, p.db, tenantID, unopened); err != nil {
			return pg.Fault(err)
		}
	}
}
