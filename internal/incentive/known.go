package incentive

import (
	"encoding/binary"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/incent-dev/incent/internal/pg"
)

const (
	// membersKept bounds the members whose progress a server knows by heart: some
	// twenty megabytes, reckoned at 600 bytes each.
	membersKept = 30_000

	// countsKept bounds the actions of each.
	countsKept = 16
)

// known are the members whose progress a server knows by heart, as it stored it last.
// Whoever stores progress has the XP account bear a new mark, drawn at random, in the
// same transaction. So what was stored with a mark holds for whoever has locked the
// account and found that mark, whatever other servers did, and however the transaction
// ended in which it was learnt: the mark of one that came to nothing is never found.
type known struct {
	members *lru.Cache[memberKey, *remembered]
}

type memberKey struct {
	tenant, member int64
}

// remembered is how far a member is, and what it did of some actions. It never changes.
type remembered struct {
	mark     int64
	progress progress
	counts   []actionCount
}

type actionCount struct {
	action int64
	count
}

func newKnown() known {
	members, err := lru.New[memberKey, *remembered](membersKept)
	if err != nil {
		panic(err) // the size is positive
	}
	return known{members}
}

// newMark draws 62 bits; no mark is 0.
func newMark() int64 {
	drawn := pg.NewSecret()
	return int64(binary.BigEndian.Uint64(drawn[:])>>1 | 1)
}

// recall is what was stored with the mark that a member's account bears; nil: it is
// not known.
func (k known) recall(tenantID, member, mark int64) *remembered {
	if r, _ := k.members.Get(memberKey{tenantID, member}); r != nil && r.mark == mark {
		return r
	}
	return nil
}

// recall takes the count of an action from what is remembered. Totals of the referral
// programme have none.
func (s *state) recall(action int64) bool {
	if s.remembered == nil {
		return false
	}
	if action == 0 {
		s.counts[action] = &count{}
		return true
	}
	for _, c := range s.remembered.counts {
		if c.action == action {
			s.counts[action] = &c.count
			return true
		}
	}
	return false
}

// learn keeps what is about to be stored.
func (r *round) learn() {
	for _, s := range r.members {
		if s == nil || !s.fresh {
			continue
		}
		now := &remembered{mark: r.mark, progress: s.progress}
		for action, c := range s.counts {
			if action != 0 {
				now.counts = append(now.counts, actionCount{action, c.kept()})
			}
		}
		if s.remembered != nil {
			for _, c := range s.remembered.counts {
				if s.counts[c.action] == nil && len(now.counts) < countsKept {
					now.counts = append(now.counts, c)
				}
			}
		}
		r.known.members.Add(memberKey{r.tenant.ID, s.member}, now)
	}
}

// kept is the count as it lies in its row, once that is stored.
func (c *count) kept() count {
	k := *c
	k.stored, k.fresh = k.stored || k.fresh, false
	return k
}
