package event

// Kind is what happened. The values are stored: they are never renumbered.
type Kind int16

// What Incentable's callers hear of.
const (
	PointsAwarded  Kind = 1
	PointsDeducted Kind = 2
	PointsExpiring Kind = 3
	PointsExpired  Kind = 4
	MemberCreated  Kind = 5
	MemberUpdated  Kind = 6
	RewardRedeemed Kind = 7
	OrderCreated   Kind = 8
	OrderUpdated   Kind = 9
	OrderShipped   Kind = 10
	OrderCompleted Kind = 11
	OrderCancelled Kind = 12
)

// What Incenta's callers hear of.
const (
	ReferralCreated            Kind = 21
	ReferralClicked            Kind = 22
	ReferralConverted          Kind = 23
	RewardCreated              Kind = 24
	RewardClaimed              Kind = 25
	IncentaRewardRedeemed      Kind = 26
	UsageLimitExceeded         Kind = 27
	IncentiveEventRecorded     Kind = 28
	IncentiveLevelUp           Kind = 29
	IncentiveBadgeEarned       Kind = 30
	IncentiveItemRedeemed      Kind = 31
	IncentiveItemFulfilled     Kind = 32
	IncentiveMilestoneReached  Kind = 33
	MarketplaceProfileCreated  Kind = 34
	MarketplaceProfileVerified Kind = 35
	MarketplaceListingRedeemed Kind = 36
)

// What operators hear of, whatever facade they use.
const (
	CodePoolEmpty    Kind = 41
	EndpointDisabled Kind = 42
)

// Facade is whose style an event is told in.
type Facade string

// The facades. An event of neither is told in whatever style is asked for.
const (
	Incenta    Facade = "incenta"
	Incentable Facade = "incentable"
	Either     Facade = ""
)

var kinds = map[Kind]struct {
	name   string
	facade Facade
}{
	PointsAwarded:  {"points.awarded", Incentable},
	PointsDeducted: {"points.deducted", Incentable},
	PointsExpiring: {"points.expiring", Incentable},
	PointsExpired:  {"points.expired", Incentable},
	MemberCreated:  {"member.created", Incentable},
	MemberUpdated:  {"member.updated", Incentable},
	RewardRedeemed: {"reward.redeemed", Incentable},
	OrderCreated:   {"order.created", Incentable},
	OrderUpdated:   {"order.updated", Incentable},
	OrderShipped:   {"order.shipped", Incentable},
	OrderCompleted: {"order.completed", Incentable},
	OrderCancelled: {"order.cancelled", Incentable},

	ReferralCreated:            {"REFERRAL_CREATED", Incenta},
	ReferralClicked:            {"REFERRAL_CLICKED", Incenta},
	ReferralConverted:          {"REFERRAL_CONVERTED", Incenta},
	RewardCreated:              {"REWARD_CREATED", Incenta},
	RewardClaimed:              {"REWARD_CLAIMED", Incenta},
	IncentaRewardRedeemed:      {"REWARD_REDEEMED", Incenta},
	UsageLimitExceeded:         {"USAGE_LIMIT_EXCEEDED", Incenta},
	IncentiveEventRecorded:     {"INCENTIVE_EVENT_RECORDED", Incenta},
	IncentiveLevelUp:           {"INCENTIVE_LEVEL_UP", Incenta},
	IncentiveBadgeEarned:       {"INCENTIVE_BADGE_EARNED", Incenta},
	IncentiveItemRedeemed:      {"INCENTIVE_ITEM_REDEEMED", Incenta},
	IncentiveItemFulfilled:     {"INCENTIVE_ITEM_FULFILLED", Incenta},
	IncentiveMilestoneReached:  {"INCENTIVE_MILESTONE_REACHED", Incenta},
	MarketplaceProfileCreated:  {"MARKETPLACE_PROFILE_CREATED", Incenta},
	MarketplaceProfileVerified: {"MARKETPLACE_PROFILE_VERIFIED", Incenta},
	MarketplaceListingRedeemed: {"MARKETPLACE_LISTING_REDEEMED", Incenta},

	CodePoolEmpty:    {"code_pool.empty", Either},
	EndpointDisabled: {"endpoint.disabled", Either},
}

// String is the kind's name on the wire.
func (k Kind) String() string { return kinds[k].name }

// Facade is whose event it is.
func (k Kind) Facade() Facade { return kinds[k].facade }

// Named is the kind of a name; false where there is none.
func Named(name string) (Kind, bool) {
	for k, n := range kinds {
		if n.name == name {
			return k, true
		}
	}
	return 0, false
}
