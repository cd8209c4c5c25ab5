package app

import (
	"fmt"
	"os"

	"github.com/caarlos0/env/v11"
)

// Config is what the environment decides. The README's table is these comments.
type Config struct {
	// Listen is the address of the APIs.
	Listen string `env:"INCENT_LISTEN" envDefault:"127.0.0.1:8080"`

	// OperationsListen is the address of /metrics, /livez, /readyz and
	// /debug/pprof; empty turns it off.
	OperationsListen string `env:"INCENT_OPERATIONS_LISTEN" envDefault:"127.0.0.1:8081"`

	// DatabaseURL names a PostgreSQL 15 or newer; empty starts a private one.
	DatabaseURL string `env:"INCENT_DATABASE_URL"`

	// DataDir holds the private PostgreSQL and demo.env.
	DataDir string `env:"INCENT_DATA_DIR" envDefault:"./.incent"`

	// DatabaseConnections bounds the pool. At least 2: a sweep works on one
	// connection while another keeps its lock.
	DatabaseConnections int32 `env:"INCENT_DATABASE_CONNECTIONS" envDefault:"16"`

	// IncentaHost and IncentableHost are served at the documented bare /v1.
	IncentaHost    string `env:"INCENT_INCENTA_HOST" envDefault:"api.incenta.dev"`
	IncentableHost string `env:"INCENT_INCENTABLE_HOST" envDefault:"api.incentable.com"`

	// AllowVolatileDatabase is a flag only, so that nobody inherits it.
	AllowVolatileDatabase bool
}

// leastConnections is what a process needs at the same moment; see internal/job.
const leastConnections = 2

// FromEnvironment reads the configuration.
func FromEnvironment() (Config, error) {
	c, err := env.ParseAs[Config]()
	if err == nil && c.DatabaseConnections < leastConnections {
		err = fmt.Errorf("INCENT_DATABASE_CONNECTIONS is %d, and must be at least %d", c.DatabaseConnections, leastConnections)
	}
	// The library takes an empty variable for an absent one.
	if v, set := os.LookupEnv("INCENT_OPERATIONS_LISTEN"); set && v == "" {
		c.OperationsListen = ""
	}
	return c, err
}
