package event_test

import (
	"testing"

	"github.com/incent-dev/incent/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
