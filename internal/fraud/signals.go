package fraud

import "strconv"

// grade says how clearly a signal shows, in percent of its weight.
type grade int

const (
	none   grade = 0
	trace  grade = 20
	faint  grade = 50
	plain  grade = 100
	strong grade = 200
)

// What is not worth a setting per campaign.
const (
	clicksMany    = 5  // clicks this many times over the limit show strongly,
	manyTimes     = 20 // so do referrals and conversions; an influencer has days of ten times
	clicksEach    = 30 // clicks per conversion that people make; robots click and do not buy
	crowdHome     = 2  // at the referrer's own network half the limit is a crowd
	deviceMany    = 3  // other members on one device, beyond a family's tablet
	codesFaint    = 2  // other codes of one campaign: one is a friend of two members
	codesPlain    = 3
	codesStrong   = 6
	outlierSample = 30   // amounts needed before any is unusual
	outlierSpread = 0.25 // least standard deviation of log amounts: a campaign of one price has none
	outlierPlain  = 3.5  // standard deviations
	outlierStrong = 5.0
	rateSample    = 30 // conversions in the window before a rate means anything
	ratePercent   = 80 // conversions per 100 clicks
)

// evidence is what a reviewer needs to see; keys are stable.
type evidence = map[string]any

// signal is one row of the table. conversions: it looks at conversions only.
type signal struct {
	signal      Signal
	conversions bool
	judge       func(*Facts, *Limits) (grade, evidence)
}

// table is in the order of the spec's list.
var table = []signal{
	{SelfReferral, false, selfReferral},
	{EmailMatch, false, emailMatch},
	{EmailSimilar, false, emailSimilar},
	{DisposableEmail, false, disposableEmail},
	{BlockListed, false, blockListed},
	{VelocityReferrals, false, velocityReferrals},
	{VelocityClicks, true, velocityClicks},
	{VelocityConversions, true, velocityConversions},
	{FastConversion, true, fastConversion},
	{NoClick, true, noClick},
	{Reciprocal, false, reciprocal},
	{Ring, false, ring},
	{MultipleCodes, false, multipleCodes},
	{AmountOutlier, true, amountOutlier},
	{RateAnomaly, true, rateAnomaly},
	{SameNetwork, true, sameNetwork},
	{SameDevice, true, sameDevice},
}

// selfReferral catches a member who uses their own code. Wrongs nobody but a
// caller's own test traffic.
func selfReferral(f *Facts, _ *Limits) (grade, evidence) {
	if f.ReferrerID == "" || f.ReferrerID != f.RefereeID {
		return none, nil
	}
	return plain, evidence{"sameId": true}
}

// emailMatch catches a second account on the same mailbox: other letter case,
// plus tags, Gmail's dots. Wrongs couples with one mailbox between them, and the
// few servers where a plus sign is an ordinary character.
func emailMatch(f *Facts, _ *Limits) (grade, evidence) {
	mail := NormalEmail(f.RefereeEmail)
	if mail == "" || mail != NormalEmail(f.ReferrerEmail) {
		return none, nil
	}
	return plain, mails(f)
}

// emailSimilar catches mailboxes made in series (anna1, anna2) and one person's
// name at two providers. Wrongs relatives: father and son of one name, siblings
// an initial apart; the latter therefore weigh a fifth.
func emailSimilar(f *Facts, _ *Limits) (grade, evidence) {
	how := similarity(NormalEmail(f.ReferrerEmail), NormalEmail(f.RefereeEmail))
	if how == "" {
		return none, nil
	}
	seen := mails(f)
	seen["how"] = how
	if how == initial {
		return trace, seen
	}
	return plain, seen
}

// disposableEmail catches throw-away mailboxes, the cheapest second identity
// there is. Wrongs people who want no newsletter; the list has errors too.
func disposableEmail(f *Facts, _ *Limits) (grade, evidence) {
	seen := evidence{}
	for _, side := range []struct {
		side Side
		mail string
	}{{Referrer, f.ReferrerEmail}, {Referee, f.RefereeEmail}} {
		if domain := EmailDomain(side.mail); Disposable(domain) {
			seen[string(side.side)+"Domain"] = domain
		}
	}
	if len(seen) == 0 {
		return none, nil
	}
	return plain, seen
}

// blockListed catches who was turned away before. Wrongs whoever inherits a
// listed address: carriers hand the same one to others.
func blockListed(f *Facts, _ *Limits) (grade, evidence) {
	if len(f.Listed) == 0 {
		return none, nil
	}
	seen := evidence{}
	for _, l := range f.Listed {
		seen[string(l.Side)+"."+l.List] = true
	}
	return plain, seen
}

// velocityReferrals catches scripts that make codes or name harvested ids.
// Wrongs members who invite a whole address book.
func velocityReferrals(f *Facts, l *Limits) (grade, evidence) {
	if f.Kind != Creation { // judged when it was made; its case holds what it earns
		return none, nil
	}
	return over(f.Referrals24h, l.Referrals24h, manyTimes)
}

// velocityClicks catches bought or robotic clicks, and clicks injected into
// other people's visits. It is silent where conversions keep up with the clicks,
// so as not to count a good day twice. Wrongs the influencer whose readers look
// and do not buy.
func velocityClicks(f *Facts, l *Limits) (grade, evidence) {
	if f.Clicks24h/clicksEach < f.Conversions24h {
		return none, nil
	}
	return over(f.Clicks24h, l.Clicks24h, clicksMany)
}

