package event

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/memo"
)

// add appends the events of a commit that lie behind a number to a page, as far
// as there is room for them.
func add(page []Event, r query.CommitListAfterRow, after int64, limit int) ([]Event, error) {
	var facts []json.RawMessage
	if err := json.Unmarshal(r.Facts, &facts); err != nil {
		return nil, fmt.Errorf("facts of the commit at %d: %w", r.Place, err)
	}
	for i, kind := range r.Kinds {
		e := Event{Number: r.Place + int64(i), Kind: Kind(kind), At: r.At.UTC(), Of: Address{Member: r.Members[i], Asset: r.Assets[i], Seq: r.Seqs[i]}}
		if e.Number <= after || len(page) == limit {
			continue
		}
		if i < len(r.Objects) {
			e.Of.Object = r.Objects[i]
		}
		if i < len(facts) && !bytes.Equal(facts[i], null) {
			e.Data = facts[i]
		}
		page = append(page, e)
	}
	return page, nil
}

var (
	null    = []byte("null")
	nothing = json.RawMessage("{}")
)

// tell completes a page: a bounded number of reads, however long it is.
func (f *Feed) tell(ctx context.Context, tenantID int64, page []Event) error {
	if len(page) == 0 {
		return nil
	}
	if err := f.tellTransfers(ctx, tenantID, page); err != nil {
		return err
	}
	if err := f.nameMembers(ctx, tenantID, page); err != nil {
		return err
	}
	for _, reveal := range f.reveals {
		if err := reveal(ctx, tenantID, page); err != nil {
			return fmt.Errorf("reveal events from %d on: %w", page[0].Number, err)
		}
	}
	for i := range page {
		if page[i].Data == nil {
			page[i].Data = nothing
		}
	}
	return nil
}

// moved is the data of an event that is a transfer.
type moved struct {
	TransactionID string          `json:"transaction_id"`
	MemberID      string          `json:"member_id"`
	Points        int64           `json:"points"`
	BalanceAfter  int64           `json:"balance_after"`
	Reason        string          `json:"reason"`
	Reference     *string         `json:"reference"`
	Metadata      json.RawMessage `json:"metadata,omitempty"`
	CreatedAt     string          `json:"created_at"`
}

func (f *Feed) tellTransfers(ctx context.Context, tenantID int64, page []Event) error {
	wanted := query.TransferListToldParams{TenantID: tenantID}
	at := map[Address]*Event{}
	for i := range page {
		if of := page[i].Of; of.Asset != 0 {
			at[of] = &page[i]
			wanted.MemberIds, wanted.Assets, wanted.Seqs = append(wanted.MemberIds, of.Member), append(wanted.Assets, of.Asset), append(wanted.Seqs, of.Seq)
		}
	}
	if len(at) == 0 {
		return nil
	}
	rows, err := q.TransferListTold(ctx, f.db, wanted)
	if err != nil {
		return fmt.Errorf("read transfers of events: %w", err)
	}
	for _, r := range rows {
		e := at[Address{r.MemberID, r.Asset, r.Seq, uuid.Nil}]
		said := memo.Open(r.MemoKey, r.Memo)
		m := moved{
			TransactionID: id.Transfer{At: r.CreatedAt, Member: r.MemberID, Asset: r.Asset, Seq: r.Seq}.String(),
			MemberID:      r.ExternalID, Points: r.Amount, BalanceAfter: r.BalanceAfter, Reason: said.Reason,
			Metadata: said.Metadata, CreatedAt: r.CreatedAt.UTC().Format(time.RFC3339),
		}
		if said.Reference != "" {
			m.Reference = &said.Reference
		}
		if e.Kind != PointsAwarded {
			m.Points = -m.Points
		}
		if err := e.Tell(m); err != nil {
			return err
		}
	}
	return nil
}

// Tell makes data, which must marshal into an object, the event's own.
func (e *Event) Tell(data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("render event %d: %w", e.Number, err)
	}
	e.Data = text
	return nil
}

// nameMembers adds to facts about members whom they are about.
func (f *Feed) nameMembers(ctx context.Context, tenantID int64, page []Event) error {
	asked := query.MemberListExternalParams{TenantID: tenantID}
	names := map[int64]string{}
	for i := range page {
		e := &page[i]
		if _, twice := names[e.Of.Member]; e.isFactOfMember() && !twice {
			names[e.Of.Member] = ""
			asked.Ids = append(asked.Ids, e.Of.Member)
		}
	}
	if len(names) == 0 {
		return nil
	}
	rows, err := q.MemberListExternal(ctx, f.db, asked)
	if err != nil {
		return fmt.Errorf("read members of events: %w", err)
	}
	for _, r := range rows {
		names[r.ID] = r.ExternalID
	}
	for i := range page {
		if e := &page[i]; e.isFactOfMember() {
			if err := e.name(names[e.Of.Member]); err != nil {
				return err
			}
		}
	}
	return nil
}

// isFactOfMember tells whether the journal holds data about a member, as FactOf
// notes it, rather than the address of a row.
func (e *Event) isFactOfMember() bool {
	return e.Of.Member != 0 && e.Of.Asset == 0 && e.Of.Seq == 0 && e.Data != nil
}

// name puts the caller's id of a member in front of the data.
func (e *Event) name(external string) error {
	who := map[Facade]string{Incenta: "userId", Incentable: "member_id", Operators: "member_id"}[e.Kind.Facade()]
	front, err := json.Marshal(map[string]string{who: external})
	if err != nil {
		return fmt.Errorf("name the member of event %d: %w", e.Number, err)
	}
	if !bytes.Equal(e.Data, nothing) {
		front = append(append(front[:len(front)-1], ','), e.Data[1:]...)
	}
	e.Data = front
	return nil
}
