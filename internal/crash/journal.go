package crash

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
)

// op is what a request asks for.
type op string

const (
	opAward  op = "award"
	opBulk   op = "bulk"
	opDeduct op = "deduct"
	opRedeem op = "redeem"
	opMove   op = "move"

	opRefer   op = "refer"
	opClick   op = "click"
	opConvert op = "convert"
	opClaim   op = "claim"
	opUse     op = "use"
	opRefund  op = "refund"
	opReview  op = "review"
)

// entry is one request: written down before it is sent, answered when an answer
// came. Only the client that made it changes it, and later the comparison.
type entry struct {
	Op     op
	Method string
	Path   string
	Key    string
	Body   json.RawMessage

	// What was asked, for the comparison.
	Member     string  `json:",omitempty"` // whose points; refer: the referrer
	Points     int64   `json:",omitempty"` // award, deduct
	Awards     []award `json:",omitempty"` // bulk
	Item       string  `json:",omitempty"` // redeem
	Units      int     `json:",omitempty"` // redeem
	Order      string  `json:",omitempty"` // move
	To         string  `json:",omitempty"` // move, review
	Campaign   string  `json:",omitempty"` // refer
	Referee    string  `json:",omitempty"` // refer, click, convert
	Code       string  `json:",omitempty"` // click, convert: the referrer's; use: the reward's
	Minor      int64   `json:",omitempty"` // convert: the amount
	Reward     string  `json:",omitempty"` // claim, use
	Conversion string  `json:",omitempty"` // refund, review

	kind    *kind
	twin    bool    // sent twice at the same time
	unsure  bool    // at least once no answer came that settles it
	did     bool    // when it was answered, it had taken effect before
	answer  *answer // nil: unknown
	differs *answer // another answer that the same key got
}

type award struct {
	Member string `json:"member_id"`
	Points int64  `json:"points"`
	Reason string `json:"reason"`
	Ref    string `json:"reference"`
}

// answer is what came back.
type answer struct {
	Status   int
	Body     []byte
	Replayed bool
}

func (a *answer) String() string { return fmt.Sprintf("%d %s", a.Status, bytes.TrimSpace(a.Body)) }

func (a *answer) ok() bool { return a.Status/100 == 2 }

func (a *answer) equal(b *answer) bool { return a.Status == b.Status && bytes.Equal(a.Body, b.Body) }

// journal is all that the client knows.
type journal struct {
	mu      sync.Mutex
	entries []*entry
	noted   map[string][]thing // what answers told that later requests can use, by what it is
}

// thing is something that an answer told of.
type thing struct {
	id string
	of string // whose it is, or what it is about; what that means depends on the thing
}

// The things that are noted.
const (
	anOrder      = "order"         // physical, acknowledged
	aCode        = "referral code" // of: its referrer
	aVisit       = "visit"         // of a code; of: who clicked
	aConversion  = "conversion"
	aReward      = "reward"
	aClaimedCode = "claimed code"
	aCase        = "case" // of: its conversion
)

func (j *journal) add(e *entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
}

func (j *journal) note(what string, t thing) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.noted == nil {
		j.noted = map[string][]thing{}
	}
	j.noted[what] = append(j.noted[what], t)
}

// How many of the newest things of a sort are in use, and how many of them are
// wanted by everybody.
const (
	fresh  = 30
	wanted = 4
)

// pick takes one of the newest things of a sort; false when there is none.
func (j *journal) pick(what string, draw func(n int) int) (thing, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := j.noted[what]
	if len(all) == 0 {
		return thing{}, false
	}
	among := fresh
	if draw(2) == 0 {
		among = wanted
	}
	return all[len(all)-1-draw(min(len(all), among))], true
}

// unsure counts the requests whose outcome was unknown at some time.
func (j *journal) unsure() int {
	n := 0
	for _, e := range j.entries {
		if e.unsure {
			n++
		}
	}
	return n
}

// write saves the journal, one entry a line.
func (j *journal) write(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(f)
	lines.SetEscapeHTML(false)
	for _, e := range j.entries {
		line := struct {
			*entry
			Twin   bool   `json:",omitempty"`
			Status int    `json:",omitempty"`
			Answer string `json:",omitempty"`
		}{entry: e, Twin: e.twin}
		if e.answer != nil {
			line.Status, line.Answer = e.answer.Status, string(e.answer.Body)
		}
		if err := lines.Encode(line); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}