// velocityConversions catches accounts made by the dozen. Wrongs the influencer,
// and the club whose members all sign up in one evening.
func velocityConversions(f *Facts, l *Limits) (grade, evidence) {
	return over(f.Conversions24h, l.Conversions24h, manyTimes)
}

func over(count, limit, many int64) (grade, evidence) {
	seen := evidence{"count24h": count, "limit": limit}
	switch {
	case count < limit:
		return none, nil
	case count/many >= limit:
		return strong, seen
	default:
		return plain, seen
	}
}

// fastConversion catches robots, and clicks injected just before a purchase
// that would have happened anyway. Wrongs shops that report the click and the
// conversion together, at the checkout where a code was typed.
func fastConversion(f *Facts, l *Limits) (grade, evidence) {
	if f.LastClick.IsZero() || f.LastClick.After(f.At) {
		return none, nil
	}
	since := f.At.Sub(f.LastClick)
	if since > l.Fast {
		return none, nil
	}
	return plain, evidence{"secondsAfterClick": since.Seconds(), "limitSeconds": l.Fast.Seconds()}
}

// noClick catches conversions that were posted without anybody following a
// link. Wrongs whoever types a code that a friend told them, which is common, so
// it weighs little.
func noClick(f *Facts, _ *Limits) (grade, evidence) {
	if !f.LastClick.IsZero() || !f.LastAnonymousClick.IsZero() {
		return none, nil
	}
	return plain, evidence{"clicks": int64(0)}
}

// reciprocal catches two members who refer each other. Wrongs nobody in a
// campaign for new customers; friends in a campaign that is open to all.
func reciprocal(f *Facts, _ *Limits) (grade, evidence) {
	if f.Ring != 2 {
		return none, nil
	}
	return plain, evidence{"length": int64(2)}
}

// ring catches three or four members who refer each other in a circle. Wrongs
// a circle of friends in a campaign that is open to all.
func ring(f *Facts, _ *Limits) (grade, evidence) {
	if f.Ring < 3 || f.Ring > RingMax {
		return none, nil
	}
	return plain, evidence{"length": int64(f.Ring)}
}

// multipleCodes catches one person who collects the referee's side of many
// codes. Wrongs who has several friends in the programme, or follows links on a
// page of coupons.
func multipleCodes(f *Facts, _ *Limits) (grade, evidence) {
	seen := evidence{"otherCodes": f.OtherCodes}
	switch {
	case f.OtherCodes >= codesStrong:
		return strong, seen
	case f.OtherCodes >= codesPlain:
		return plain, seen
	case f.OtherCodes >= codesFaint:
		return faint, seen
	default:
		return none, nil
	}
}

// amountOutlier catches invented orders where the reward is a share of the
// amount. Wrongs the one large honest order, the more so the more alike all
// others are.
func amountOutlier(f *Facts, _ *Limits) (grade, evidence) {
	z, known := f.Amounts.deviation(f.AmountMinor)
	if !known || z < outlierPlain {
		return none, nil
	}
	seen := evidence{"deviations": round1(z), "amountMinor": f.AmountMinor, "sample": f.Amounts.N}
	if z >= outlierStrong {
		return strong, seen
	}
	return plain, seen
}

// rateAnomaly catches a campaign in which hardly anybody who arrives does not
// convert. Wrongs every conversion of a campaign whose codes are spoken rather
// than clicked, so it weighs little.
func rateAnomaly(f *Facts, _ *Limits) (grade, evidence) {
	clicks, conversions := f.CampaignClicks24h, f.CampaignConversions24h
	if conversions < rateSample || float64(conversions)*100 <= float64(clicks)*ratePercent {
		return none, nil
	}
	return plain, evidence{"clicks24h": clicks, "conversions24h": conversions}
}

// sameNetwork catches second accounts at the referrer's own connection, and
// farms of accounts behind one address. Wrongs families, colleagues, campuses,
// and carriers that put thousands behind one address.
func sameNetwork(f *Facts, l *Limits) (grade, evidence) {
	crowded := f.NetworkOthers >= l.NetworkOthers
	crowdedAtHome := f.SharedNetwork && f.NetworkOthers*crowdHome >= l.NetworkOthers
	seen := evidence{"sharedWithReferrer": f.SharedNetwork, "others24h": f.NetworkOthers}
	switch {
	case crowdedAtHome:
		return strong, seen
	case f.SharedNetwork || crowded:
		return plain, seen
	default:
		return none, nil
	}
}

// sameDevice catches second accounts on one phone or browser. Wrongs a family
// with one tablet, and, where only network and user agent agree (a
// fifth of the weight), two people of one household with the same phone.
func sameDevice(f *Facts, _ *Limits) (grade, evidence) {
	seen := evidence{"sharedWithReferrer": f.SharedDevice, "others30d": f.DeviceOthers}
	switch {
	case f.DeviceOthers >= deviceMany:
		return strong, seen
	case f.SharedDevice:
		return plain, seen
	case f.SharedAgent:
		return trace, evidence{"sameNetworkAndAgent": true}
	default:
		return none, nil
	}
}

// mails shows both mailboxes, masked.
func mails(f *Facts) evidence {
	return evidence{"referrer": Mask(f.ReferrerEmail), "referee": Mask(f.RefereeEmail)}
}

// round1 keeps evidence readable, and its text the same on every machine.
func round1(x float64) float64 {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'f', 1, 64), 64)
	if err != nil {
		return x
	}
	return y
}
