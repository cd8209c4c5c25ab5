package ledger

import (
	"context"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/pg"
)

// ledgerChecks are the audit of doc.go's invariants, in their order.
func ledgerChecks() []AuditCheck {
	plain := func(tenantID int64) int64 { return tenantID }
	checks := []AuditCheck{
		{Invariant: 1, Name: "double entry", Find: find(q.TransferFindUnbalanced, postingTable)},
		{Invariant: 2, Name: "chain", Find: find(q.TransferFindUnchained, shownKinds)},
		{Invariant: 3, Name: "accounts equal their transfers", Find: find(q.AccountFindUnequal, plain)},
		{Invariant: 4, Name: "nothing negative", Find: find(q.AccountFindNegative, plain)},
		{Invariant: 5, Name: "lots equal their entries", Find: find(q.LotFindUnequal, plain)},
		{Invariant: 5, Name: "lots make up the dated part", Find: find(q.AccountFindMisdated, plain)},
		{Invariant: 5, Name: "entries within their transfer", Find: find(q.LotEntryFindUncovered, plain)},
		{Invariant: 6, Name: "expiry at its instant", Find: find(q.LotEntryFindUntimely, plain)},
		{Invariant: 6, Name: "nothing overslept", Find: find(q.AccountFindOverslept, plain)},
		{Invariant: 7, Name: "pending is what is held", Find: find(q.AccountFindUnheld, plain)},
		{Invariant: 7, Name: "holds open and close once", Find: find(q.HoldFindUnfounded, plain)},
		{Invariant: 8, Name: "undone once, in full", Find: find(q.UndoneFindUnequal, plain)},
		{Invariant: 8, Name: "returned to the same lots", Find: find(q.LotEntryFindMisreturned, func(tenantID int64) query.LotEntryFindMisreturnedParams {
			return query.LotEntryFindMisreturnedParams{TenantID: tenantID, GraceSeconds: returnGrace.Seconds()}
		})},
		{Invariant: 9, Name: "append-only", Server: true, Find: findUnguarded},
		{Invariant: 10, Name: "XP stays", Find: find(q.TransferFindSpentXP, plain)},
		{Invariant: 11, Name: "sealed as it was", Find: findUnsealed},
		{Invariant: 11, Name: "sealed where it should be", Find: find(q.TransferFindUnsealed, plain)},
		{Invariant: 11, Name: "named by a commit", Find: find(q.TransferFindUnnamed, plain)},
	}
	for i := range checks {
		checks[i].Of = "ledger"
	}
	return append(checks, EventCheck(5, "events name transfers and members", func(ctx context.Context, tx pg.Tx, tenantID int64) (string, string, error) {
		r, err := q.CommitFindUnmoved(ctx, tx, query.CommitFindUnmovedParams{TenantID: tenantID, MadeKind: int16(event.MemberCreated)})
		return r.ID, r.Says, err
	}), EventCheck(2, "the feed has no gap", func(ctx context.Context, tx pg.Tx, tenantID int64) (string, string, error) {
		r, err := q.CommitFindMisplaced(ctx, tx, tenantID)
		return r.ID.String(), r.Says, err
	}))
}

// EventCheck is a check of an invariant of package event, which stands where the
// rows are known that events name. find answers a commit and what is wrong with it.
func EventCheck(invariant int, name string, find func(context.Context, pg.Tx, int64) (commit, says string, err error)) AuditCheck {
	return AuditCheck{Of: "event", Invariant: invariant, Name: name, Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*Offence, error) {
		commit, says, err := find(ctx, tx, tenantID)
		return OffenceOf("commit "+commit, says, err)
	}}
}

func postingTable(tenantID int64) query.TransferFindUnbalancedParams {
	p := query.TransferFindUnbalancedParams{TenantID: tenantID}
	for kind, r := range rules {
		if kind > 0 {
			p.Kinds = append(p.Kinds, int16(kind))
			p.FromAccounts = append(p.FromAccounts, int16(r.from))
			p.ToAccounts = append(p.ToAccounts, int16(r.to))
		}
	}
	return p
}

func shownKinds(tenantID int64) query.TransferFindUnchainedParams {
	kinds := map[Type][]int16{}
	for kind, r := range rules {
		kinds[r.shown] = append(kinds[r.shown], int16(kind))
	}
	return query.TransferFindUnchainedParams{
		TenantID: tenantID, AwardKinds: kinds[TypeAward], RedeemKinds: kinds[TypeRedeem],
		DeductKinds: kinds[TypeDeduct], ExpireKinds: kinds[TypeExpire],
	}
}

// findUnguarded looks for what should keep the books from being changed. A
// server whose login may not make roles has the triggers alone.
func findUnguarded(ctx context.Context, tx pg.Tx, _ int64) (*Offence, error) {
	says, err := q.TransferFindUnguarded(ctx, tx, query.TransferFindUnguardedParams{
		Triggers: []string{"transfers_append_only", "transfers_no_truncate", "lot_entries_append_only", "lot_entries_no_truncate",
			"sealed_blocks_append_only", "sealed_blocks_no_truncate"},
		Guarded: []string{"transfers", "lot_entries", "undone", "sealed_blocks"},
	})
	if pg.IsNoRows(err) {
		return nil, nil
	}
	return &Offence{Says: says}, err
}
