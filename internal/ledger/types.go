package ledger

import (
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/memo"
)

// Asset is what is counted. The values are stored.
type Asset int16

// The assets. Points are Incenta's coins.
const (
	Points Asset = 1
	Tokens Asset = 2
	XP     Asset = 3
)

// Assets lists every asset.
var Assets = []Asset{Points, Tokens, XP}

func (a Asset) String() string { return [...]string{"", "points", "tokens", "xp"}[a] }

// Account is one side of a transfer. The values are stored.
type Account int16

// The accounts: three of a member, four of the tenant.
const (
	Available Account = 1
	Pending   Account = 2
	Debt      Account = 3
	Issued    Account = 4
	Redeemed  Account = 5
	Expired   Account = 6
	Adjusted  Account = 7
)

func (a Account) String() string {
	return [...]string{"", "available", "pending", "debt", "issued", "redeemed", "expired", "adjusted"}[a]
}

// Kind is the business event of a transfer. The values are stored.
type Kind int16

// The kinds, with the accounts each moves between and the type it is shown as.
const (
	KindAward      Kind = 1
	KindHold       Kind = 2
	KindMature     Kind = 3
	KindCancelHold Kind = 4
	KindRedeem     Kind = 5
	KindRefund     Kind = 6
	KindDeduct     Kind = 7
	KindExpire     Kind = 8
	KindClawback   Kind = 9
	KindOwe        Kind = 10
	KindRepay      Kind = 11
)

// Type is what a member's history calls a transfer; the zero Type is not shown.
type Type string

// The types shown.
const (
	TypeAward  Type = "award"
	TypeRedeem Type = "redeem"
	TypeDeduct Type = "deduct"
	TypeExpire Type = "expire"
)

// shownTypes fixes the places of the running counts in accounts and transfers.
var shownTypes = [...]Type{TypeAward, TypeRedeem, TypeDeduct, TypeExpire}

type rule struct {
	name     string
	from, to Account
	shown    Type
}

// rules is the ledger's whole posting table (decisions, section 4).
var rules = [...]rule{
	KindAward:      {"award", Issued, Available, TypeAward},
	KindHold:       {"hold", Issued, Pending, ""},
	KindMature:     {"mature", Pending, Available, TypeAward},
	KindCancelHold: {"cancel_hold", Pending, Issued, ""},
	KindRedeem:     {"redeem", Available, Redeemed, TypeRedeem},
	KindRefund:     {"refund", Redeemed, Available, TypeRedeem},
	KindDeduct:     {"deduct", Available, Adjusted, TypeDeduct},
	KindExpire:     {"expire", Available, Expired, TypeExpire},
	KindClawback:   {"clawback", Available, Issued, TypeDeduct},
	KindOwe:        {"owe", Debt, Issued, TypeDeduct},
	KindRepay:      {"repay", Available, Debt, ""},
}

func (k Kind) String() string { return rules[k].name }

// Memo is what the caller says about a transfer.
type Memo = memo.Memo

// Transfer is one row of the books, seen from its member.
type Transfer struct {
	Member     int64 // our key
	Asset      Asset
	Seq        int64
	Kind       Kind
	From, To   Account
	Amount     int64 // > 0
	After      Balances
	Shown      [len(shownTypes)]int64 // transfers shown up to and with this one, by type
	CauseSeq   int64                  // the transfer this one undoes; 0 is none
	Cause      uuid.UUID              // the hold or order it belongs to; zero is none
	Memo       Memo
	ExpiresAt  time.Time // when what came in expires; zero is never, or nothing came in
	EffectedAt time.Time
}

// ID is the transfer's public id.
func (t Transfer) ID() string {
	return id.Transfer{At: t.EffectedAt, Member: t.Member, Asset: int16(t.Asset), Seq: t.Seq}.String()
}

// Type is what the member's history calls it.
func (t Transfer) Type() Type { return rules[t.Kind].shown }

// Points is the signed amount as the member's history shows it.
func (t Transfer) Points() int64 {
	if t.To == Available || t.To == Pending {
		return t.Amount
	}
	return -t.Amount
}

// Balances are the member's three accounts of one asset, in whole units.
type Balances struct {
	Available, Pending, Debt int64
}

// Spendable is the balance a member is shown: negative while the member owes.
func (b Balances) Spendable() int64 { return b.Available - b.Debt }

// Holding is a member's account of one asset as a reader sees it.
type Holding struct {
	Balances
	Earned   int64 // ever
	Redeemed int64 // ever, less cancelled orders
}

// HoldState says where a hold stands.
type HoldState string

// The states of a hold.
const (
	Held      HoldState = "held"
	Matured   HoldState = "matured"
	Cancelled HoldState = "cancelled"
)

// Hold is an award that rests in pending.
type Hold struct {
	ID        uuid.UUID
	Member    string // the caller's id
	Asset     Asset
	Amount    int64
	State     HoldState
	MaturesAt time.Time // zero: waits for a decision
	Cause     uuid.UUID // the object that the award belongs to; zero is none
	Memo      Memo
	CreatedAt time.Time
	ClosedAt  time.Time // zero while held

	openedSeq, closedSeq int64
}
