package crash

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/incent-dev/incent/internal/referral"
)

// programme is what the acknowledgements say of the referral half.
type programme struct {
	codes       map[string]*toldReferral // by code
	wishes      map[string]string        // codes by what was asked for
	clicks      map[string]toldClick     // by id
	conversions map[string]*deal         // by id
	grants      map[string]*grant        // by how they were earned: see earning
	claimed     map[string]toldReward    // by reward
	used        map[string]string        // keys by reward
}

func newProgramme() programme {
	return programme{
		codes: map[string]*toldReferral{}, wishes: map[string]string{}, clicks: map[string]toldClick{}, conversions: map[string]*deal{},
		grants: map[string]*grant{}, claimed: map[string]toldReward{}, used: map[string]string{},
	}
}

// read reads an acknowledgement of the Incenta or the management API.
func read[T any](e *entry) (t T, err error) { return t, json.Unmarshal(e.answer.Body, &t) }

// minor reads money as the APIs write it: always with two decimals.
func minor(n json.Number) int64 {
	value, err := strconv.ParseInt(strings.Replace(n.String(), ".", "", 1), 10, 64)
	if err != nil || !strings.Contains(n.String(), ".") {
		return -1 // equals no amount
	}
	return value
}

type toldCode struct {
	Code string `json:"referralCode"`
	ID   string `json:"referralId"`
}

// toldReferral is a code that was handed out.
type toldReferral struct {
	id, campaign, referrer, referee string
	made                            int // answers that say that it is new
}

func claimCode(c *claims, e *entry) error {
	t, err := read[toldCode](e)
	if err != nil {
		return err
	}
	p := &c.programme
	wish := e.Campaign + " " + e.Member + " " + e.Referee
	if before, asked := p.wishes[wish]; asked && before != t.Code {
		c.find(doubled, "%s got code %s and code %s", wish, before, t.Code)
	}
	p.wishes[wish] = t.Code
	if p.codes[t.Code] == nil {
		p.codes[t.Code] = &toldReferral{t.ID, e.Campaign, e.Member, e.Referee, 0}
	}
	told := p.codes[t.Code]
	if told.id != t.ID || told.campaign != e.Campaign || told.referrer != e.Member || told.referee != e.Referee {
		c.find(wrong, "key %s was answered with code %s of %+v", e.Key, t.Code, told)
	}
	if e.answer.Status == 201 {
		told.made++
	}
	return nil
}

type toldClick struct {
	code, referee string
	counted       bool
}

type answeredClick struct {
	ID      string `json:"clickId"`
	Code    string `json:"referralCode"`
	Counted bool
}

func claimClick(c *claims, e *entry) error {
	t, err := read[answeredClick](e)
	if err != nil {
		return err
	}
	if t.Code != e.Code {
		c.find(wrong, "key %s asked for code %s and was answered with %s", e.Key, e.Code, t.Code)
	}
	if _, twice := c.programme.clicks[t.ID]; twice {
		c.find(wrong, "two keys were answered with click %s", t.ID)
	}
	c.programme.clicks[t.ID] = toldClick{e.Code, e.Referee, t.Counted}
	return nil
}

type toldConversion struct {
	ID       string      `json:"conversionId"`
	Referral string      `json:"referralId"`
	Amount   json.Number `json:"rewardAmount"`
	Coins    int64       `json:"rewardCoins"`
	Created  bool        `json:"rewardCreated"`
	Status   string
	Reason   string
	Referee  string `json:"refereeId"`
	Referrer string `json:"referrerId"`
}

// deal is a conversion, and what became of it.
type deal struct {
	toldConversion
	key, code string
	minor     int64       // what it was worth
	refund    *toldRefund // nil: it was not refunded
	reviewed  string      // decision; "": none
}

func claimConversion(c *claims, e *entry) error {
	t, err := read[toldConversion](e)
	if err != nil {
		return err
	}
	if t.Referee != e.Referee {
		c.find(wrong, "key %s asked for %s and was answered about %s", e.Key, e.Referee, t.Referee)
	}
	if _, twice := c.programme.conversions[t.ID]; twice {
		c.find(wrong, "two keys were answered with conversion %s", t.ID)
	}
	c.programme.conversions[t.ID] = &deal{toldConversion: t, key: e.Key, code: e.Code, minor: e.Minor}
	return nil
}

