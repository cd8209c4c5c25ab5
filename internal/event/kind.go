package event

import (
	"maps"
	"slices"
)

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

// Facade is whose callers hear of a kind, and so how its data is written.
type Facade string

// The facades. Nobody's callers in particular hear of what concerns operators.
const (
	Incenta    Facade = "incenta"
	Incentable Facade = "incentable"
	Operators  Facade = ""
)

// name is a kind on the wire. Those in capitals are Incenta's.
type name struct {
	text   string
	facade Facade
}

var names = map[Kind]name{
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

	CodePoolEmpty:    {"code_pool.empty", Operators},
	EndpointDisabled: {"endpoint.disabled", Operators},
}

// String is the kind's name on the wire.
func (k Kind) String() string { return names[k].text }

// Facade tells whose callers hear of the kind.
func (k Kind) Facade() Facade { return names[k].facade }

// Kinds lists every kind, in the order of their values.
func Kinds() []Kind { return slices.Sorted(maps.Keys(names)) }

// ParseKind finds a kind by its name on the wire.
func ParseKind(text string) (Kind, bool) {
	for k, n := range names {
		if n.text == text {
			return k, true
		}
	}
	return 0, false
}
