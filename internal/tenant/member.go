package tenant

import (
	"context"
	"fmt"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
)

// Known tells which of the ids belong to members.
func Known(ctx context.Context, db query.DBTX, tenantID int64, externalIDs []string) (map[string]bool, error) {
	rows, err := query.New().MemberListKnown(ctx, db, query.MemberListKnownParams{TenantID: tenantID, ExternalIds: externalIDs})
	if err != nil {
		return nil, fmt.Errorf("find members: %w", err)
	}
	known := make(map[string]bool, len(rows))
	for _, row := range rows {
		known[row.ExternalID] = true
	}
	return known, nil
}

// Enrol makes the members of these ids that do not exist yet. Under the strict
// policy it makes none.
func Enrol(ctx context.Context, tx pg.Tx, t Tenant, externalIDs []string) error {
	if t.Policy.Enrolment == EnrolmentStrict {
		return nil
	}
	known, err := Known(ctx, tx, t.ID, externalIDs)
	if err != nil {
		return err
	}
	arg := query.MemberInsertManyParams{TenantID: t.ID, At: t.Now()}
	for _, external := range externalIDs {
		if known[external] {
			continue
		}
		known[external] = true
		arg.Ids = append(arg.Ids, pg.NewKey())
		arg.ExternalIds = append(arg.ExternalIds, external)
	}
	if len(arg.Ids) == 0 {
		return nil
	}
	if _, err := query.New().MemberInsertMany(ctx, tx, arg); err != nil {
		return fmt.Errorf("enrol members: %w", err)
	}
	return nil
}

// MemberKey finds our key of a member; false when there is no such member.
func MemberKey(ctx context.Context, db query.DBTX, tenantID int64, externalID string) (int64, bool, error) {
	m, err := query.New().MemberGet(ctx, db, query.MemberGetParams{TenantID: tenantID, ExternalID: externalID})
	if pg.IsNoRows(err) {
		return 0, false, nil
	}
	return m.ID, err == nil, err
}
