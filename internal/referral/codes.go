package referral

import (
	"context"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// codesKept bounds the codes that a server knows by heart: some ten megabytes.
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

// learn keeps what was read of a code after its tenant was.
func (c codes) learn(t tenant.Tenant, r query.VisitorListForUpdateRow) *remembered {
	found := &remembered{
		code{r.ID, r.Code, r.CampaignID, r.ReferrerID, CampaignState(r.State), instant(r.StartsAt), instant(r.EndsAt)}, t.CodesVersion,
	}
	c.known.Add(asked{t.ID, r.Asked}, found)
	return found
}

// lookup is the read of the codes and people that visits name. It locks what binds
// the people to the campaigns, which guards their visits through any code.
type lookup struct {
	codes map[string]*remembered // by code as asked: those known by heart
	arg   query.VisitorListForUpdateParams
	found []query.VisitorListForUpdateRow
}

// lookUp prepares the read, which asks for what is not known by heart.
func (c codes) lookUp(tenantID int64, visits []visit) *lookup {
	l := &lookup{codes: make(map[string]*remembered, len(visits))}
	for _, v := range visits {
		if r, known := c.known.Get(asked{tenantID, v.Code}); known {
			l.codes[v.Code] = r
		}
	}
	l.ask(tenantID, visits)
	return l
}

func (l *lookup) ask(tenantID int64, visits []visit) {
	n := len(visits)
	l.arg = query.VisitorListForUpdateParams{TenantID: tenantID, Codes: make([]string, 0, n), CampaignIds: make([]string, 0, n), Referees: make([]string, 0, n)}
	for _, v := range visits {
		campaign := ""
		if r := l.codes[v.Code]; r != nil {
			if campaign = r.campaign; v.Referee == "" {
				continue
			}
		}
		l.arg.Codes = append(l.arg.Codes, v.Code)
		l.arg.CampaignIds = append(l.arg.CampaignIds, campaign)
		l.arg.Referees = append(l.arg.Referees, v.Referee)
	}
}

func (l *lookup) read(ctx context.Context, db query.DBTX) (err error) {
	if len(l.arg.Codes) > 0 {
		l.found, err = q.VisitorListForUpdate(ctx, db, l.arg)
	}
	return err
}

// check reads again, without what is known by heart, where that holds no more.
func (l *lookup) check(ctx context.Context, tx pg.Tx, t tenant.Tenant, visits []visit) error {
	for _, r := range l.codes {
		if r.version != t.CodesVersion {
			clear(l.codes)
			l.ask(t.ID, visits)
			return l.read(ctx, tx)
		}
	}
	return nil
}
