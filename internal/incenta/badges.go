package incenta

import (
	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/wire"
)

func earnedBadge(b incentive.EarnedBadge) gen.EarnedBadge {
	return gen.EarnedBadge{
		Id: b.PublicID(), Key: b.Key, Name: b.Name, Description: orNull(b.Description), ImageUrl: orNull(b.ImageURL),
		Source: gen.BadgeSource(b.Source), EarnedAt: wire.Millis(b.EarnedAt),
	}
}
