package apptest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

// coverage counts the answers met.
type coverage struct {
	mu  sync.Mutex
	met map[answerOf]int
}

type answerOf struct {
	operation string
	status    int
}

func (c *coverage) add(operation string, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.met == nil {
		c.met = map[answerOf]int{}
	}
	c.met[answerOf{operation, status}]++
}

func (c *coverage) count(operation string, status int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.met[answerOf{operation, status}]
}

// elusive statuses cannot be brought about by a caller alone.
var elusive = []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}

// Covered fails on every served operation without a success in any test, and on
// every documented status that a caller can provoke and no test did.
func Covered() error {
	var errs []error
	for _, f := range running.facades {
		errs = append(errs, f.uncovered()...)
	}
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

func (f *Facade) uncovered() []error {
	var errs []error
	for _, op := range f.Served {
		succeeded := false
		name := fmt.Sprintf("%s %s %s (%s)", f.Kind, op.Method, op.Path, op.ID)
		for code := range op.Spec.Responses.Map() {
			status, err := strconv.Atoi(code)
			if err != nil || slices.Contains(elusive, status) {
				continue
			}
			met := f.met.count(op.ID, status)
			succeeded = succeeded || met > 0 && status < 300
			if met == 0 {
				errs = append(errs, fmt.Errorf("no test saw %s answer %d", name, status))
			}
		}
		if !succeeded {
			errs = append(errs, fmt.Errorf("no test saw %s succeed: give it a case in internal/apptest/golden_test.go", name))
		}
	}
	return errs
}
