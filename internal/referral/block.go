package referral

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/fraud"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
)

// BlockKind is what an entry of the block list is about.
type BlockKind string

// The kinds of entries.
const (
	BlockMember  BlockKind = "member"  // the caller's id
	BlockEmail   BlockKind = "email"   // a mailbox, however it is spelled
	BlockDomain  BlockKind = "domain"  // of mailboxes
	BlockNetwork BlockKind = "network" // an address; its /64 in IPv6
	BlockDevice  BlockKind = "device"  // the caller's id of a device
)

const (
	blockPrefix    = "block_"
	maxBlockValue  = 320
	maxBlockMember = 255
	maxBlockNote   = 500
)

// Block is an entry of the block list: whom the tenant never wants to pay.
type Block struct {
	Key       int64
	Kind      BlockKind
	Value     string // as it is compared; the keyed hash of a network or device
	Note      string
	CreatedAt time.Time
}

// PublicID renders the entry's id.
func (b Block) PublicID() string { return id.Key(blockPrefix, b.Key) }

// blockValue is how a trait is kept and compared; "" when it is none.
func (p *Programme) blockValue(tenantID int64, kind BlockKind, value string) string {
	switch kind {
	case BlockMember:
		if utf8.RuneCountInString(value) > maxBlockMember {
			return ""
		}
		return value
	case BlockEmail:
		return fraud.NormalEmail(value)
	case BlockDomain:
		return fraud.EmailDomain("x@" + strings.TrimPrefix(value, "@"))
	case BlockNetwork:
		if value = fraud.NetworkOf(value); value == "" {
			return ""
		}
	}
	return hex.EncodeToString(p.digest(tenantID, string(kind), value))
}

var blockForms = map[BlockKind]string{
	BlockMember: "must be the id of a member", BlockEmail: "must be an e-mail address", BlockDomain: "must be a domain, like example.com",
	BlockNetwork: "must be a public IPv4 or IPv6 address", BlockDevice: "must be the id of a device",
}

// AddBlock puts a trait on the block list.
func (p *Programme) AddBlock(ctx context.Context, tenantID int64, b Block, ticket *once.Ticket) (Block, error) {
	return once.Run(ctx, p.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Block, error) {
		form, known := blockForms[b.Kind]
		if !known {
			return Block{}, fault.Field("kind", "must be member, email, domain, network or device")
		}
		if utf8.RuneCountInString(b.Note) > maxBlockNote {
			return Block{}, fault.Field("note", "must have at most %d characters", maxBlockNote)
		}
		made := b
		if b.Value != "" && len(b.Value) <= maxBlockValue*utf8.UTFMax {
			made.Value = p.blockValue(tenantID, b.Kind, b.Value)
		}
		if made.Value == "" {
			return Block{}, fault.Field("value", "%s", form)
		}
		made.Key, made.CreatedAt = pg.NewKey(), pg.Now()
		err := q.BlockedInsert(ctx, tx, query.BlockedInsertParams{
			TenantID: tenantID, Kind: string(made.Kind), Value: made.Value, ID: made.Key, Note: made.Note, CreatedAt: made.CreatedAt,
		})
		if pg.Violates(err, "blocked_pk") {
			return Block{}, fault.New(fault.Conflict, CodeAlreadyExists, "This is on the block list already").About("value")
		}
		if err != nil {
			return Block{}, fmt.Errorf("insert block: %w", err)
		}
		return made, nil
	})
}

// Blocks lists the block list, newest first; an empty kind lists all.
func (p *Programme) Blocks(ctx context.Context, tenantID int64, kind BlockKind, limit, skip int) (list []Block, total int64, err error) {
	var only *string
	if kind != "" {
		only = (*string)(&kind)
	}
	rows, err := q.BlockedList(ctx, p.db, query.BlockedListParams{TenantID: tenantID, Kind: only, MaxRows: int32(limit), SkipRows: clampSkip(skip)})
	if err != nil {
		return nil, 0, pg.Fault(fmt.Errorf("list blocks: %w", err))
	}
	list = make([]Block, len(rows))
	for i, r := range rows {
		list[i] = Block{Key: r.ID, Kind: BlockKind(r.Kind), Value: r.Value, Note: r.Note, CreatedAt: r.CreatedAt.UTC()}
	}
	total, err = q.BlockedCount(ctx, p.db, query.BlockedCountParams{TenantID: tenantID, Kind: only})
	return list, total, pg.Fault(err)
}

// RemoveBlock takes an entry off the block list.
func (p *Programme) RemoveBlock(ctx context.Context, tenantID int64, blockID string) error {
	key, ok := id.ParseKey(blockPrefix, blockID)
	if !ok {
		return fault.Missing("block list entry")
	}
	found, err := q.BlockedDelete(ctx, p.db, query.BlockedDeleteParams{TenantID: tenantID, ID: key})
	if err == nil && found == 0 {
		return fault.Missing("block list entry")
	}
	return pg.Fault(err)
}
