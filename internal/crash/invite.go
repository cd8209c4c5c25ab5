package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/tenant"
)

// What is asked of the Incenta API, and of the management API in its wake.

// stranger is a code that nobody has: codes have no I.
const stranger = "IIIIIIII"

func drawRefer(d *draft) *entry {
	asked := entry{Member: d.member(), Campaign: campaigns[d.IntN(len(campaigns))].id}
	body := map[string]any{"campaignId": asked.Campaign, "referrerId": asked.Member, "referrerUsername": "A. Member"}
	if d.once(3) {
		asked.Referee = d.friend()
		body["refereeId"] = asked.Referee
	}
	return post("/referrals", body, asked)
}

// friend draws somebody who is referred: somebody new, one of a few, any member.
func (d *draft) friend() string {
	switch d.IntN(3) {
	case 0:
		return fmt.Sprintf("friend-%d-%d", d.client, d.nth)
	case 1:
		return fmt.Sprintf("member-%d", favourites+d.IntN(favourites))
	}
	return fmt.Sprintf("member-%d", d.IntN(members))
}

// noteCode remembers a new code.
func noteCode(_ context.Context, r *round, e *entry) {
	if t, err := read[toldCode](e); err == nil && e.answer.Status == 201 {
		r.journal.note(aCode, thing{id: t.Code, of: e.Member})
	}
}

// code picks a referral code, with who has it.
func (d *draft) code() (thing, bool) {
	code, found := d.pick(aCode)
	if found && d.once(60) {
		code = thing{id: stranger}
	}
	return code, found
}

func drawClick(d *draft) *entry {
	code, found := d.code()
	if !found {
		return nil
	}
	asked := entry{Code: code.id}
	if !d.once(3) {
		asked.Referee = d.friend()
	}
	if before, found := d.pick(aVisit); found && d.once(4) {
		asked.Code, asked.Referee = before.id, before.of
	}
	body := map[string]any{"referralCode": d.anyCase(asked.Code)}
	if asked.Referee != "" {
		body["refereeId"] = asked.Referee
	}
	return post("/clicks", body, asked)
}

// noteVisit remembers who clicked, so that they come again, or convert.
func noteVisit(_ context.Context, r *round, e *entry) {
	if e.Referee != "" {
		r.journal.note(aVisit, thing{e.Code, e.Referee})
	}
}

// anyCase spells a code in one of the ways that are the same.
func (d *draft) anyCase(code string) string {
	if d.once(2) {
		return strings.ToLower(code)
	}
	return code
}

func drawConvert(d *draft) *entry {
	code, found := d.code()
	if !found {
		return nil
	}
	asked := entry{Code: code.id, Referee: d.friend(), Minor: 20_00 + 10*d.Int64N(800)}
	if before, found := d.pick(aVisit); found && d.once(2) {
		asked.Code, asked.Referee = before.id, before.of
	} else if d.once(4) && code.of != "" {
		asked.Referee = code.of // a self-referral: flagged, or blocked
	}
	body := map[string]any{
		"referralCode": d.anyCase(asked.Code), "refereeId": asked.Referee, "amount": json.Number(fmt.Sprintf("%d.%02d", asked.Minor/100, asked.Minor%100)),
	}
	return post("/conversions", body, asked)
}

// noteConversion remembers a conversion, and looks up its rewards or the case
// that holds them, since the answer does not name them. What cannot be looked up
// now is not used later.
func noteConversion(ctx context.Context, r *round, e *entry) {
	t, err := read[toldConversion](e)
	if err != nil {
		return
	}
	r.journal.note(aConversion, thing{id: t.ID})
	type listed struct{ ID, ConversionID string }
	var page struct{ Data []listed }
	if t.Status == referral.ConversionFlagged && r.client.peek(ctx, tenant.Management, "/cases?status=open", &page) == nil {
		for _, c := range page.Data {
			if c.ConversionID == t.ID {
				r.journal.note(aCase, thing{c.ID, t.ID})
			}
		}
	}
	page.Data = nil
	if t.Created && r.client.peek(ctx, tenant.Incenta, "/rewards", &page) == nil {
		for _, reward := range page.Data {
			if reward.ConversionID == t.ID {
				r.journal.note(aReward, thing{id: reward.ID})
			}
		}
	}
}

func drawClaim(d *draft) *entry {
	reward, found := d.pick(aReward)
	if !found {
		return nil
	}
	return post("/rewards/"+reward.id+"/claim", nil, entry{Reward: reward.id})
}

// noteClaimed remembers a code that a claim handed out.
func noteClaimed(_ context.Context, r *round, e *entry) {
	if t, err := read[toldReward](e); err == nil && t.code() != "" {
		r.journal.note(aClaimedCode, thing{id: t.code()})
	}
}

func drawUse(d *draft) *entry {
	if d.once(3) {
		reward, found := d.pick(aReward)
		if !found {
			return nil
		}
		return post("/rewards/redeem", map[string]any{"rewardId": reward.id}, entry{Reward: reward.id})
	}
	code, found := d.pick(aClaimedCode)
	if !found {
		return nil
	}
	return post("/rewards/redeem", map[string]any{"code": d.anyCase(code.id)}, entry{Code: code.id})
}

func drawRefund(d *draft) *entry {
	conversion, found := d.pick(aConversion)
	if !found {
		return nil
	}
	return post("/conversions/"+conversion.id+"/refund", map[string]any{"reason": "returned"}, entry{Conversion: conversion.id})
}

// The decisions of a review, as the comparison and the API's paths call them.
const (
	approve = "approve"
	reject  = "reject"
)

func drawReview(d *draft) *entry {
	held, found := d.pick(aCase)
	if !found {
		return nil
	}
	to := approve
	if d.once(3) {
		to = reject
	}
	return post("/cases/"+held.id+"/"+to, map[string]any{"note": "seen"}, entry{Conversion: held.of, To: to})
}
