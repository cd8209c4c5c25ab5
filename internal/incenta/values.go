package incenta

import (
	"time"

	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/fault"
)

// change sets what a request names; null clears it.
func change[T any](target **T, given nullable.Nullable[T]) {
	if !given.IsSpecified() {
		return
	}
	*target = nil
	if value, err := given.Get(); err == nil {
		*target = &value
	}
}

// assign sets what a request names and cannot clear.
func assign[T any](target *T, given *T) {
	if given != nil {
		*target = *given
	}
}

func orNull[T any](p *T) nullable.Nullable[T] {
	if p == nil {
		return nullable.NewNullNullable[T]()
	}
	return nullable.NewNullableWithValue(*p)
}

func pagination(page, limit int, total int64) gen.Pagination {
	return gen.Pagination{Page: int32(page), Limit: int32(limit), Total: total, TotalPages: (total + int64(limit) - 1) / int64(limit)}
}

func views[T, V any](list []T, view func(T) V) []V {
	out := make([]V, len(list))
	for i, v := range list {
		out[i] = view(v)
	}
	return out
}

// moment reads a time that may be null or left out: nil is left out, the zero
// time null.
func moment(field string, given nullable.Nullable[string]) (*time.Time, error) {
	if !given.IsSpecified() {
		return nil, nil
	}
	var at time.Time
	if text, err := given.Get(); err == nil {
		at, err = time.Parse(time.RFC3339Nano, text)
		if at = at.UTC().Truncate(time.Microsecond); err != nil || at.Year() < 1970 || at.Year() > 9998 {
			return nil, fault.Field(field, "must be an RFC 3339 time from 1970 on, such as 2026-06-18T12:00:00Z")
		}
	}
	return &at, nil
}
