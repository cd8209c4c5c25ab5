package incenta

import (
	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/wire"
)

func milestone(m incentive.Achieved) gen.Milestone {
	return gen.Milestone{
		Id: m.PublicID(), UserId: m.Member, Key: m.Key, Name: m.Name, Type: gen.MilestoneType(m.Type), Threshold: m.Threshold, Coins: m.Coins,
		BadgeKey: orNull(m.BadgeKey), AchievedAt: wire.Millis(m.At),
	}
}
