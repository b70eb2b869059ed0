//go:build linux

package embedded

import (
	"net/url"
	"path/filepath"
)

// Running returns where the PostgreSQL and the Redis answer that another program
// runs on a data folder, as Start says with ErrInUse. It does not look whether
// they do.
func Running(o Options) (databaseURL, redisURL string, err error) {
	o = o.withDefaults()
	if o.DataDir, err = resolve(o.DataDir); err != nil {
		return "", "", err
	}
	ids, err := tenants(o.DataDir)
	if err != nil {
		return "", "", err
	}
	databaseURL = postgresURL(socketFolder(filepath.Join(o.DataDir, "postgres"), postgresSocket, ids.postgres), o.Database)
	socket := filepath.Join(socketFolder(filepath.Join(o.DataDir, "redis"), redisSocket, ids.redis), redisSocket)
	return databaseURL, (&url.URL{Scheme: "unix", Path: socket}).String(), nil
}
