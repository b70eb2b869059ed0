//go:build linux

package embedded

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// oldestPostgres is the oldest version that a new database is made with.
const oldestPostgres = 15

const postgresSocket = ".s.PGSQL.5432"

// A postgresServer is an installed PostgreSQL, and the database it is to serve.
type postgresServer struct {
	bin     string // the folder of initdb and postgres
	version string // the major version, such as 15
	cluster string // the folder of the data
	made    bool   // whether the data is there already
}

// needs is how much free room it takes to start: for a new cluster, what initdb
// writes, and otherwise two segments of the log that PostgreSQL writes ahead.
func (p postgresServer) needs() uint64 {
	if p.made {
		return 32 << 20
	}
	return 96 << 20
}

// findPostgres returns the server for home, the folder that holds a cluster or
// is to hold one. A cluster can be served by the version that made it alone; a
// new one is made with the newest. Nothing is changed in home.
func findPostgres(bin, home string) (postgresServer, error) {
	installed, err := installedPostgres(bin)
	if err != nil {
		return postgresServer{}, err
	}
	made, err := clusters(home)
	if err != nil {
		return postgresServer{}, err
	}
	if len(made) > 0 {
		newest := slices.MaxFunc(made, byVersion)
		for _, p := range installed {
			if p.version == newest.version {
				newest.bin = p.bin
				return newest, nil
			}
		}
		here := "this machine has none"
		if len(installed) > 0 {
			here = "this machine has " + versions(installed)
		}
		return postgresServer{}, fmt.Errorf("embedded: the database in %s was made by PostgreSQL %s, which alone can read it, and %s: install the package postgresql-%s, or set DATABASE_URL",
			newest.cluster, newest.version, here, newest.version)
	}
	if len(installed) == 0 {
		return postgresServer{}, errors.New("embedded: no PostgreSQL server is installed: install the package postgresql, or set DATABASE_URL")
	}
	newest := slices.MaxFunc(installed, byVersion)
	if number(newest.version) < oldestPostgres {
		return postgresServer{}, fmt.Errorf("embedded: PostgreSQL %s is too old: install version %d or newer, or set DATABASE_URL", newest.version, oldestPostgres)
	}
	newest.cluster = filepath.Join(home, newest.version)
	return newest, nil
}

func byVersion(a, b postgresServer) int { return cmp.Compare(number(a.version), number(b.version)) }

// number makes versions comparable. Major versions before 10 had two parts.
func number(version string) float64 {
	n, err := strconv.ParseFloat(version, 64)
	if err != nil {
		return 0 // older than any
	}
	return n
}

func versions(servers []postgresServer) string {
	var all []string
	for _, p := range servers {
		all = append(all, p.version)
	}
	return strings.Join(all, ", ")
}

// clusters returns the clusters in home, with their versions.
func clusters(home string) ([]postgresServer, error) {
	entries, err := os.ReadDir(home)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("embedded: %w: was it made when the program ran as another user?", err)
	}
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	var made []postgresServer
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), unfinished) {
			continue
		}
		cluster := filepath.Join(home, entry.Name())
		version, err := os.ReadFile(filepath.Join(cluster, "PG_VERSION"))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("embedded: %w", err)
		}
		made = append(made, postgresServer{version: strings.TrimSpace(string(version)), cluster: cluster, made: true})
	}
	return made, nil
}

// installedPostgres returns the servers found in bin or, when it is empty, where
// systems put them.
func installedPostgres(bin string) ([]postgresServer, error) {
	folders := []string{bin}
	if bin == "" {
		// Debian keeps them out of PATH, one folder to a version, and others
		// have similar habits.
		for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/lib/postgresql*/bin", "/usr/local/pgsql/bin"} {
			found, err := filepath.Glob(pattern)
			if err != nil {
				return nil, fmt.Errorf("embedded: look for PostgreSQL: %w", err)
			}
			folders = append(folders, found...)
		}
		if path, err := exec.LookPath("postgres"); err == nil {
			folders = append(folders, filepath.Dir(path))
		}
		folders = folders[1:]
	}
	var installed []postgresServer
	for _, folder := range folders {
		if _, err := os.Stat(filepath.Join(folder, "initdb")); errors.Is(err, fs.ErrNotExist) {
			continue // only the client
		}
		version, err := postgresVersion(filepath.Join(folder, "postgres"))
		if err != nil {
			return nil, err
		}
		installed = append(installed, postgresServer{bin: folder, version: version})
	}
	// The same server may be found twice, in its own folder and in PATH.
	slices.SortStableFunc(installed, byVersion)
	installed = slices.CompactFunc(installed, func(a, b postgresServer) bool { return a.version == b.version })
	if bin != "" && len(installed) == 0 {
		return nil, fmt.Errorf("embedded: there is no initdb in %s", bin)
	}
	return installed, nil
}

// postgresVersion returns the major version of a server, which it tells as in
// "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)" or "17beta1".
func postgresVersion(postgres string) (string, error) {
	out, err := exec.Command(postgres, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("embedded: ask %s its version: %w", postgres, err)
	}
	fields := strings.Fields(string(out))
	if len(fields) < 3 || fields[2][0] < '0' || fields[2][0] > '9' {
		return "", fmt.Errorf("embedded: the version of %s is not understood: %q", postgres, out)
	}
	major := fields[2]
	if end := strings.IndexFunc(major, func(r rune) bool { return r < '0' || r > '9' }); end > 0 {
		major = major[:end]
	}
	return major, nil
}

