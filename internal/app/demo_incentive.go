package app

import (
	"context"
	"errors"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/incentive"
)

// demoActions are what members can do. complete_profile is not among them: the
// documents' walk-through begins with making it. What fires by itself pays XP
// only, so that balances stay as the examples show them.
func demoActions() []incentive.Action {
	once := int64(1)
	return []incentive.Action{
		{Key: "signed_up", Name: "Signed up", Type: incentive.Standard, Pay: incentive.Pay{Coins: 10, XP: 20}, MaxRepeats: &once},
		{Key: "first_project_created", Name: "First project created", Type: incentive.Standard, Pay: incentive.Pay{Coins: 75, XP: 150}, MaxRepeats: &once},
		{Key: "daily_login", Name: "Daily login", Type: incentive.Standard, Pay: incentive.Pay{XP: 5}, Cooldown: 3600, Streak: &incentive.StreakRule{
			Period: incentive.Daily, Rewards: []incentive.StreakReward{{Length: 7, Coins: 100}, {Length: 30, Coins: 500, Tokens: 5}},
		}},
		{Key: "code_shared", Name: "Code shared", Type: incentive.CodeGenerated, Pay: incentive.Pay{XP: 10}},
		{Key: "friend_came", Name: "A friend came by", Type: incentive.CodeClicked, Pay: incentive.Pay{XP: 2}},
		{Key: "friend_joined", Name: "A friend joined", Type: incentive.RefereeActed, Pay: incentive.Pay{XP: 50}},
	}
}

func demoBadges() []incentive.Badge {
	text := func(s string) *string { return &s }
	return []incentive.Badge{
		{Key: "newcomer", Name: "Newcomer", Description: text("Reached the first level")},
		{Key: "regular", Name: "Regular", Description: text("Logged in on thirty occasions"), Criteria: &incentive.Criteria{
			Type: incentive.ActionCount, ActionKey: "daily_login", Threshold: 30,
		}},
	}
}

func demoLevels() []incentive.Level {
	newcomer := "newcomer"
	return []incentive.Level{
		{Level: 1, Name: "Newcomer", XPThreshold: 100, Coins: 25, BadgeKey: &newcomer, Perks: []string{"Priority support"}},
		{Level: 2, Name: "Explorer", XPThreshold: 500, Coins: 50},
		{Level: 3, Name: "Expert", XPThreshold: 1500, Coins: 100, Perks: []string{"Beta features"}},
	}
}

// fillDemoIncentives defines a few actions, badges, levels and a milestone. What
// is there already stays.
func fillDemoIncentives(ctx context.Context, e *incentive.Engine, tenantID int64) error {
	var errs []error
	keep := func(err error) {
		if err != nil && !fault.Is(err, incentive.CodeAlreadyExists) {
			errs = append(errs, err)
		}
	}
	for _, a := range demoActions() {
		a.Active = true
		_, err := e.CreateAction(ctx, tenantID, a, nil)
		keep(err)
	}
	for _, b := range demoBadges() {
		b.Active = true
		_, err := e.CreateBadge(ctx, tenantID, b, nil)
		keep(err)
	}
	for _, l := range demoLevels() {
		_, err := e.CreateLevel(ctx, tenantID, l, nil)
		keep(err)
	}
	_, err := e.CreateMilestone(ctx, tenantID, incentive.Milestone{
		Key: "xp_1000", Name: "1000 XP reached", Type: incentive.XPReached, Threshold: 1000, Active: true,
	}, nil)
	keep(err)
	return errors.Join(errs...)
}
