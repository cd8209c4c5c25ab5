package incentive

import (
	"context"
	"fmt"
	"slices"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	maxLevel = 10_000
	maxPerks = 50
	maxPerk  = 255 // characters
)

func (l Level) check() error {
	if l.Level < 1 || l.Level > maxLevel {
		return fault.Field("level", "must be between 1 and %d", maxLevel)
	}
	if len(l.Perks) > maxPerks {
		return fault.Field("perks", "must have at most %d entries", maxPerks)
	}
	for i, perk := range l.Perks {
		if err := checkText(fmt.Sprintf("perks[%d]", i), perk, maxPerk); err != nil {
			return err
		}
	}
	return first(checkText("name", l.Name, maxName), checkUnits("xpThreshold", l.XPThreshold), checkUnits("coins", l.Coins))
}

// fits refuses a level whose threshold is not between those of its neighbours,
// and one that grants a badge that there is not.
func (r *Rules) fits(l Level) error {
	for _, below := range slices.Backward(r.Levels) {
		if below.Level < l.Level && below.XPThreshold >= l.XPThreshold {
			return fault.Field("xpThreshold", "must be above %d, the threshold of level %d", below.XPThreshold, below.Level)
		}
	}
	for _, above := range r.Levels {
		if above.Level > l.Level && above.XPThreshold <= l.XPThreshold {
			return fault.Field("xpThreshold", "must be below %d, the threshold of level %d", above.XPThreshold, above.Level)
		}
	}
	return r.checkBadge(l.BadgeKey)
}

// level finds a level by its number; nil when there is none.
func (r *Rules) level(number int) *Level {
	i, found := slices.BinarySearchFunc(r.Levels, number, func(l *Level, n int) int { return l.Level - n })
	if !found {
		return nil
	}
	return r.Levels[i]
}

// Levels lists the levels, lowest first.
func (e *Engine) Levels(ctx context.Context, tenantID int64) ([]*Level, error) {
	_, r, err := e.current(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	return r.Levels, nil
}

// CreateLevel makes a level. An empty name is made up.
func (e *Engine) CreateLevel(ctx context.Context, tenantID int64, l Level, ticket *once.Ticket) (Level, error) {
	if l.Name == "" {
		l.Name = fmt.Sprintf("Level %d", l.Level)
	}
	return define(ctx, e, tenantID, ticket, func(ctx context.Context, tx pg.Tx, t tenant.Tenant, r *Rules) (Level, error) {
		if err := l.check(); err != nil {
			return Level{}, err
		}
		if r.level(l.Level) != nil {
			return Level{}, fault.New(fault.Conflict, CodeAlreadyExists, "There is a level %d already", l.Level).About("level")
		}
		if err := first(atMost(len(r.Levels), "levels"), r.fits(l)); err != nil {
			return Level{}, err
		}
		made := l
		made.ID, made.CreatedAt, made.UpdatedAt = pg.NewKey(), t.Now(), t.Now()
		err := q.LevelInsert(ctx, tx, query.LevelInsertParams{
			TenantID: tenantID, Level: int32(made.Level), ID: made.ID, Name: made.Name, XpThreshold: made.XPThreshold, Coins: made.Coins,
			BadgeKey: made.BadgeKey, Perks: whole(made.Perks), CreatedAt: made.CreatedAt,
		})
		if err != nil {
			return Level{}, fmt.Errorf("insert level: %w", err)
		}
		return made, nil
	})
}

// UpdateLevel changes a copy of a level and stores it.
func (e *Engine) UpdateLevel(ctx context.Context, tenantID int64, number int, change func(*Level), ticket *once.Ticket) (Level, error) {
	return define(ctx, e, tenantID, ticket, func(ctx context.Context, tx pg.Tx, t tenant.Tenant, r *Rules) (Level, error) {
		was := r.level(number)
		if was == nil {
			return Level{}, fault.Missing("level")
		}
		l := *was
		change(&l)
		if err := first(l.check(), r.fits(l)); err != nil {
			return Level{}, err
		}
		l.UpdatedAt = t.Now()
		err := q.LevelUpdate(ctx, tx, query.LevelUpdateParams{
			TenantID: tenantID, Level: int32(l.Level), Name: l.Name, XpThreshold: l.XPThreshold, Coins: l.Coins, BadgeKey: l.BadgeKey,
			Perks: whole(l.Perks), UpdatedAt: l.UpdatedAt,
		})
		if err != nil {
			return Level{}, fmt.Errorf("store level: %w", err)
		}
		return l, nil
	})
}

// DeleteLevel removes a level. What it granted stays, and its number is not
// granted again to who had it.
func (e *Engine) DeleteLevel(ctx context.Context, tenantID int64, number int) error {
	_, err := edit(ctx, e, tenantID, nil, func(ctx context.Context, tx pg.Tx, _ tenant.Tenant) (struct{}, error) {
		found, err := q.LevelDelete(ctx, tx, query.LevelDeleteParams{TenantID: tenantID, Level: int32(number)})
		if err == nil && found == 0 {
			err = fault.Missing("level")
		}
		return struct{}{}, err
	})
	return err
}

// MemberLevels tells the highest level granted to each of some members, by the
// caller's ids; who has none is absent.
func (e *Engine) MemberLevels(ctx context.Context, tenantID int64, members []string) (map[string]int32, error) {
	rows, err := q.MemberLevelList(ctx, e.db, query.MemberLevelListParams{TenantID: tenantID, ExternalIds: members})
	if err != nil {
		return nil, pg.Fault(fmt.Errorf("read levels of members: %w", err))
	}
	levels := make(map[string]int32, len(rows))
	for _, r := range rows {
		levels[r.ExternalID] = r.Level
	}
	return levels, nil
}

// whole makes an empty list of none: the column has no null.
func whole(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
