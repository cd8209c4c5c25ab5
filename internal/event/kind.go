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

// kinds are the names on the wire. Those in capitals are Incenta's, those with a
// dot Incentable's or nobody's in particular.
var kinds = map[Kind]string{
	PointsAwarded:  "points.awarded",
	PointsDeducted: "points.deducted",
	PointsExpiring: "points.expiring",
	PointsExpired:  "points.expired",
	MemberCreated:  "member.created",
	MemberUpdated:  "member.updated",
	RewardRedeemed: "reward.redeemed",
	OrderCreated:   "order.created",
	OrderUpdated:   "order.updated",
	OrderShipped:   "order.shipped",
	OrderCompleted: "order.completed",
	OrderCancelled: "order.cancelled",

	ReferralCreated:            "REFERRAL_CREATED",
	ReferralClicked:            "REFERRAL_CLICKED",
	ReferralConverted:          "REFERRAL_CONVERTED",
	RewardCreated:              "REWARD_CREATED",
	RewardClaimed:              "REWARD_CLAIMED",
	IncentaRewardRedeemed:      "REWARD_REDEEMED",
	UsageLimitExceeded:         "USAGE_LIMIT_EXCEEDED",
	IncentiveEventRecorded:     "INCENTIVE_EVENT_RECORDED",
	IncentiveLevelUp:           "INCENTIVE_LEVEL_UP",
	IncentiveBadgeEarned:       "INCENTIVE_BADGE_EARNED",
	IncentiveItemRedeemed:      "INCENTIVE_ITEM_REDEEMED",
	IncentiveItemFulfilled:     "INCENTIVE_ITEM_FULFILLED",
	IncentiveMilestoneReached:  "INCENTIVE_MILESTONE_REACHED",
	MarketplaceProfileCreated:  "MARKETPLACE_PROFILE_CREATED",
	MarketplaceProfileVerified: "MARKETPLACE_PROFILE_VERIFIED",
	MarketplaceListingRedeemed: "MARKETPLACE_LISTING_REDEEMED",

	CodePoolEmpty:    "code_pool.empty",
	EndpointDisabled: "endpoint.disabled",
}

// String is the kind's name on the wire.
func (k Kind) String() string { return kinds[k] }
