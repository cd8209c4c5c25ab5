package incenta

import (
	"context"

	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/wire"
)

// ListMilestones lists what members reached, newest first.
func (a *API) ListMilestones(ctx context.Context, r gen.ListMilestonesRequestObject) (gen.ListMilestonesResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	list, total, err := a.incentive.Achieved(ctx, httpapi.Caller(ctx).Tenant, incentive.AchievedFilter{
		Member: orEmpty(r.Params.UserId), Key: orEmpty(r.Params.MilestoneKey), Limit: limit, Skip: (page - 1) * limit,
	})
	if err != nil {
		return nil, err
	}
	return gen.ListMilestones200JSONResponse{Body: gen.MilestonePage{Data: views(list, milestone), Pagination: pagination(page, limit, total)}}, nil
}

func milestone(m incentive.Achieved) gen.Milestone {
	return gen.Milestone{
		Id: m.PublicID(), UserId: m.Member, Key: m.Key, Name: m.Name, Type: gen.MilestoneType(m.Type), Threshold: m.Threshold, Coins: m.Coins,
		BadgeKey: orNull(m.BadgeKey), AchievedAt: wire.Millis(m.At),
	}
}
