package person

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/batch"
	"github.com/incent-dev/incent/internal/fraud"
	"github.com/incent-dev/incent/internal/pg"
)

const (
	// answerRows and answerBytes bound what is read of stored answers at once.
	answerRows  = 2000
	answerBytes = 4 << 20
)

// eraseAnswers empties the stored answers that speak of members, several at a
// time: nothing says whose an answer is, since every keyed request would pay for
// that, so all of the tenant's are read, a week's at most.
//
// Emptied is an answer in which a word of a member's stands as a text of its own.
// That of somebody else whose reference happens to be the same word is emptied
// too: its key is refused from then on, and nothing happens twice.
func eraseAnswers(ctx context.Context, db *pg.DB, tenantID int64, of []subject) error {
	words := map[string]bool{}
	for _, s := range of {
		for _, w := range s.words {
			spell(words, w)
			spell(words, fraud.NormalEmail(w))
		}
	}
	for after := []byte{}; ; {
		page, err := q.IdempotencyListAfter(ctx, db, query.IdempotencyListAfterParams{TenantID: tenantID, After: after, MaxRows: answerRows, MaxBytes: answerBytes})
		if err != nil {
			return fmt.Errorf("list answers: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		var about [][]byte
		for _, row := range page {
			if speaksOf(row.Body, words) {
				about = append(about, row.Key)
			}
		}
		if len(about) > 0 {
			if err := q.IdempotencyUpdateErased(ctx, db, query.IdempotencyUpdateErasedParams{TenantID: tenantID, Keys: about}); err != nil {
				return fmt.Errorf("empty answers: %w", err)
			}
		}
		after = page[len(page)-1].Key
	}
}

// runAnswers is the group's run function: one reading of the answers for all
// whose erasures wait for it.
func (p *People) runAnswers(ctx context.Context, tenantID int64, of []subject, _ bool) ([]batch.Result[struct{}], error) {
	return make([]batch.Result[struct{}], len(of)), eraseAnswers(ctx, p.db, tenantID, of)
}

// spell adds the ways in which an answer may write a text in JSON, without the
// quotation marks.
func spell(into map[string]bool, text string) {
	if text == "" {
		return
	}
	for _, escaped := range []bool{true, false} {
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(escaped)
		_ = encoder.Encode(text)                    // a text always encodes
		into[string(b.Bytes()[1:b.Len()-2])] = true // quotation marks and a line's end
	}
}

// speaksOf tells whether one of the words is a text in a JSON document. What is
// sealed is none, and holds secrets of keys, nobody's name.
func speaksOf(document []byte, words map[string]bool) bool {
	for {
		begin := bytes.IndexByte(document, '"')
		if begin < 0 {
			return false
		}
		document = document[begin+1:]
		end := 0
		for end < len(document) && document[end] != '"' {
			if document[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(document) {
			return false
		}
		if words[string(document[:end])] {
			return true
		}
		document = document[end+1:]
	}
}
