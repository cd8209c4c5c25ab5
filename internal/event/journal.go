package event

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

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

	// Either as long as kinds, or shorter where what follows has none.
	objects []uuid.UUID
	facts   []any

	leaves []byte // of the transfers among them, in their order
	moved  Moves  // transfers that nobody is told of
}

// Leaf is a transfer's own hash, of which its block vouches.
type Leaf = [sha256.Size]byte

// Transfer notes an event that is a transfer of the books.
func (j *Journal) Transfer(k Kind, member int64, asset int16, seq int64, leaf Leaf) {
	j.add(k, member, asset, seq)
	j.leaves = append(j.leaves, leaf[:]...)
}

// Moved notes a transfer of the books that is no event, so that it is sealed with
// the others.
func (j *Journal) Moved(member int64, asset int16, seq int64, leaf Leaf) {
	j.moved.add(member, asset, seq, leaf[:])
}

// Row notes an event that is a row of a member's: the member itself, with seq 0,
// or what is numbered under the member.
func (j *Journal) Row(k Kind, member, seq int64) {
	j.add(k, member, 0, seq)
}

// Object notes an event about a row with an id of its own. data is what the row
// does not tell of the moment, as for Fact; nil is nothing.
func (j *Journal) Object(k Kind, object uuid.UUID, data any) {
	j.objects = append(upTo(len(j.kinds), j.objects), object)
	if data != nil {
		j.facts = append(upTo(len(j.kinds), j.facts), data)
	}
	j.add(k, 0, 0, 0)
}

// Fact notes an event with its data, which must marshal into a JSON object and
// hold nothing personal or secret.
func (j *Journal) Fact(k Kind, data any) { j.FactOf(k, 0, data) }

// FactOf notes such an event about a member, whose id is added when it is told:
// as userId for Incenta's callers, as member_id for all others.
func (j *Journal) FactOf(k Kind, member int64, data any) {
	j.facts = append(upTo(len(j.kinds), j.facts), data)
	j.add(k, member, 0, 0)
}

func (j *Journal) add(k Kind, member int64, asset int16, seq int64) {
	j.kinds = append(j.kinds, int16(k))
	j.members = append(j.members, member)
	j.assets = append(j.assets, asset)
	j.seqs = append(j.seqs, seq)
}

// upTo fills a list up to a length.
func upTo[T any](n int, list []T) []T {
	var none T
	for len(list) < n {
		list = append(list, none)
	}
	return list
}

// Empty tells whether nothing was noted.
func (j *Journal) Empty() bool { return len(j.kinds) == 0 && len(j.moved.Seqs) == 0 }

// Store queues the journal's row on db, a pipeline or a transaction, behind all
// statements that lock what the events tell of. An empty journal stores nothing.
func (j *Journal) Store(ctx context.Context, db query.DBTX, tenantID int64, at time.Time) error {
	if j.Empty() {
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
	objects := j.objects
	if objects == nil {
		objects = []uuid.UUID{}
	}
	return q.CommitInsert(ctx, db, query.CommitInsertParams{
		TenantID: tenantID, ID: pg.NewUUID(), At: at,
		Kinds: j.kinds, Members: j.members, Assets: j.assets, Seqs: j.seqs, Objects: objects, Facts: facts,
		MovedMembers: j.moved.Members, MovedAssets: j.moved.Assets, MovedSeqs: j.moved.Seqs,
		Leaves: append(j.leaves, bytes.Join(j.moved.Leaves, nil)...),
	})
}
