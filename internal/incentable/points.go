package incentable

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/incentable"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/store"
)

// GetBalance reads a member's points.
func (a *API) GetBalance(ctx context.Context, r gen.GetBalanceRequestObject) (gen.GetBalanceResponseObject, error) {
	h, err := a.ledger.Balance(ctx, httpapi.Caller(ctx).Tenant, r.MemberId, ledger.Points)
	if err != nil {
		return nil, err
	}
	return gen.GetBalance200JSONResponse{Body: gen.BalanceAnswer{Success: true, Data: gen.Balance{
		MemberId: r.MemberId, Balance: h.Spendable(), LifetimeEarned: h.Earned, LifetimeRedeemed: h.Redeemed, Pending: h.Pending,
	}}}, nil
}

// AwardPoints gives points.
func (a *API) AwardPoints(ctx context.Context, r gen.AwardPointsRequestObject) (gen.AwardPointsResponseObject, error) {
	view := func(o ledger.Outcome) gen.AwardPointsResponseObject {
		return gen.AwardPoints201JSONResponse{Body: posting(r.Body.MemberId, o)}
	}
	return httpapi.Mutate(ctx, view, gen.AwardPointsResponseObject.VisitAwardPointsResponse,
		func(t *once.Ticket) (ledger.Outcome, error) {
			return a.ledger.Post(ctx, httpapi.Caller(ctx).Tenant, ledger.Command{
				Op: ledger.OpAward, Member: r.Body.MemberId, Asset: ledger.Points, Amount: r.Body.Points,
				Memo: memo(r.Body.Reason, r.Body.Reference, r.Body.Metadata),
			}, t)
		})
}

// DeductPoints takes points.
func (a *API) DeductPoints(ctx context.Context, r gen.DeductPointsRequestObject) (gen.DeductPointsResponseObject, error) {
	view := func(o ledger.Outcome) gen.DeductPointsResponseObject {
		return gen.DeductPoints201JSONResponse{Body: posting(r.Body.MemberId, o)}
	}
	return httpapi.Mutate(ctx, view, gen.DeductPointsResponseObject.VisitDeductPointsResponse,
		func(t *once.Ticket) (ledger.Outcome, error) {
			return a.ledger.Post(ctx, httpapi.Caller(ctx).Tenant, ledger.Command{
				Op: ledger.OpDeduct, Member: r.Body.MemberId, Asset: ledger.Points, Amount: r.Body.Points,
				Memo: memo(r.Body.Reason, r.Body.Reference, r.Body.Metadata),
			}, t)
		})
}

func memo(reason string, reference *string, metadata json.RawMessage) ledger.Memo {
	return ledger.Memo{Reason: reason, Reference: text(reference), Metadata: metadata}
}

// posting shows an award or a deduction. An award that rests on hold is an
// award all the same; its points show as pending in the balance.
func posting(member string, o ledger.Outcome) gen.PostingAnswer {
	kind := o.Transfer.Type()
	if o.Transfer.Kind == ledger.KindHold {
		kind = ledger.TypeAward
	}
	return gen.PostingAnswer{Success: true, Data: gen.Posting{
		TransactionId: o.Transfer.ID(), MemberId: member, Points: o.Transfer.Points(), Type: gen.TransactionType(kind),
		Reason: o.Transfer.Memo.Reason, NewBalance: o.Holding.Spendable(), CreatedAt: seconds(o.Transfer.EffectedAt), ExpiresAt: maybe(o.Transfer.ExpiresAt),
	}}
}

// AwardPointsBulk gives points to many, each on its own.
func (a *API) AwardPointsBulk(ctx context.Context, r gen.AwardPointsBulkRequestObject) (gen.AwardPointsBulkResponseObject, error) {
	result := bulkResult{awards: r.Body.Awards, refusals: make([]error, len(r.Body.Awards))}
	var commands []ledger.Command
	for i, award := range r.Body.Awards {
		if result.refusals[i] = checkBulkAward(award); result.refusals[i] == nil {
			commands = append(commands, ledger.Command{
				Op: ledger.OpAward, Member: award.MemberId, Asset: ledger.Points, Amount: award.Points,
				Memo: memo(award.Reason, award.Reference, award.Metadata),
			})
		}
	}
	view := func(posted []ledger.Result) gen.AwardPointsBulkResponseObject {
		return gen.AwardPointsBulk200JSONResponse{Body: gen.BulkAwardAnswer{Success: true, Data: result.view(posted)}}
	}
	return httpapi.Mutate(ctx, view, gen.AwardPointsBulkResponseObject.VisitAwardPointsBulkResponse,
		func(t *once.Ticket) ([]ledger.Result, error) {
			return a.ledger.PostMany(ctx, httpapi.Caller(ctx).Tenant, commands, t)
		})
}

