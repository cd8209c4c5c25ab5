package fraud

import (
	"sort"
	"time"
)

// world is the server in small: it plays calls in time order and gathers Facts
// from what came before, as the queries of package referral do from tables.
type world struct {
	codes      map[string]bool           // codes created
	created    map[string][]time.Time    // referrer: creations
	clicks     map[string][]time.Time    // referrer: clicks
	converted  map[string][]time.Time    // referrer: conversions
	lastClick  map[[2]string]time.Time   // code, referee
	lastNobody map[string]time.Time      // code: last anonymous click
	referredBy map[campaignMember]string // first to name or convert
	codesOf    map[campaignMember]map[string]time.Time
	seen       map[string]map[string]time.Time // network, network and agent, or device: member: last
	referees   map[string]map[string]time.Time // the same, clicks and conversions alone
	amounts    map[int]Moments
	campaign   map[int]*struct{ clicks, conversions []time.Time }
	listed     map[string]bool // "network 198.51.100.4"
}

type campaignMember struct {
	campaign int
	member   string
}

func newWorld(listed map[string]bool) *world {
	return &world{
		codes: map[string]bool{}, created: map[string][]time.Time{}, clicks: map[string][]time.Time{},
		converted: map[string][]time.Time{}, lastClick: map[[2]string]time.Time{}, lastNobody: map[string]time.Time{},
		referredBy: map[campaignMember]string{}, codesOf: map[campaignMember]map[string]time.Time{},
		seen: map[string]map[string]time.Time{}, referees: map[string]map[string]time.Time{},
		amounts: map[int]Moments{}, campaign: map[int]*struct{ clicks, conversions []time.Time }{}, listed: listed,
	}
}

// origin is what a request tells of where it comes from; empty is unknown.
type origin struct{ network, agent, device string }

func (o origin) keys() (network, agent, device string) {
	if o.network != "" {
		network = "n " + o.network
		if o.agent != "" {
			agent = "a " + o.network + " " + o.agent
		}
	}
	if o.device != "" {
		device = "d " + o.device
	}
	return network, agent, device
}

// call is one request.
type call struct {
	at       time.Time
	do       byte // 'r' referral, 'c' click, 'v' conversion
	label    int  // index of the referral it belongs to, or -1
	campaign int
	code     string
	referrer member
	referee  member // empty id: nobody named
	from     origin
	amount   int64
}

const day = 24 * time.Hour

// play makes the call happen, and judges it where it is one that is judged.
func (w *world) play(c call) (Verdict, bool) {
	if w.campaign[c.campaign] == nil {
		w.campaign[c.campaign] = &struct{ clicks, conversions []time.Time }{}
	}
	switch c.do {
	case 'r':
		if w.codes[c.code] {
			return Verdict{}, false // the open code once more
		}
		verdict := Score(w.gather(c, Creation), Policy{})
		w.codes[c.code] = true
		w.created[c.referrer.id] = append(w.created[c.referrer.id], c.at)
		w.see(w.seen, c.from, c.referrer.id, c.at)
		w.attribute(c)
		return verdict, true
	case 'c':
		w.click(c)
		return Verdict{}, false
	default:
		verdict := Score(w.gather(c, Conversion), Policy{})
		w.converted[c.referrer.id] = append(w.converted[c.referrer.id], c.at)
		campaign := w.campaign[c.campaign]
		campaign.conversions = append(campaign.conversions, c.at)
		w.see(w.seen, c.from, c.referee.id, c.at)
		w.see(w.referees, c.from, c.referee.id, c.at)
		w.attribute(c)
		if verdict.Outcome == Clean {
			w.amounts[c.campaign] = w.amounts[c.campaign].Add(c.amount)
		}
		return verdict, true
	}
}

func (w *world) click(c call) {
	if c.referee.id == "" {
		w.lastNobody[c.code] = c.at
	} else {
		key := [2]string{c.code, c.referee.id}
		repeated := c.at.Sub(w.lastClick[key]) < day
		w.lastClick[key] = c.at
		w.see(w.seen, c.from, c.referee.id, c.at)
		w.see(w.referees, c.from, c.referee.id, c.at)
		w.touch(c)
		if repeated {
			return // stored, not counted
		}
	}
	w.clicks[c.referrer.id] = append(w.clicks[c.referrer.id], c.at)
	campaign := w.campaign[c.campaign]
	campaign.clicks = append(campaign.clicks, c.at)
}

