package management

import (
	"context"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/fault"
)

// GetLiability is not there yet.
func (a *API) GetLiability(context.Context, gen.GetLiabilityRequestObject) (gen.GetLiabilityResponseObject, error) {
	return nil, fault.New(fault.NotFound, fault.CodeNotFound, "There is no such path")
}
