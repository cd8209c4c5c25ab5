package referral

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// visit is a click on its way through group commit.
type visit struct {
	NewClick
	traits
	ticket *once.Ticket
	to     *remembered // nil: the code is not known, or leads nowhere
	who    int64       // members.id of the referee; 0: nobody, or unknown
}

// lookup is the read of the codes and people that visits name, as far as it is not
// known by heart. It locks what binds the people to the campaigns, which guards their
// visits through any code.
type lookup struct {
	arg    query.VisitorListForUpdateParams
	codes  []query.VisitorListForUpdateRow // where they lead
	people []query.RefereeListForUpdateRow // those who are members
}

func lookUp(tenantID int64, visits []visit) *lookup {
	words := pg.Columns[string](3, len(visits))
	l := &lookup{arg: query.VisitorListForUpdateParams{TenantID: tenantID, Codes: words(), CampaignIds: words(), Referees: words()}}
	for _, v := range visits {
		campaign := ""
		if v.to != nil {
			if campaign = v.to.campaign; v.Referee == "" {
				continue
			}
		}
		l.arg.Codes = append(l.arg.Codes, v.Code)
		l.arg.CampaignIds = append(l.arg.CampaignIds, campaign)
		l.arg.Referees = append(l.arg.Referees, v.Referee)
	}
	return l
}

func (l *lookup) read(ctx context.Context, db query.DBTX) (err error) {
	a := l.arg
	switch {
	case len(a.Codes) == 0:
		return nil
	case !slices.Contains(a.CampaignIds, ""): // all known by heart
		l.people, err = q.RefereeListForUpdate(ctx, db, query.RefereeListForUpdateParams{TenantID: a.TenantID, Referees: a.Referees, CampaignIds: a.CampaignIds})
		return err
	}
	rows, err := q.VisitorListForUpdate(ctx, db, a)
	for _, r := range rows {
		if r.ID != uuid.Nil {
			l.codes = append(l.codes, r)
		}
		if r.MemberID != 0 {
			l.people = append(l.people, query.RefereeListForUpdateRow{
				Referee: r.Referee, CampaignID: r.CampaignID, MemberID: r.MemberID, BoundTo: r.BoundTo, ClickedAt: r.ClickedAt,
			})
		}
	}
	return err
}

// forget drops what visits know of their codes where some of it is of another version.
func forget(visits []visit, version int64) bool {
	if !slices.ContainsFunc(visits, func(v visit) bool { return v.to != nil && v.to.version != version }) {
		return false
	}
	for i := range visits {
		visits[i].to = nil
	}
	return true
}

// resolve tells visits where their codes lead, and who their referees are.
func (p *Programme) resolve(t tenant.Tenant, l *lookup, visits []visit) {
	learnt, people := map[string]*remembered{}, make(map[string]int64, len(l.people))
	for _, r := range l.codes {
		if learnt[r.Asked] == nil {
			learnt[r.Asked] = p.codes.learn(t, r)
		}
	}
	for _, r := range l.people {
		people[r.Referee] = r.MemberID
	}
	for i := range visits {
		v := &visits[i]
		if v.to == nil {
			v.to = learnt[v.Code]
		}
		v.who = people[v.Referee]
	}
}
