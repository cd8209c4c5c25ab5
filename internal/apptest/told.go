package apptest

import (
	"fmt"

	"github.com/getkin/kin-openapi/openapi3"
)

// feedOperation reads the feed, whose events say by their type what shape their
// data has.
const feedOperation = "listEvents"

// checkEvents holds the data of each event in a page of the feed against the one
// schema that the spec names for its type.
func (f *Facade) checkEvents(body any) error {
	schemas := f.Spec.Components.Schemas
	shapes, _ := schemas["EventType"].Value.Extensions["x-data"].(map[string]any)
	page, _ := body.(map[string]any)
	events, _ := page["data"].([]any)
	for _, e := range events {
		event, _ := e.(map[string]any)
		shape, _ := shapes[fmt.Sprint(event["type"])].(string)
		if schemas[shape] == nil {
			return fmt.Errorf("the spec has no shape for the data of %v", event["type"])
		}
		schema := schemas[shape].Value
		if err := schema.VisitJSON(event["data"], openapi3.MultiErrors()); err != nil {
			return fmt.Errorf("data of %v: %w", event["type"], err)
		}
		if err := undeclared(fmt.Sprint(event["type"]), schema, event["data"]); err != nil {
			return err
		}
	}
	return nil
}
