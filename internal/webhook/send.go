package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/incent-dev/incent/internal/pg"
)

const (
	// sendLimit bounds an attempt, from the look-up of the name to the answer.
	sendLimit = 15 * time.Second

	// An answer is its status; of its body so much is read, for so long, that
	// the connection can be used again where the body is short.
	bodyLimit    = 4 << 10
	bodyPatience = time.Second

	// maxAnswerHead bounds the headers that are read, headLimit those that are
	// kept.
	maxAnswerHead = 16 << 10
	headLimit     = 4 << 10
	valueLimit    = 256

	idleLimit = 30 * time.Second
)

// newSender makes connections to where guard lets them, through no proxy.
func newSender(to reach) *http.Transport {
	return &http.Transport{
		DialContext:            dialer(to, nil).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectLimit,
		MaxIdleConnsPerHost:    parallel,
		MaxIdleConns:           4 * parallel,
		IdleConnTimeout:        idleLimit,
		MaxResponseHeaderBytes: maxAnswerHead,
		DisableCompression:     true,
	}
}

// Why no answer came; stored, and shown to operators.
const (
	problemAddress  = "address_refused"
	problemName     = "name_not_found"
	problemTimeout  = "timeout"
	problemTLS      = "certificate_refused"
	problemBroken   = "no_answer"
	problemNoEvent  = "event_missing"
	userAgent       = "Incent-Webhooks/1"
	contentTypeJSON = "application/json"
)

// attempt is one delivery that was sent, or tried to be.
type attempt struct {
	due
	answer
	problem                   string
	at                        time.Time // by the tenant's clock
	took                      time.Duration
	requestHead, responseHead string // JSON
	cut                       bool   // we gave up ourselves: as if it had not been
}

// said is what an attempt came to, for metrics.
func (a attempt) said() string {
	switch {
	case a.ok():
		return "delivered"
	case a.status != 0:
		return "refused"
	}
	return a.problem
}

// send makes one attempt at a delivery: one request, no redirects.
func (h *Hooks) send(ctx context.Context, b *batch, d due) attempt {
	a := attempt{due: d, at: b.now}
	if d.body == nil {
		a.problem, a.permanent = problemNoEvent, true
		return a
	}
	began := pg.Now()
	to, err := url.Parse(b.endpoint.URL)
	if err != nil {
		a.problem, a.permanent = problemAddress, true
		return a
	}
	limited, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	head := http.Header{"Content-Type": {contentTypeJSON}, "User-Agent": {userAgent}}
	sign(head, b.endpoint.Style, d.id, began, d.body, b.secrets, d.attempts+1)
	a.requestHead = headText(head)
	r := (&http.Request{
		Method: http.MethodPost, URL: to, Host: to.Host, Header: head, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(d.body)), ContentLength: int64(len(d.body)),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(d.body)), nil },
	}).WithContext(limited)
	// A round trip follows no redirect and keeps no cookie.
	resp, err := h.senders[reachOf(to.Scheme, b.test)].RoundTrip(r)
	if err != nil {
		a.took = pg.Now().Sub(began)
		a.cut = ctx.Err() != nil
		a.problem = problemOf(limited, err)
		return a
	}
	a.status, a.responseHead = resp.StatusCode, headText(kept(resp.Header))
	a.took = pg.Now().Sub(began)
	if !a.ok() {
		a.retryAfter = retryAfter(resp.Header.Get("Retry-After"), began)
	}
	drain(resp.Body)
	return a
}

// drain reads the little that lets a connection be used again, and otherwise
// closes it.
func drain(body io.ReadCloser) {
	patience := time.AfterFunc(bodyPatience, func() { _ = body.Close() })
	defer patience.Stop()
	_, _ = io.CopyN(io.Discard, body, bodyLimit)
	_ = body.Close()
}

func problemOf(limited context.Context, err error) string {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.Is(err, errInside):
		return problemAddress
	case limited.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return problemTimeout
	case errors.As(err, &name):
		return problemName
	case errors.As(err, &certificate):
		return problemTLS
	}
	return problemBroken
}

// keptHeaders are those of an answer that tell of the receiver. Others, ids of its
// own making too, may repeat what was told about a person, and an erasure would
// not find them.
var keptHeaders = []string{"Cf-Ray", "Connection", "Content-Length", "Content-Type", "Date", "Retry-After", "Server", "Via"}

func kept(h http.Header) http.Header {
	some := http.Header{}
	for _, name := range keptHeaders {
		if values := h.Values(name); len(values) > 0 {
			some[name] = values
		}
	}
	return some
}

// headText renders headers as they are kept: an object of texts, bounded.
func headText(h http.Header) string {
	texts, size := map[string]string{}, 0
	for name, values := range h {
		value := strings.ToValidUTF8(strings.Join(values, ", "), "?")
		if len(value) > valueLimit {
			value = strings.ToValidUTF8(value[:valueLimit], "") + "..."
		}
		if size += len(name) + len(value); size > headLimit {
			break
		}
		texts[name] = value
	}
	text, err := json.Marshal(texts)
	if err != nil {
		return ""
	}
	return string(text)
}
