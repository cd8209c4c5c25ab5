package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/incent-dev/incent/internal/tenant"
)

const (
	clients = 16

	// The server itself gives up after 30 s; an answer later than this is as
	// good as none.
	answerPatience = 40 * time.Second

	// What is answered neither by then nor when repeated, never will be.
	resolvePatience = 3 * time.Minute

	backOff = 10 * time.Millisecond
)

// client speaks the three APIs for one tenant.
type client struct {
	site *site
	keys map[tenant.Kind]string
	http *http.Client

	answered              atomic.Int64 // answers that settle a request
	reads                 atomic.Int64
	unavailable, internal atomic.Int64 // answers 503 and 500
	firstInternal         atomic.Pointer[answer]
}

func newClient(s *site, keys map[tenant.Kind]string) *client {
	return &client{site: s, keys: keys, http: &http.Client{
		Timeout:   answerPatience,
		Transport: &http.Transport{MaxIdleConnsPerHost: 2 * clients, IdleConnTimeout: 30 * time.Second},
	}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// base picks a server.
func (c *client) base(pick int) string {
	bases, _ := c.site.state()
	return bases[pick%len(bases)]
}

// doors says where a facade is, and how its key is shown.
var doors = map[tenant.Kind]struct{ prefix, header, scheme string }{
	tenant.Incentable: {"/incentable/v1", "Authorization", "Bearer "},
	tenant.Incenta:    {"/incenta/v1", "X-Api-Key", ""},
	tenant.Management: {"/management/v1", "Authorization", "Bearer "},
}

// exchange sends one request and returns its answer, or the error that leaves
// its outcome unknown.
func (c *client) exchange(ctx context.Context, at tenant.Kind, base, method, path, key string, body []byte) (*answer, error) {
	door := doors[at]
	req, err := http.NewRequestWithContext(ctx, method, base+door.prefix+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.GetBody = nil // else net/http repeats keyed requests by itself, unseen by the journal
	req.Header.Set(door.header, door.scheme+c.keys[at])
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return &answer{Status: resp.StatusCode, Body: text, Replayed: resp.Header.Get("Idempotent-Replayed") == "true"}, nil
}

var errUnknown = errors.New("no answer that settles it")

// settle is exchange for an entry: an answer counts only when it is final.
func (c *client) settle(ctx context.Context, e *entry, base string) (*answer, error) {
	header := e.Key
	if e.kind.keyInBody {
		header = ""
	}
	a, err := c.exchange(ctx, e.kind.facade, base, e.Method, e.Path, header, e.Body)
	if err != nil {
		return nil, err
	}
	if c.outage(a) || a.Status == http.StatusTooManyRequests || a.Status == http.StatusConflict && errorCode(a) == "idempotency_in_progress" {
		return nil, errUnknown
	}
	c.answered.Add(1)
	return a, nil
}

// outage tells whether an answer says that there is none, and counts it.
func (c *client) outage(a *answer) bool {
	switch {
	case a.Status == http.StatusServiceUnavailable:
		c.unavailable.Add(1)
		return true
	case a.Status >= 500:
		c.internal.Add(1)
		c.firstInternal.CompareAndSwap(nil, a)
		return true
	}
	return false
}

// errorCode reads a refusal's code: beside the sentence, or inside its object.
func errorCode(a *answer) string {
	var flat struct{ Code string }
	_ = json.Unmarshal(a.Body, &flat) // no JSON, no code
	if flat.Code != "" {
		return flat.Code
	}
	var nested struct{ Error struct{ Code string } }
	_ = json.Unmarshal(a.Body, &nested)
	return nested.Error.Code
}

// try sends an entry once, or twice at the same time, and keeps the answer.
func (c *client) try(ctx context.Context, e *entry, pick int) error {
	var other *answer
	var both sync.WaitGroup
	if e.twin {
		both.Go(func() { other, _ = c.settle(ctx, e, c.base(pick+1)) })
	}
	a, err := c.settle(ctx, e, c.base(pick))
	both.Wait()
	if err == nil {
		e.keep(a)
	}
	if other != nil {
		e.keep(other)
		err = nil
	}
	e.unsure = e.unsure || err != nil
	return err
}

// keep takes the first answer, and remembers one that differs from it.
func (e *entry) keep(a *answer) {
	switch {
	case e.answer == nil:
		e.answer = a
		e.did = e.unsure && a.Replayed
	case !e.answer.equal(a):
		e.differs = a
	}
}

// get reads a JSON document.
func (c *client) get(ctx context.Context, at tenant.Kind, path string, into any) error {
	for attempt := 0; ; attempt++ {
		err := c.peek(ctx, at, path, into)
		if err == nil || attempt == 3 {
			return err
		}
		pause(ctx, backOff)
	}
}

// peek is get with one attempt, as befits the time of the kills. The servers
// take turns.
func (c *client) peek(ctx context.Context, at tenant.Kind, path string, into any) error {
	a, err := c.exchange(ctx, at, c.base(int(c.reads.Add(1))), http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	if c.outage(a) || a.Status != http.StatusOK {
		return fmt.Errorf("GET %s: %d %s", path, a.Status, a.Body)
	}
	return json.Unmarshal(a.Body, into)
}
