package apptest_test

import (
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
)

func TestMain(m *testing.M) { apptest.Main(m, apptest.Covered) }
