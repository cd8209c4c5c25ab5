package event

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
)

var q = query.New()

// Journal gathers the events of one transaction. Its zero value is empty.
type Journal struct {
	kinds   []int16
	members []int64
	assets  []int16
	seqs    []int64
	facts   []any

	moved Moves // transfers that nobody is told of
}

// Transfer notes an event that is a transfer of the books.
func (j *Journal) Transfer(k Kind, member int64, asset int16, seq int64) {
	j.add(k, member, asset, seq)
}

// Moved notes a transfer of the books that is no event, so that it is sealed with
// the others.
func (j *Journal) Moved(member int64, asset int16, seq int64) { j.moved.add(member, asset, seq) }

// Fact notes an event with its data, which must marshal into a JSON object and
// hold nothing personal or secret.
func (j *Journal) Fact(k Kind, data any) {
	j.add(k, 0, 0, 0)
	j.facts = append(j.facts, data)
}

// FactOf notes such an event about a member, whose id is added when it is told:
// as userId for Incenta's callers, as member_id for all others.
func (j *Journal) FactOf(k Kind, member int64, data any) {
	j.add(k, member, 0, 0)
	j.facts = append(j.facts, data)
}

func (j *Journal) add(k Kind, member int64, asset int16, seq int64) {
	j.kinds = append(j.kinds, int16(k))
	j.members = append(j.members, member)
	j.assets = append(j.assets, asset)
	j.seqs = append(j.seqs, seq)
}

// Store queues the journal's row on pipe, behind all statements that lock what
// the events tell of. An empty journal stores nothing.
func (j *Journal) Store(ctx context.Context, pipe *pg.Pipeline, tenantID int64, at time.Time) error {
	if len(j.kinds) == 0 && len(j.moved.Seqs) == 0 {
		return nil
	}
	if j.kinds == nil {
		j.kinds, j.members, j.assets, j.seqs = []int16{}, []int64{}, []int16{}, []int64{}
	}
	facts := json.RawMessage("[]")
	if len(j.facts) > 0 {
		var err error
		if facts, err = json.Marshal(j.facts); err != nil {
			return fmt.Errorf("render facts: %w", err)
		}
	}
	return q.CommitInsert(ctx, pipe, query.CommitInsertParams{
		TenantID: tenantID, ID: pg.NewUUID(), At: at,
		Kinds: j.kinds, Members: j.members, Assets: j.assets, Seqs: j.seqs, Facts: facts,
		MovedMembers: j.moved.Members, MovedAssets: j.moved.Assets, MovedSeqs: j.moved.Seqs,
	})
}