type toldReward struct {
	ID         string `json:"rewardId"`
	Conversion string `json:"conversionId"`
	Role       string
	Status     string
	Coins      int64
	Discount   *string `json:"discountCode"`
	Coupon     *string `json:"couponCode"`
	ClaimedAt  *string `json:"claimedAt"` // nil: it had been paid by itself

	key string
}

func (t toldReward) code() string {
	switch {
	case t.Discount != nil:
		return *t.Discount
	case t.Coupon != nil:
		return *t.Coupon
	}
	return ""
}

// earning is how a reward was earned; there is one for each.
func earning(conversion, role string) string { return conversion + " " + role }

func claimReward(c *claims, e *entry) error {
	t, err := read[toldReward](e)
	if err != nil {
		return err
	}
	if t.ID != e.Reward {
		c.find(wrong, "key %s asked for reward %s and was answered with %s", e.Key, e.Reward, t.ID)
	}
	before, again := c.programme.claimed[t.ID]
	if again && before.code() != t.code() {
		c.find(doubled, "reward %s was claimed as code %q and as %q", t.ID, before.code(), t.code())
	}
	t.key = e.Key
	c.programme.claimed[t.ID] = t
	return nil
}

func claimUse(c *claims, e *entry) error {
	t, err := read[toldReward](e)
	if err != nil {
		return err
	}
	if e.Reward != "" && t.ID != e.Reward || e.Code != "" && t.code() != e.Code {
		c.find(wrong, "key %s asked for reward %q, code %q, and was answered with %s, %q", e.Key, e.Reward, e.Code, t.ID, t.code())
	}
	if before, twice := c.programme.used[t.ID]; twice {
		c.find(doubled, "reward %s was redeemed by key %s and by key %s", t.ID, before, e.Key)
	}
	c.programme.used[t.ID] = e.Key
	return nil
}

type toldRefund struct {
	Conversion string `json:"conversionId"`
	Rewards    []toldRefunded

	key string
}

type toldRefunded struct {
	Outcome  string
	Reversal *struct {
		Amount        int64
		FromAvailable int64
		Forgiven      int64
	}
	Reward struct{ Role string }
}

func claimRefund(c *claims, e *entry) error {
	t, err := read[toldRefund](e)
	if err != nil {
		return err
	}
	d := c.programme.conversions[e.Conversion]
	if d == nil || t.Conversion != e.Conversion {
		c.find(wrong, "key %s was answered with the refund of %s", e.Key, t.Conversion)
		return nil
	}
	if d.refund != nil {
		c.find(doubled, "conversion %s was refunded by key %s and by key %s", e.Conversion, d.refund.key, e.Key)
	}
	t.key = e.Key
	d.refund = &t
	return nil
}

func claimReview(c *claims, e *entry) error {
	t, err := read[struct{ Status, ConversionID string }](e)
	if err != nil {
		return err
	}
	d := c.programme.conversions[e.Conversion]
	if d == nil || t.ConversionID != e.Conversion || t.Status != map[string]string{approve: "approved", reject: "rejected"}[e.To] {
		c.find(wrong, "key %s was answered %v", e.Key, e.answer)
		return nil
	}
	if d.reviewed != "" && d.reviewed != e.To {
		c.find(wrong, "the case of conversion %s was decided both ways", e.Conversion)
	}
	d.reviewed = e.To
	return nil
}

// stands is the conversion's status after all that became of it.
func (d *deal) stands() string {
	switch {
	case d.refund != nil, d.reviewed == reject:
		return referral.ConversionRejected
	case d.reviewed == approve:
		return referral.ConversionCompleted
	}
	return d.Status
}

// The outcomes of acknowledged requests, for the report.

func codeOutcome(e *entry) string {
	if e.answer.Status == 201 {
		return "new"
	}
	return "there already"
}

func clickOutcome(e *entry) string {
	if t, err := read[answeredClick](e); err == nil && t.Counted {
		return "counted"
	}
	return "not counted"
}

func conversionOutcome(e *entry) string {
	t, err := read[toldConversion](e)
	switch {
	case err != nil:
		return "unreadable"
	case t.Created:
		return "rewarded " + t.Status
	}
	return t.Reason
}

func claimOutcome(e *entry) string {
	t, err := read[toldReward](e)
	switch {
	case err != nil:
		return "unreadable"
	case t.Coupon != nil:
		return "code of the pool"
	case t.Discount != nil:
		return "generated code"
	}
	return "no code"
}

func reviewOutcome(e *entry) string { return e.To }