// attribute remembers who referred whom.
func (w *world) attribute(c call) {
	if c.referee.id == "" {
		return
	}
	w.touch(c)
	key := campaignMember{c.campaign, c.referee.id}
	if _, known := w.referredBy[key]; !known {
		w.referredBy[key] = c.referrer.id
	}
}

func (w *world) touch(c call) {
	key := campaignMember{c.campaign, c.referee.id}
	if w.codesOf[key] == nil {
		w.codesOf[key] = map[string]time.Time{}
	}
	w.codesOf[key][c.code] = c.at
}

func (w *world) see(where map[string]map[string]time.Time, from origin, who string, at time.Time) {
	network, agent, device := from.keys()
	for _, key := range []string{network, agent, device} {
		if key == "" {
			continue
		}
		if where[key] == nil {
			where[key] = map[string]time.Time{}
		}
		where[key][who] = at
	}
}

func (w *world) gather(c call, kind Kind) Facts {
	f := Facts{
		Kind: kind, At: c.at,
		ReferrerID: c.referrer.id, RefereeID: c.referee.id,
		ReferrerEmail: c.referrer.email, RefereeEmail: c.referee.email,
		Referrals24h: since(w.created[c.referrer.id], c.at),
		Listed:       w.listings(c),
	}
	if c.referee.id != "" {
		f.Ring = w.ring(c)
		for code, at := range w.codesOf[campaignMember{c.campaign, c.referee.id}] {
			if code != c.code && c.at.Sub(at) <= 90*day {
				f.OtherCodes++
			}
		}
	}
	if kind == Creation {
		return f
	}
	f.Clicks24h = since(w.clicks[c.referrer.id], c.at)
	f.Conversions24h = since(w.converted[c.referrer.id], c.at)
	f.LastClick = w.lastClick[[2]string{c.code, c.referee.id}]
	f.LastAnonymousClick = w.lastNobody[c.code]
	network, agent, device := c.from.keys()
	f.SharedNetwork = w.met(network, c)
	f.SharedAgent = w.met(agent, c)
	f.SharedDevice = w.met(device, c)
	f.NetworkOthers = w.others(network, c, day)
	f.DeviceOthers = w.others(device, c, 30*day)
	f.AmountMinor, f.Amounts = c.amount, w.amounts[c.campaign]
	campaign := w.campaign[c.campaign]
	f.CampaignClicks24h = since(campaign.clicks, c.at)
	f.CampaignConversions24h = since(campaign.conversions, c.at)
	return f
}

// since counts the instants of the last 24 h; the slices are in time order.
func since(times []time.Time, at time.Time) int64 {
	from := at.Add(-day)
	return int64(len(times) - sort.Search(len(times), func(i int) bool { return !times[i].Before(from) }))
}

func (w *world) ring(c call) int {
	who := c.referrer.id
	for length := 2; length <= RingMax; length++ {
		above, known := w.referredBy[campaignMember{c.campaign, who}]
		if !known {
			return 0
		}
		if above == c.referee.id {
			return length
		}
		who = above
	}
	return 0
}

// met tells whether the referrer was seen there.
func (w *world) met(key string, c call) bool {
	at, seen := w.seen[key][c.referrer.id]
	return key != "" && seen && c.at.Sub(at) <= 30*day
}

func (w *world) others(key string, c call, window time.Duration) int64 {
	var count int64
	for who, at := range w.referees[key] {
		if who != c.referrer.id && who != c.referee.id && c.at.Sub(at) <= window {
			count++
		}
	}
	return min(count, CountMax)
}

func (w *world) listings(c call) []Listing {
	var hits []Listing
	look := func(side Side, list, value string) {
		if value != "" && w.listed[list+" "+value] {
			hits = append(hits, Listing{side, list})
		}
	}
	requester := Referee
	if c.do == 'r' {
		requester = Referrer
	}
	look(requester, "network", c.from.network)
	look(requester, "device", c.from.device)
	for _, side := range []struct {
		side Side
		who  member
	}{{Referrer, c.referrer}, {Referee, c.referee}} {
		look(side.side, "email", NormalEmail(side.who.email))
		look(side.side, "domain", EmailDomain(side.who.email))
	}
	return hits
}
