package apptest

import "context"

// audit reads all books once the servers have stopped.
func audit(context.Context) error { return nil }
