package leaderboard

import (
	"context"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
)

// AuditChecks are the audit of this package's invariants.
func AuditChecks() []ledger.AuditCheck {
	checks := []ledger.AuditCheck{
		{Invariant: 1, Name: "standings equal the XP accounts", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.StandingFindUnequal(ctx, tx, query.StandingFindUnequalParams{TenantID: tenantID, AllTime: int16(AllTime), StartsOn: allTime.startsOn})
			return ledger.OffenceOf("member "+r.ExternalID, r.Says, err)
		}},
		{Invariant: 1, Name: "periods sum their XP", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.StandingFindMissummed(ctx, tx, query.StandingFindMissummedParams{TenantID: tenantID, Xp: int16(ledger.XP)})
			return ledger.OffenceOf("member "+r.ExternalID, r.Says, err)
		}},
		{Invariant: 3, Name: "blocks count their standings", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.StandingBlockFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf("round of "+r.StartsOn.Format(time.DateOnly), r.Says, err)
		}},
		{Invariant: 6, Name: "snapshots are whole", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.BoardFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf("snapshot "+Board{ID: r.ID, Snapshot: true}.PublicID(), r.Says, err)
		}},
	}
	for i := range checks {
		checks[i].Of = "leaderboard"
	}
	return checks
}