// checkBulkAward refuses what fails one award alone, before the ledger sees it.
func checkBulkAward(award gen.BulkAward) error {
	switch {
	case award.MemberId == "":
		return fault.Field("member_id", "must not be empty")
	case award.Reason == "":
		return fault.Field("reason", "must not be empty")
	case award.Points < 1 || award.Points > ledger.MaxAmount:
		return fault.Field("points", "must be between 1 and %d", int64(ledger.MaxAmount))
	}
	return nil
}

// bulkResult joins what was refused at once with what the ledger decided.
type bulkResult struct {
	awards   []gen.BulkAward
	refusals []error // by award; nil went to the ledger
}

func (b bulkResult) view(posted []ledger.Result) gen.BulkAwardResult {
	out := gen.BulkAwardResult{Transactions: []gen.BulkAwardTransaction{}, Errors: []gen.BulkAwardError{}}
	for i, award := range b.awards {
		refusal := b.refusals[i]
		if refusal == nil {
			p := posted[0]
			posted = posted[1:]
			if refusal = p.Err; refusal == nil {
				out.Processed++
				out.Transactions = append(out.Transactions, gen.BulkAwardTransaction{MemberId: award.MemberId, TransactionId: p.Transfer.ID()})
				continue
			}
		}
		f := fault.As(refusal)
		out.Failed++
		out.Errors = append(out.Errors, gen.BulkAwardError{Index: i, MemberId: award.MemberId, Code: gen.ErrorCode(f.Code), Message: "awards[" + strconv.Itoa(i) + "]: " + f.Message})
	}
	return out
}

// ListTransactions reads a page of a member's history.
func (a *API) ListTransactions(ctx context.Context, r gen.ListTransactionsRequestObject) (gen.ListTransactionsResponseObject, error) {
	from, to, err := httpapi.Span(r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	page, perPage := httpapi.Page(r.Params.Page, r.Params.PerPage)
	span := ledger.Span{From: from, To: to, Page: page, PerPage: perPage}
	if r.Params.Type != nil {
		span.Type = ledger.Type(*r.Params.Type)
	}
	h, err := a.ledger.History(ctx, httpapi.Caller(ctx).Tenant, r.MemberId, ledger.Points, span)
	if err != nil {
		return nil, err
	}
	answer := gen.TransactionList{Success: true, Data: make([]gen.Transaction, len(h.Transfers)), Meta: gen.ListMeta{Page: page, PerPage: perPage, Total: h.Total}}
	for i, t := range h.Transfers {
		answer.Data[i] = transaction(t)
	}
	return gen.ListTransactions200JSONResponse{Body: answer}, nil
}

func transaction(t ledger.Transfer) gen.Transaction {
	out := gen.Transaction{
		TransactionId: t.ID(), Type: gen.TransactionType(t.Type()), Points: t.Points(), Reason: t.Memo.Reason,
		BalanceAfter: t.After.Spendable(), CreatedAt: seconds(t.EffectedAt), ExpiresAt: maybe(t.ExpiresAt),
		Reference: nullable.NewNullNullable[string](), Metadata: nullable.NewNullNullable[json.RawMessage](), OrderId: nullable.NewNullNullable[string](),
	}
	if t.Memo.Reference != "" {
		out.Reference = nullable.NewNullableWithValue(t.Memo.Reference)
	}
	if len(t.Memo.Metadata) > 0 {
		out.Metadata = nullable.NewNullableWithValue(t.Memo.Metadata)
	}
	if t.Cause != uuid.Nil && (t.Kind == ledger.KindRedeem || t.Kind == ledger.KindRefund) {
		out.OrderId = nullable.NewNullableWithValue(store.OrderID(t.Cause))
	}
	return out
}
