package management

import (
	"context"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/person"
	"github.com/incent-dev/incent/internal/wire"
)

// EraseMember forgets a member.
func (a *API) EraseMember(ctx context.Context, r gen.EraseMemberRequestObject) (gen.EraseMemberResponseObject, error) {
	view := func(e person.Erasure) gen.EraseMemberResponseObject {
		return gen.EraseMember200JSONResponse{Body: gen.Erased{Id: e.Member, ErasedAt: wire.Millis(e.ErasedAt)}}
	}
	return httpapi.Mutate(ctx, view, gen.EraseMemberResponseObject.VisitEraseMemberResponse,
		func(t *once.Ticket) (person.Erasure, error) {
			return a.people.Erase(ctx, httpapi.Caller(ctx).Tenant, r.MemberId, t)
		})
}

// GetErasure tells whether a member was erased, and how far it is.
func (a *API) GetErasure(ctx context.Context, r gen.GetErasureRequestObject) (gen.GetErasureResponseObject, error) {
	e, err := a.people.Erasure(ctx, httpapi.Caller(ctx).Tenant, r.MemberId)
	if err != nil {
		return nil, err
	}
	return gen.GetErasure200JSONResponse{Body: gen.Erasure{Id: e.Member, ErasedAt: wire.Millis(e.ErasedAt), CompletedAt: maybe(e.CompletedAt)}}, nil
}

// ExportMember tells what is stored about a member.
func (a *API) ExportMember(ctx context.Context, r gen.ExportMemberRequestObject) (gen.ExportMemberResponseObject, error) {
	section, after, limit := gen.ExportSection(""), "", person.MaxEntries
	assign(&section, r.Params.Section, same)
	assign(&after, r.Params.After, same)
	assign(&limit, r.Params.Limit, same)
	e, err := a.people.Export(ctx, httpapi.Caller(ctx).Tenant, r.MemberId, string(section), after, limit)
	if err != nil {
		return nil, err
	}
	out := gen.Export{MemberId: e.Member, ExportedAt: wire.Millis(e.At), Sections: map[string]gen.ExportPage{}}
	for _, s := range e.Sections {
		out.Sections[s.Name] = gen.ExportPage{Data: s.Data, Next: textOrNull(s.Next)}
	}
	return gen.ExportMember200JSONResponse{Body: out}, nil
}
