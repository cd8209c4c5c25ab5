package incenta

import (
	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/incenta"
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
