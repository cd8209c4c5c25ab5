package webhook

import (
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// MaxAttempts bounds the attempts at one delivery: about three days of them.
	MaxAttempts = 10

	// failingDays is how long an endpoint may fail before it is disabled, and
	// minFailures how many attempts that takes at least, so that two failures in
	// a quiet week are not it.
	failingDays = 5 * 24 * time.Hour
	minFailures = 5

	// After holdFrom failures in a row an endpoint is only tried with one
	// delivery at a time, holdFirst later, twice that, ... up to holdMost.
	holdFrom  = 10
	holdFirst = 10 * time.Second
	holdMost  = 10 * time.Minute

	// maxRetryAfter bounds what a receiver may ask us to wait.
	maxRetryAfter = 24 * time.Hour
)

// pauses are those after the first attempt, the second, ...: 3 days but for 25 minutes.
var pauses = [MaxAttempts - 1]time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 20 * time.Hour,
}

// pauseAfter is how long a delivery rests after so many attempts: up to a fifth
// more or less than planned, so that what failed together does not come together
// again. The same delivery always rests as long.
func pauseAfter(attempts int, deliveryID string) time.Duration {
	planned := pauses[min(attempts, len(pauses))-1]
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(deliveryID + strconv.Itoa(attempts))) // never fails
	return planned*4/5 + planned*2/5*time.Duration(hash.Sum32()%1000)/1000
}

// health is how an endpoint is.
type health struct {
	state        State
	reason       string
	failures     int
	failingSince time.Time // zero: it does not
	retryAt      time.Time // of the endpoint as a whole
}

// answer is what an attempt came to, as far as health and schedule go.
type answer struct {
	status     int           // 0: none came
	retryAfter time.Duration // asked for; 0: not
	permanent  bool          // no later attempt can do better
}

func (a answer) ok() bool { return a.status >= 200 && a.status <= 299 }

// after is the health of an endpoint that gave an answer.
func (h health) after(a answer, now time.Time) health {
	if a.ok() {
		h.failures, h.failingSince = 0, time.Time{}
		return h
	}
	if h.failures++; h.failures == 1 {
		h.failingSince = now
	}
	hold := a.retryAfter
	if h.failures >= holdFrom {
		hold = max(hold, min(holdFirst<<min(h.failures-holdFrom, 10), holdMost))
	}
	if until := now.Add(hold); hold > 0 && until.After(h.retryAt) {
		h.retryAt = until
	}
	if h.state != Active {
		return h
	}
	switch {
	case a.status == http.StatusGone:
		h.state, h.reason = Disabled, ReasonGone
	case h.failures >= minFailures && !now.Before(h.failingSince.Add(failingDays)):
		h.state, h.reason = Disabled, ReasonFailing
	}
	return h
}

// What becomes of a delivery.
const (
	Pending   = "pending"
	Delivered = "delivered"
	Failed    = "failed"
)

// outcome is what becomes of a delivery after its attempts-th attempt, and when it
// is due next.
func (a answer) outcome(deliveryID string, attempts int, test bool, now time.Time) (state string, due time.Time) {
	switch {
	case a.ok():
		return Delivered, now
	case a.permanent, test, attempts >= MaxAttempts:
		return Failed, now
	}
	return Pending, now.Add(max(pauseAfter(attempts, deliveryID), a.retryAfter))
}

// retryAfter reads the header of that name: seconds or an instant.
func retryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return max(0, min(wait, maxRetryAfter))
}