// startPostgres runs the server, after making the cluster if there is none, and
// makes the program's database.
func (s *Stack) startPostgres(ctx context.Context, server postgresServer, id identity) error {
	home := filepath.Dir(server.cluster)
	if err := makePrivate(home, id); err != nil {
		return err
	}
	err := evict(ctx, s.log, []string{"postgres", "initdb"}, []string{home, server.cluster, server.cluster + unfinished},
		step{syscall.SIGINT, 30 * time.Second}, step{syscall.SIGQUIT, 10 * time.Second})
	if err != nil {
		return err
	}
	if server.made {
		// As with the socket's lock: no server lives here, and this file, which
		// says that one does, cannot be trusted to be seen through.
		err = remove(filepath.Join(server.cluster, "postmaster.pid"))
	} else {
		err = s.makeCluster(ctx, server, id)
	}
	if err != nil {
		return err
	}
	sockets, err := s.sockets(home, postgresSocket, id)
	if err != nil {
		return err
	}

	settings := []string{
		"listen_addresses=", // the socket alone
		"unix_socket_directories=" + sockets,
		"unix_socket_permissions=0700",
		"port=5432", // part of the socket's name
		"max_connections=" + strconv.Itoa(s.options.MaxConnections),
		"shared_buffers=128MB",
		"jit=off", // pages are made of short queries, which it makes longer
		"timezone=UTC",
		"cluster_name=kissaria",
		"log_timezone=UTC",
		"log_line_prefix=%m [%p] ",
		"log_destination=stderr",
		"logging_collector=off",
	}
	if s.options.Unsynced {
		settings = append(settings, "fsync=off", "full_page_writes=off")
	}
	args := []string{"-D", server.cluster}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	program := filepath.Join(server.bin, "postgres")
	if s.postgres, err = s.run("postgres", id, home, syscall.SIGINT, program, args...); err != nil {
		return err
	}

	admin := postgresURL(sockets, "postgres")
	// After a crash, PostgreSQL first repeats what it had written ahead, and
	// with much to repeat that may take minutes.
	err = s.postgres.await(ctx, 10*time.Minute, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, admin)
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
	if err != nil {
		return err
	}
	if err := makeDatabase(ctx, admin, s.options.Database); err != nil {
		return fmt.Errorf("embedded: make the database %s: %w", s.options.Database, err)
	}
	s.DatabaseURL = postgresURL(sockets, s.options.Database)
	return nil
}

// unfinished ends the name of a cluster that is being made.
const unfinished = ".unfinished"

// makeCluster makes the cluster beside its place and moves it there when it is
// whole, so that whatever interrupts it, nothing is left that looks like one.
func (s *Stack) makeCluster(ctx context.Context, server postgresServer, id identity) (err error) {
	making := server.cluster + unfinished
	if err := os.RemoveAll(making); err != nil {
		return fmt.Errorf("embedded: remove an unfinished cluster: %w", err)
	}
	args := []string{
		"--pgdata=" + making,
		"--username=kissaria",
		"--encoding=UTF8",
		// C.UTF-8 is on every machine. Plain C knows no letters beyond ASCII,
		// so that searches would tell É from é.
		"--locale=C.UTF-8",
		"--auth-local=trust", // the socket's folder is what keeps others out
		"--auth-host=reject",
		"--no-instructions",
	}
	if s.options.Unsynced {
		args = append(args, "--no-sync")
	}
	var out bytes.Buffer
	cmd := s.command(ctx, id, filepath.Dir(making), syscall.SIGTERM, filepath.Join(server.bin, "initdb"), args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	// The whole group is interrupted, for initdb would leave its own child at
	// work in the folder that is removed next.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if err := s.starter.start(cmd); err != nil {
		return fmt.Errorf("embedded: start initdb as %s: %w", id, err)
	}
	if err = cmd.Wait(); err == nil {
		err = os.Rename(making, server.cluster)
	}
	switch {
	case err == nil:
		if s.options.Unsynced {
			return nil
		}
		return syncFolder(filepath.Dir(making))
	case ctx.Err() != nil:
		err = fmt.Errorf("embedded: make the cluster %s: interrupted: %w", server.cluster, context.Cause(ctx))
	default:
		err = fmt.Errorf("embedded: make the cluster %s: %w\n%s", server.cluster, err, tail(out.Bytes()))
	}
	// The caller may have stopped waiting, but cleaning up must not be cut short.
	clean := evict(context.WithoutCancel(ctx), s.log, []string{"postgres", "initdb"}, []string{making},
		step{syscall.SIGQUIT, 5 * time.Second})
	if clean == nil {
		clean = os.RemoveAll(making)
	}
	return errors.Join(err, clean)
}

// syncFolder makes the names in a folder survive a power cut.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	return nil
}

// makeDatabase makes the database unless it is there.
func makeDatabase(ctx context.Context, admin, name string) (err error) {
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()

	var there bool
	err = conn.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT
			FROM pg_database
			WHERE datname = $1)`, name).Scan(&there)
	if err != nil || there {
		return err
	}
	_, err = conn.Exec(ctx, `CREATE DATABASE `+pgx.Identifier{name}.Sanitize())
	return err
}

// postgresURL is the address of a database behind the socket in a folder.
func postgresURL(sockets, database string) string {
	// A space must not be written as a plus sign, which PostgreSQL's own tools
	// take for one.
	host := strings.ReplaceAll(url.QueryEscape(sockets), "+", "%20")
	return "postgres:///" + url.PathEscape(database) + "?host=" + host + "&port=5432&user=kissaria&sslmode=disable"
}
