package referral

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
)

// maxCodes bounds the codes that a process remembers, some 200 bytes each.
const maxCodes = 50_000

// code is what never changes of a referral.
type code struct {
	id       uuid.UUID
	campaign string
	text     string // as handed out
	referrer int64
}

// codes remembers codes that clicks have come by. Nothing in it can become
// untrue: referrals are not deleted, and these columns of them not changed. Codes
// that are not there are not remembered. The zero value is ready.
type codes struct {
	mu    sync.Mutex
	known map[codeKey]code
}

// codeKey has the code as it was asked for: what is the same without regard to
// case is for the database to say.
type codeKey struct {
	tenant int64
	asked  string
}

// find puts the codes of clicks that exist into found, as they were asked for.
func (c *codes) find(ctx context.Context, db query.DBTX, tenantID int64, guests []guest, found map[string]code) error {
	missing := c.recall(tenantID, guests, found)
	if len(missing) == 0 {
		return nil
	}
	rows, err := q.ReferralListByCode(ctx, db, query.ReferralListByCodeParams{TenantID: tenantID, Codes: missing})
	if err != nil {
		return fmt.Errorf("find codes: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = make(map[codeKey]code)
	}
	for _, r := range rows {
		found[r.Asked] = code{r.ID, r.CampaignID, r.Code, r.ReferrerID}
		for old := range c.known {
			if len(c.known) < maxCodes {
				break
			}
			delete(c.known, old) // any
		}
		c.known[codeKey{tenantID, r.Asked}] = found[r.Asked]
	}
	return nil
}

// recall is find from memory; it returns the codes that it does not have, once each.
func (c *codes) recall(tenantID int64, guests []guest, found map[string]code) (missing []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := map[string]bool{}
	for _, g := range guests {
		if asked[g.Code] {
			continue
		}
		asked[g.Code] = true
		if of, known := c.known[codeKey{tenantID, g.Code}]; known {
			found[g.Code] = of
		} else {
			missing = append(missing, g.Code)
		}
	}
	return missing
}
