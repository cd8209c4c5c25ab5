package referral

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/batch"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
)

var q = query.New()

// Codes of this package's refusals.
const (
	CodeCampaignNotActive   = "campaign_not_active"
	CodeFraudBlocked        = "fraud_blocked"
	CodeRewardNotClaimable  = "reward_not_claimable"
	CodeRewardNotRedeemable = "reward_not_redeemable"
	CodeAlreadyRedeemed     = "already_redeemed"
	CodeAlreadyExists       = "already_exists"
	CodeInvalidTransition   = "invalid_transition"
	CodeMemberUnknown       = "member_unknown"
)

// Programme runs the referral programmes of all tenants. Make it with New;
// Close it.
type Programme struct {
	db        *pg.DB
	ledger    *ledger.Ledger
	incentive *incentive.Engine // what records fire
	secret    []byte            // under which addresses and devices are hashed
	clicks    *batch.Group[visit, Click]
	codes     codes // by heart
	seed      maphash.Seed
	lanes     uint64        // of clicks
	turn      atomic.Uint32 // of clicks: the next batch's shard of the totals
	turns     turns         // of conversions
}

// hashSecret names the server secret under which addresses and devices are hashed.
const hashSecret = "referral-hash"

// New makes the programme over an open database; points are paid through l, and
// actions fired through e.
func New(ctx context.Context, db *pg.DB, l *ledger.Ledger, e *incentive.Engine) (*Programme, error) {
	secret, err := pg.ServerSecret(ctx, db, hashSecret)
	if err != nil {
		return nil, err
	}
	p := &Programme{db: db, ledger: l, incentive: e, secret: secret, codes: newCodes(), seed: maphash.MakeSeed(), lanes: batch.Lanes()}
	p.turn.Store(uint32(maphash.String(p.seed, ""))) // two servers rarely meet
	p.clicks = batch.New(clickBatch, db.Turns(pg.Clicks), p.runClicks)
	return p, nil
}

// Close refuses new clicks and waits for those that wait, until ctx ends. Close
// it before the ledger.
func (p *Programme) Close(ctx context.Context) { p.clicks.Close(ctx) }

// CampaignState says whether a campaign takes part.
type CampaignState string

// The states of a campaign.
const (
	Active   CampaignState = "active"
	Paused   CampaignState = "paused"
	Archived CampaignState = "archived"
)

// Campaign says who is paid what for bringing whom.
type Campaign struct {
	ID          string
	Name        string
	State       CampaignState
	StartsAt    time.Time // zero: at once
	EndsAt      time.Time // zero: never; exclusive
	Version     int       // of Rule
	Rule        Rule
	BudgetMinor *int64 // nil: no limit
	SpentMinor  int64  // kept where there is a budget
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Runs tells whether the campaign takes clicks and conversions at an instant.
func (c Campaign) Runs(at time.Time) bool {
	return c.State == Active && !at.Before(c.StartsAt) && (c.EndsAt.IsZero() || at.Before(c.EndsAt))
}

// Review is what the scorer said of a referral or conversion.
type Review struct {
	Score   *int // nil: no signal fired
	Warning string
	Reasons []string
}

// The statuses of a referral.
const (
	ReferralPending   = "PENDING"
	ReferralCompleted = "COMPLETED"
)

// Referral is a code and its holder.
type Referral struct {
	ID          uuid.UUID
	CampaignID  string
	Code        string
	Referrer    string // the caller's id
	Referee     string // likewise; "": the code is for anybody
	Username    string
	Status      string // PENDING | COMPLETED
	Review      Review
	Clicks      int64
	Conversions int64
	CreatedAt   time.Time
	CompletedAt time.Time // zero: not yet
}

// The statuses of a conversion.
const (
	ConversionCompleted = "COMPLETED"
	ConversionFlagged   = "FLAGGED"
	ConversionRejected  = "REJECTED"
	ConversionExpired   = "EXPIRED"
)

// Conversion is what a referee did.
type Conversion struct {
	ID          uuid.UUID
	CampaignID  string
	ReferralID  uuid.UUID
	Code        string
	Referrer    string // the caller's id
	Referee     string // likewise
	Version     int    // of the rule that decided
	Status      string // COMPLETED | FLAGGED | REJECTED | EXPIRED
	Reason      string // why nothing was earned; "": something was
	AmountMinor *int64
	RewardMinor int64 // granted to the referrer
	RewardUnits int64 // likewise, in points
	Review      Review
	Metadata    json.RawMessage
	CreatedAt   time.Time
}

// Role says which side of a referral earned a reward.
type Role string

// The roles.
const (
	Referrer Role = "REFERRER"
	Referee  Role = "REFEREE"
)

// RewardStatus says where a reward stands.
type RewardStatus string

// The statuses of a reward.
const (
	RewardPending   RewardStatus = "PENDING"
	RewardApproved  RewardStatus = "APPROVED"
	RewardPaid      RewardStatus = "PAID"
	RewardCancelled RewardStatus = "CANCELLED"
)

// Reward is something earned.
type Reward struct {
	ID           uuid.UUID
	CampaignID   string
	ReferralID   uuid.UUID
	ConversionID uuid.UUID
	Member       string // the caller's id
	Role         Role
	Version      int // of the rule that made it
	Fulfilment   Fulfilment
	Status       RewardStatus
	ValueMinor   int64
	Asset        ledger.Asset
	Units        int64     // 0: pays no points
	HeldUntil    time.Time // zero: no hold, or until a case is reviewed
	PoolID       string    // "": codes are generated
	Code         string    // "": not claimed, or hands out none
	TransferSeq  int64     // the award that paid it; 0: none
	CreatedAt    time.Time
	UpdatedAt    time.Time
	ClaimedAt    time.Time // zero: not yet
	RedeemedAt   time.Time // zero: not yet

	member int64
}

const wholeDay = 24 * time.Hour

// Public ids.
const (
	referralPrefix   = "ref_"
	clickPrefix      = "click_"
	conversionPrefix = "conv_"
	rewardPrefix     = "rwd_"
	casePrefix       = "case_"
)

// PublicID renders the referral's id.
func (r Referral) PublicID() string { return id.UUID(referralPrefix, r.ID) }

// PublicID renders the conversion's id.
func (c Conversion) PublicID() string { return id.UUID(conversionPrefix, c.ID) }

// PublicID renders the reward's id.
func (r Reward) PublicID() string { return id.UUID(rewardPrefix, r.ID) }
