package pg

import (
	"context"
	"fmt"

	"github.com/incent-dev/incent/gen/query"
)

// ServerSecret reads 256 random bits that all servers on this database share
// under a name; the first server to ask makes them.
func ServerSecret(ctx context.Context, db query.DBTX, name string) ([]byte, error) {
	fresh := NewSecret()
	q := query.New()
	if err := q.ServerSecretInsert(ctx, db, query.ServerSecretInsertParams{Name: name, Secret: fresh[:]}); err != nil {
		return nil, fmt.Errorf("server secret: %w", err)
	}
	secret, err := q.ServerSecretGet(ctx, db, name)
	if err != nil {
		return nil, fmt.Errorf("server secret: %w", err)
	}
	return secret, nil
}
