package referral

import (
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/tenant"
)

// codesKept bounds the codes that a server knows by heart: some twenty megabytes,
// reckoned at 350 bytes each.
const codesKept = 50_000

// code is where a referral code leads.
type code struct {
	referral uuid.UUID
	text     string // as handed out
	campaign string
	referrer int64 // members.id

	state            CampaignState
	startsAt, endsAt time.Time // zero: unlimited
}

// terms are as much of the campaign as tells whether it runs.
func (c code) terms() Campaign {
	return Campaign{State: c.state, StartsAt: c.startsAt, EndsAt: c.endsAt}
}

// codes are those that a server knows by heart, each as its tenant's version of
// codes has it: whatever changes an answer counts that version up in the same
// transaction, and whoever asks has read it in theirs. Codes that lead nowhere are
// not kept, since they may be made any time.
type codes struct {
	known *lru.Cache[asked, *remembered]
}

// asked is a code as a caller wrote it.
type asked struct {
	tenant int64
	code   string
}

type remembered struct {
	code
	version int64
}

func newCodes() codes {
	known, err := lru.New[asked, *remembered](codesKept)
	if err != nil {
		panic(err) // the size is positive
	}
	return codes{known}
}

// recall is what is known of a code; nil: nothing. It holds if its version is still
// the tenant's.
func (c codes) recall(tenantID int64, text string) *remembered {
	r, _ := c.known.Get(asked{tenantID, text})
	return r
}

// learn keeps what was read of a code after its tenant was.
func (c codes) learn(t tenant.Tenant, r query.VisitorListForUpdateRow) *remembered {
	found := &remembered{
		code{r.ID, r.Code, r.CampaignID, r.ReferrerID, CampaignState(r.State), instant(r.StartsAt), instant(r.EndsAt)}, t.CodesVersion,
	}
	c.known.Add(asked{t.ID, r.Asked}, found)
	return found
}
