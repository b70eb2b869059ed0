//go:build linux

package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const redisSocket = "redis.sock"

// redisNames are the names that a Redis server goes by.
var redisNames = []string{"redis-server", "valkey-server"}

func findRedis() (string, error) {
	for _, name := range redisNames {
		// An error means that this one is not installed.
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("embedded: no Redis is installed: install the package redis-server, or set REDIS_URL")
}

// startRedis runs the server. Carts must outlive a restart, so every write is
// kept in a file. When memory runs out, it is keys with a lifetime that go.
func (s *Stack) startRedis(ctx context.Context, server string, id identity) error {
	home := filepath.Join(s.options.DataDir, "redis")
	if err := makePrivate(home, id); err != nil {
		return err
	}
	err := evict(ctx, s.log, redisNames, []string{home},
		step{syscall.SIGTERM, 10 * time.Second}, step{syscall.SIGKILL, 5 * time.Second})
	if err != nil {
		return err
	}
	sockets, err := s.sockets(home, redisSocket, id)
	if err != nil {
		return err
	}
	socket := filepath.Join(sockets, redisSocket)
	appendfsync := "everysec"
	if s.options.Unsynced {
		appendfsync = "no"
	}
	s.redis, err = s.run("redis", id, home, syscall.SIGTERM, server,
		"--port", "0", // the socket alone
		"--unixsocket", socket,
		"--unixsocketperm", "700",
		"--dir", home,
		"--appendonly", "yes",
		"--appendfsync", appendfsync,
		"--save", "",
		"--maxmemory", "128mb",
		"--maxmemory-policy", "volatile-lru",
	)
	if err != nil {
		return err
	}
	err = s.redis.await(ctx, 2*time.Minute, func(ctx context.Context) error { return ping(ctx, socket) })
	if err != nil {
		return err
	}
	s.RedisURL = (&url.URL{Scheme: "unix", Path: socket}).String()
	return nil
}

// ping asks a Redis whether it is ready. A client would do more than that, keep
// connections, try again and log its failures, none of which is wanted here.
func ping(ctx context.Context, socket string) (err error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()

	if deadline, limited := ctx.Deadline(); limited {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if answer != "+PONG\r\n" {
		return fmt.Errorf("answered %q", answer) // that it is still reading its file, as a rule
	}
	return nil
}
