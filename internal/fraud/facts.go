package fraud

import (
	"math"
	"time"
)

// Kind is what is being judged.
type Kind uint8

// The zero Kind is a creation, which fewer signals look at.
const (
	Creation   Kind = iota // a referral code is made, with or without a referee named
	Conversion             // a referee does what the campaign pays for
)

// RingMax is the longest ring looked for: A refers B, B refers C, C refers D,
// D refers A. It bounds the walk that finds Facts.Ring to three look-ups.
const RingMax = 4

// CountMax is where gathering may stop counting for OtherCodes, NetworkOthers
// and DeviceOthers: no signal tells more apart.
const CountMax = 50

// Facts is everything the scorer may look at. All counts leave out the thing
// being judged. The zero value of a field means that nothing is known.
type Facts struct {
	Kind Kind

	// At is the instant of the thing judged, the transaction's own.
	At time.Time

	// Ids as the caller gave them. RefereeID is empty on the creation of a code
	// that is for anybody.
	ReferrerID, RefereeID string

	// Mailboxes as the caller wrote them; the newest one known of each side. An
	// id that is an e-mail address stands in for a missing one.
	ReferrerEmail, RefereeEmail string

	// Listed has one entry per entry of the tenant's block lists that matched.
	Listed []Listing

	// Of the referrer, over all campaigns of the tenant, in the 24 h before At.
	// Hour buckets are exact enough.
	Referrals24h   int64 // referral codes created, those for a named referee included
	Clicks24h      int64 // counted clicks on any of the referrer's codes
	Conversions24h int64 // conversions by any of the referrer's codes, whatever became of them

	// LastClick is when this referee last clicked this code, zero if never.
	LastClick time.Time
	// LastAnonymousClick is when anybody last clicked this code without a
	// refereeId, zero if never: callers need not say who clicks.
	LastAnonymousClick time.Time

	// Ring is the length of the ring that this referral closes: 2 where the
	// referee has referred the referrer, 3 or RingMax where it has done so through
	// others, 0 where there is none. Walk from the referrer to who referred them in
	// this campaign, and on, at most RingMax-1 steps, until the referee is met.
	// Referred means named in a referral, or converted, whichever came first.
	Ring int

	// OtherCodes is how many other codes of this campaign this referee was named
	// in, clicked on or converted by, in the 90 days before At.
	OtherCodes int64

	// What the referee's request shares with the referrer: whether the referrer
	// was seen in the 30 days before At (creating, clicking or converting) on the
	// same network, on that network with the same user agent, on the same device.
	// On a creation there is no request of the referee's, so these are false.
	SharedNetwork, SharedAgent, SharedDevice bool

	// NetworkOthers counts members other than these two that clicked or converted
	// on the referee's network in the 24 h before At.
	NetworkOthers int64
	// DeviceOthers counts members other than these two that clicked or converted
	// on the referee's device in the 30 days before At. Longer than for a network,
	// since a device stays with its owner.
	DeviceOthers int64

	// AmountMinor is the conversion's amount in minor units; 0 where none came.
	AmountMinor int64
	// Amounts describes the campaign's earlier conversions that came out clean and
	// had an amount above 0.
	Amounts Moments

	// Of the campaign, in the 24 h before At: counted clicks and conversions.
	CampaignClicks24h, CampaignConversions24h int64
}

// Side says whose trait matched a block list.
type Side string

// The two sides of a referral.
const (
	Referrer Side = "referrer"
	Referee  Side = "referee"
)

// Listing is one match of a block list. List is the kind of trait, a word of
// the caller's choice that may be shown: member, email, domain, network, device.
type Listing struct {
	Side Side
	List string
}

// Moments are the running count, mean and sum of squared deviations (Welford)
// of the natural logarithm of amounts in minor units. Logarithms, because order
// values spread by factors: on the plain scale every honest large order would be
// an outlier. They are statistics, not money, so floats may carry them.
type Moments struct {
	N        int64
	Mean, M2 float64
}

// Add returns the moments with one more amount; amounts of 0 or less change
// nothing.
func (m Moments) Add(amountMinor int64) Moments {
	if amountMinor <= 0 {
		return m
	}
	x := math.Log(float64(amountMinor))
	m.N++
	delta := x - m.Mean
	m.Mean += delta / float64(m.N)
	m.M2 += delta * (x - m.Mean)
	return m
}

// deviation tells by how many standard deviations an amount exceeds the mean.
// It is false while there is too little to compare with.
func (m Moments) deviation(amountMinor int64) (float64, bool) {
	if amountMinor <= 0 || m.N < outlierSample {
		return 0, false
	}
	spread := math.Max(math.Sqrt(m.M2/float64(m.N-1)), outlierSpread)
	return (math.Log(float64(amountMinor)) - m.Mean) / spread, true
}
