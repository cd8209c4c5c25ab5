package webhook

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/wire"
)

// What a test is called, and what it says.
var testNames = map[Style]string{Incenta: "WEBHOOK_TEST", Incentable: "webhook.test"}

const testData = `{"message":"This is a test; nothing has happened."}`

// told is an event as bodies speak of it.
type told struct {
	id   string
	name string
	at   time.Time
	data json.RawMessage
}

func toldEvent(e event.Event) told { return told{e.PublicID(), e.Kind.String(), e.At, e.Data} }

// toldTest is what a test tells. It has no place in the feed, so its delivery's
// id stands for it.
func toldTest(s Style, deliveryID string, at time.Time) told {
	return told{deliveryID, testNames[s], at, json.RawMessage(testData)}
}

// body renders the body of an event in a style: the same bytes whenever the same
// is told.
func body(s Style, t told) ([]byte, error) {
	var document any
	if s == Incenta {
		document = struct {
			Event     string          `json:"event"`
			Data      json.RawMessage `json:"data"`
			Timestamp wire.Millis     `json:"timestamp"`
		}{t.name, t.data, wire.Millis(t.at)}
	} else {
		document = struct {
			ID        string          `json:"id"`
			Type      string          `json:"type"`
			CreatedAt string          `json:"created_at"`
			Data      json.RawMessage `json:"data"`
		}{t.id, t.name, t.at.UTC().Format(time.RFC3339), t.data}
	}
	text, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", t.id, err)
	}
	return asScript(text)
}
