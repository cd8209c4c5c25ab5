package crash

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"

	"github.com/incent-dev/incent/internal/tenant"
)

// kind is one kind of request, with all that load, comparison and report need to
// know of it.
type kind struct {
	op     op
	facade tenant.Kind
	share  int // of the load, among the others' shares

	// draw makes up a request; nil when there is nothing to do it with yet.
	draw func(*draft) *entry

	// refusals are the codes of the rules that the load runs into on purpose.
	refusals string

	// note keeps what an acknowledgement tells that later requests can use; nil:
	// nothing.
	note func(context.Context, *round, *entry)

	// claim gathers what an acknowledgement says happened. Its error says why it
	// cannot be read.
	claim func(*claims, *entry) error

	// outcome names what came of an acknowledged request, for the report; nil:
	// there is one outcome only.
	outcome func(*entry) string

	// sole: each acknowledgement stands for an effect that no other one claims.
	sole bool
}

// kinds is the load: for the rounds to do something more, add a line. The first
// one is what each client begins with.
var kinds = []kind{
	{op: opAward, facade: tenant.Incentable, share: 20, draw: drawAward, claim: claimAward, sole: true},
	{op: opBulk, facade: tenant.Incentable, share: 4, draw: drawBulk, claim: claimBulk},
	{op: opDeduct, facade: tenant.Incentable, share: 8, draw: drawDeduct, claim: claimDeduct, sole: true, refusals: "insufficient_points not_found"},
	{op: opRedeem, facade: tenant.Incentable, share: 12, draw: drawRedeem, note: noteOrder, claim: claimOrder, sole: true,
		refusals: "insufficient_points not_found out_of_stock code_pool_empty"},
	{op: opMove, facade: tenant.Incentable, share: 7, draw: drawMove, claim: claimMove, refusals: "invalid_transition"},

	{op: opRefer, facade: tenant.Incenta, share: 6, draw: drawRefer, note: noteCode, claim: claimCode, refusals: "fraud_blocked", outcome: codeOutcome},
	{op: opClick, facade: tenant.Incenta, share: 14, draw: drawClick, note: noteVisit, claim: claimClick, sole: true,
		refusals: "not_found", outcome: clickOutcome},
	{op: opConvert, facade: tenant.Incenta, share: 14, draw: drawConvert, note: noteConversion, claim: claimConversion, sole: true,
		refusals: "not_found", outcome: conversionOutcome},
	{op: opClaim, facade: tenant.Incenta, share: 10, draw: drawClaim, note: noteClaimed, claim: claimReward,
		refusals: "reward_not_claimable code_pool_empty", outcome: claimOutcome},
	{op: opUse, facade: tenant.Incenta, share: 6, draw: drawUse, claim: claimUse, sole: true, refusals: "already_redeemed reward_not_redeemable"},
	{op: opRefund, facade: tenant.Management, share: 4, draw: drawRefund, claim: claimRefund, sole: true, refusals: "already_reversed invalid_transition"},
	{op: opReview, facade: tenant.Management, share: 3, draw: drawReview, claim: claimReview, refusals: "invalid_transition", outcome: reviewOutcome},
}

// shares is the sum of all.
var shares = func() (sum int) {
	for _, k := range kinds {
		sum += k.share
	}
	return sum
}()

// draft is what a request is made up from.
type draft struct {
	*rand.Rand
	client, nth int    // whose request it is, and which one of theirs
	key         string // its idempotency key
	journal     *journal
}

// once tells, once in so many times, to do something odd.
func (d *draft) once(in int) bool { return d.IntN(in) == 0 }

// pick takes something that an answer told of.
func (d *draft) pick(what string) (thing, bool) { return d.journal.pick(what, d.IntN) }

// post completes an entry to a POST.
func post(path string, body any, asked entry) *entry {
	asked.Method, asked.Path = http.MethodPost, path
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			panic(err) // strings and numbers: cannot fail
		}
		asked.Body = text
	}
	return &asked
}
