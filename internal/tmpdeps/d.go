package tmpdeps

import (
	_ "github.com/getkin/kin-openapi/openapi3"
	_ "github.com/golang-migrate/migrate/v4"
	_ "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	_ "github.com/golang-migrate/migrate/v4/source/iofs"
	_ "github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/labstack/echo/v4"
	_ "github.com/oapi-codegen/nullable"
	_ "github.com/oapi-codegen/runtime"
	_ "github.com/spf13/cobra"
	_ "github.com/caarlos0/env/v11"
	_ "golang.org/x/sync/errgroup"
	_ "github.com/schollz/progressbar/v3"
	_ "pgregory.net/rapid"
	_ "github.com/google/uuid"
	_ "go.uber.org/goleak"
	_ "github.com/prometheus/client_golang/prometheus"
)
