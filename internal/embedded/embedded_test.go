//go:build linux

package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestStartFromNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), "not", "yet", "there")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(here, dir)
	if err != nil {
		t.Fatal(err)
	}

	s := start(t, Options{DataDir: relative, Database: "the souk", MaxConnections: 17})
	for sql, want := range map[string]string{
		`SELECT current_database()`:    "the souk",
		`SHOW listen_addresses`:        "",
		`SHOW max_connections`:         "17",
		`SHOW shared_buffers`:          "128MB",
		`SHOW jit`:                     "off",
		`SHOW fsync`:                   "on",
		`SHOW TimeZone`:                "UTC",
		`SHOW server_encoding`:         "UTF8",
		`SHOW unix_socket_permissions`: "0700",
		`SELECT lower('BÉNI')`:         "béni",
		`SELECT datcollate FROM pg_database WHERE datname = current_database()`: "C.UTF-8",
	} {
		if got := ask(t, s.DatabaseURL, sql); got != want {
			t.Errorf("%s is %q, want %q", sql, got, want)
		}
	}
	for setting, want := range map[string]string{
		"port": "0", "appendonly": "yes", "appendfsync": "everysec", "save": "",
		"maxmemory": "134217728", "maxmemory-policy": "volatile-lru",
	} {
		got, err := redisClient(t, s.RedisURL).ConfigGet(t.Context(), setting).Result()
		if err != nil || got[setting] != want {
			t.Errorf("Redis has %s %q, %v; want %q", setting, got[setting], err, want)
		}
	}
	for _, name := range []string{"postgres", "redis"} {
		info, err := os.Stat(filepath.Join(dir, name, "sockets"))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o700 {
			t.Errorf("the folder of %s's socket has mode %o, want 700", name, got)
		}
	}
	for _, p := range []*process{s.postgres, s.redis} {
		if env := read(t, fmt.Sprintf("/proc/%d/environ", p.cmd.Process.Pid)); strings.Contains(env, "PATH="+os.Getenv("PATH")) {
			t.Errorf("%s was given our environment: %q", p.name, env)
		}
	}
}

// A PostgreSQL runs for the whole machine, on the usual port. Ours neither uses
// nor disturbs it.
func TestStartBesideTheMachinesPostgres(t *testing.T) {
	t.Parallel()
	theirs := folder(t)
	made := start(t, quick(theirs))
	server, id, sockets := made.postgres.cmd.Path, made.postgres.cmd.SysProcAttr.Credential, filepath.Join(theirs, "postgres", "sockets")
	sell(t, made.DatabaseURL, made.RedisURL)
	stop(t, made)

	var machines *exec.Cmd
	if l, err := net.Listen("tcp", "127.0.0.1:5432"); err != nil {
		t.Logf("something has the usual port already: %v", err)
	} else {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		machines = exec.Command(server, "-D", cluster(t, theirs), "-k", sockets,
			"-c", "listen_addresses=127.0.0.1", "-c", "port=5432", "-c", "fsync=off")
		machines.Dir = "/"
		machines.SysProcAttr = &syscall.SysProcAttr{Credential: id, Setpgid: true}
		if err := machines.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = machines.Wait(); close(ended) }()
		t.Cleanup(func() {
			_ = machines.Process.Signal(syscall.SIGINT)
			<-ended
		})
		eventually(t, "the machine's PostgreSQL", func() bool {
			conn, err := net.Dial("tcp", "127.0.0.1:5432")
			return err == nil && conn.Close() == nil
		})
	}

	dir := folder(t)
	ours := start(t, quick(dir))
	if got, want := ask(t, ours.DatabaseURL, `SHOW data_directory`), cluster(t, dir); got != want {
		t.Errorf("we were led to %s, want %s", got, want)
	}
	for _, p := range []*process{ours.postgres, ours.redis} {
		if listensOnNetwork(t, p.cmd.Process.Pid) {
			t.Errorf("%s listens on the network", p.name)
		}
	}
	stop(t, ours)

	if machines != nil {
		if !listensOnNetwork(t, machines.Process.Pid) {
			t.Error("the machine's PostgreSQL has left the network")
		}
		if got := ask(t, made.DatabaseURL, `SELECT string_agg(name, ',') FROM rugs`); got != "beni ourain" {
			t.Errorf("the machine's PostgreSQL has rugs %q", got)
		}
	}
}

func TestStartOverStaleFiles(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, quick(dir))
	sell(t, s.DatabaseURL, s.RedisURL)
	pidFile := filepath.Join(cluster(t, dir), "postmaster.pid")
	lockFile := filepath.Join(dir, "postgres", "sockets", postgresSocket+".lock")
	pid, lock := read(t, pidFile), read(t, lockFile)
	credential := s.postgres.cmd.SysProcAttr.Credential
	stop(t, s)

	// One that PostgreSQL, being of the same user, sees to be alive.
	stranger := exec.Command("sleep", "600")
	stranger.Dir = "/"
	stranger.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stranger.Process.Kill()
		_ = stranger.Wait()
	})

	for _, tt := range []struct {
		name string
		pid  int
	}{
		{"of a process long gone", 1<<22 - 1},
		{"of this test", os.Getpid()},
		{"of a stranger with the server's user", stranger.Process.Pid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for path, content := range map[string]string{pidFile: pid, lockFile: lock} {
				_, rest, _ := strings.Cut(content, "\n")
				write(t, path, fmt.Sprintf("%d\n%s", tt.pid, rest))
				if credential != nil {
					if err := os.Chown(path, int(credential.Uid), int(credential.Gid)); err != nil {
						t.Fatal(err)
					}
				}
			}
			s := start(t, quick(dir))
			sold(t, s)
			stop(t, s)
		})
	}
	if !alive(stranger.Process.Pid) {
		t.Error("the stranger was not left alone")
	}
}

func TestStartAfterKill(t *testing.T) {
	t.Parallel()
	for _, manner := range []string{"guarded", "unguarded"} {
		t.Run("of a program whose children are "+manner, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			p := runProgram(t, dir, manner)
			databaseURL, redisURL, _ := strings.Cut(p.hears(t, "ready"), " ")
			sell(t, databaseURL, redisURL)
			orphan := postmaster(t, dir)
			p.killed(t)
			if manner == "unguarded" {
				time.Sleep(200 * time.Millisecond)
				if !alive(orphan) {
					t.Fatal("PostgreSQL ended with the program, so there is nothing to try")
				}
			}

			s := start(t, quick(dir))
			sold(t, s)
			if alive(orphan) {
				t.Errorf("the orphan %d is still there", orphan)
			}
		})
	}
	t.Run("of everything", func(t *testing.T) {
		t.Parallel()
		dir := folder(t)
		s := start(t, quick(dir))
		sell(t, s.DatabaseURL, s.RedisURL)
		for _, p := range []*process{s.postgres, s.redis} {
			if err := p.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := <-s.Died(); !strings.Contains(err.Error(), p.name+" ended by itself (signal: killed)") {
				t.Errorf("Died yields %q, want that %s was killed", err, p.name)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close after all have died: %v", err)
		}
		sold(t, start(t, quick(dir)))
	})
}

func TestStartTwiceOnOneFolder(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	p := runProgram(t, dir, "guarded")
	databaseURL, redisURL, _ := strings.Cut(p.hears(t, "ready"), " ")
	sell(t, databaseURL, redisURL)

	s, err := Start(t.Context(), quick(dir))
	if !errors.Is(err, ErrInUse) {
		t.Fatalf("second Start = %v, %v; want ErrInUse", s, err)
	}
	if want := fmt.Sprintf("data folder is held by another kissaria (pid %d)", p.Process.Pid); !strings.Contains(err.Error(), want) {
		t.Errorf("second Start says %q, want %q in it", err, want)
	}
	if got := ask(t, databaseURL, `SELECT string_agg(name, ',') FROM rugs`); got != "beni ourain" {
		t.Errorf("the first one's rugs are %q", got)
	}
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.hears(t, "closed")
	sold(t, start(t, quick(dir)))
}

func TestStartOnAnotherVersionsData(t *testing.T) {
	t.Parallel()
	// The one version that is installed, as far as Start can see, is not theirs.
	installed, err := installedPostgres("")
	if err != nil || len(installed) == 0 {
		t.Fatalf("installed: %v, %v", installed, err)
	}
	newest := installed[len(installed)-1]
	for _, tt := range []struct{ name, folder, version string }{
		{"in its own folder", "13", "13"},
		{"in a folder with a misleading name", newest.version, "13"},
		{"from before versions were one number", "9.6", "9.6"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := folder(t)
			fake := filepath.Join(dir, "postgres", tt.folder)
			if err := os.MkdirAll(filepath.Join(fake, "base"), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(fake, "PG_VERSION"), tt.version+"\n")
			write(t, filepath.Join(fake, "postmaster.pid"), "1\n")
			before := listing(t, dir)

			s, err := Start(t.Context(), Options{DataDir: dir, PostgresBin: newest.bin})
			if err == nil {
				stop(t, s)
				t.Fatal("Start succeeded")
			}
			if want := "install the package postgresql-" + tt.version; !strings.Contains(err.Error(), want) {
				t.Errorf("Start says %q, want %q in it", err, want)
			}
			if after := listing(t, dir); after != before {
				t.Errorf("Start changed the folder from\n%sto\n%s", before, after)
			}
		})
	}
}

func TestStartInReadOnlyFolder(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if os.Geteuid() != 0 {
		if err := os.Chmod(dir, 0o511); err != nil {
			t.Fatal(err)
		}
	} else if mount(t, dir, "mode=0711") {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
	} else {
		dir = "/sys/kernel" // where not even root can make a file
	}
	for _, at := range []string{dir, filepath.Join(dir, "var")} {
		s, err := Start(t.Context(), quick(at))
		if err == nil {
			stop(t, s)
			t.Fatal("Start succeeded")
		}
		if !errors.Is(err, syscall.EROFS) && !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), dir) {
			t.Errorf("Start in %s says %q, want that it cannot be written", at, err)
		}
	}
}

func TestStartOnFullDisk(t *testing.T) {
	t.Parallel()
	// refused is a Start that must fail for want of room.
	refused := func(t *testing.T, dir string) {
		t.Helper()
		s, err := Start(t.Context(), quick(dir))
		if err == nil {
			stop(t, s)
			t.Fatal("Start succeeded")
		}
		t.Log(err)
		if !errors.Is(err, syscall.ENOSPC) && !strings.Contains(err.Error(), syscall.ENOSPC.Error()) &&
			!strings.Contains(strings.ToLower(err.Error()), "no space left on device") {
			t.Errorf("Start says %q, want that there is no room", err)
		}
	}

	t.Run("that lets no file grow", func(t *testing.T) {
		t.Parallel()
		dir := folder(t)
		p := runProgram(t, dir, "cramped")
		if said := p.hears(t, "failed:"); !strings.Contains(said, "make the cluster") {
			t.Errorf("Start says %q, want that the cluster cannot be made", said)
		}
		_ = p.Wait()
		if made, err := filepath.Glob(filepath.Join(dir, "postgres", "*")); len(made) > 0 || err != nil {
			t.Errorf("Start left %v, %v", made, err)
		}
		start(t, quick(dir))
	})

	disk := folder(t)
	if os.Geteuid() != 0 || !mount(t, disk, "mode=0711,size=16m") {
		return // the way above is the one that is open to us
	}
	// The disk is a mount, which must be there until the stack is closed.
	refused(t, disk)

	// Room enough by its size, but not for so many files: initdb finds out half-way.
	remount(t, disk, "size=300m,nr_inodes=500")
	refused(t, disk)
	if made, err := filepath.Glob(filepath.Join(disk, "postgres", "*")); len(made) > 0 || err != nil {
		t.Errorf("Start left %v, %v", made, err)
	}

	remount(t, disk, "size=300m,nr_inodes=100000")
	s := start(t, quick(disk))
	sell(t, s.DatabaseURL, s.RedisURL)
	stop(t, s)

	// Full again, by whatever else is on the disk.
	filler := filepath.Join(disk, "filler")
	if err := fill(filler); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v, want it to be full", err)
	}
	refused(t, disk)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s = start(t, quick(disk))
	sold(t, s)
	stop(t, s)
}

// fill writes a file until something gives.
func fill(path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for block := make([]byte, 64<<10); err == nil; {
		_, err = f.Write(block)
	}
	return err
}

// In a terminal, Ctrl-C reaches everything in the program's process group, and
// somebody in a hurry presses it again.
func TestInterruptTwice(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	p := runProgram(t, dir, "guarded")
	databaseURL, redisURL, _ := strings.Cut(p.hears(t, "ready"), " ")
	sell(t, databaseURL, redisURL)
	for range 3 {
		if err := syscall.Kill(-p.Process.Pid, syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	p.hears(t, "closed")
	if err := p.Wait(); err != nil {
		t.Errorf("the program ended with %v", err)
	}

	log := read(t, filepath.Join(dir, "log", "postgres.log"))
	if n := strings.Count(log, "received fast shutdown request"); n != 1 {
		t.Errorf("PostgreSQL was asked to shut down %d times, want once; its log:\n%s", n, log)
	}
	if !strings.HasSuffix(log, "database system is shut down\n") {
		t.Errorf("PostgreSQL did not shut down in good order; its log:\n%s", log)
	}
	sold(t, start(t, quick(dir)))
	if log := read(t, filepath.Join(dir, "log", "postgres.log")); strings.Contains(log, "was not properly shut down") {
		t.Errorf("PostgreSQL had to recover; its log:\n%s", log)
	}
}

// In more of a hurry still.
func TestKillWhileClosing(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	p := runProgram(t, dir, "guarded")
	databaseURL, redisURL, _ := strings.Cut(p.hears(t, "ready"), " ")
	sell(t, databaseURL, redisURL)
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond)
	p.killed(t)
	sold(t, start(t, quick(dir)))
}

func TestCloseTwice(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Start(ctx, quick(dir))
	if err != nil {
		t.Fatal(err)
	}
	cancel() // which must not touch what was started
	sell(t, s.DatabaseURL, s.RedisURL)

	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			if living, err := living([]string{"postgres", "redis-server"}, []string{cluster(t, dir), filepath.Join(dir, "redis")}); len(living) > 0 || err != nil {
				t.Errorf("Close returned with %v, %v still at work", living, err)
			}
		})
	}
	wg.Wait()
	stop(t, s)
	sold(t, start(t, quick(dir)))
}

func TestStartInAwkwardFolder(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, folder string }{
		{"with spaces and signs", `the union's data + 50% off "é"`},
		{"too long for a socket", strings.Repeat("souk-", 30)},
		{"with a comma", "rugs,lamps"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(folder(t), tt.folder)
			s := start(t, quick(dir))
			sell(t, s.DatabaseURL, s.RedisURL)
			// psql reads addresses in its own way.
			if psql, err := exec.LookPath("psql"); err == nil {
				out, err := exec.Command(psql, s.DatabaseURL, "-Atc", "SELECT name FROM rugs").CombinedOutput()
				if got := strings.TrimSpace(string(out)); err != nil || got != "beni ourain" {
					t.Errorf("psql answers %q, %v", got, err)
				}
			}
			stop(t, s)
			for _, borrowed := range s.borrowed {
				if _, err := os.Stat(borrowed); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s was left behind: %v", borrowed, err)
				}
			}
			s = start(t, quick(dir))
			sold(t, s)
			stop(t, s)
		})
	}
}

func TestStartInterrupted(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	interrupted := errors.New("somebody changed their mind")
	// A part of what initdb makes, early, late.
	for _, part := range []string{"*.unfinished", "*.unfinished/base/1", "*.unfinished/base/5"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			eventually(t, part, func() bool {
				found, err := filepath.Glob(filepath.Join(dir, "postgres", part))
				return len(found) > 0 || err != nil
			})
			cancel(interrupted)
		}()
		s, err := Start(ctx, quick(dir))
		<-watched
		if err == nil {
			stop(t, s)
			t.Fatal("Start succeeded")
		}
		if !errors.Is(err, interrupted) {
			t.Errorf("interrupted Start = %v", err)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "postgres", "*")); len(left) > 0 || err != nil {
			t.Errorf("interrupted at %s, Start left %v, %v", part, left, err)
		}
	}

	// Killed in the same place, it cannot clean up, but the next one can.
	p := runProgram(t, dir, "unguarded")
	eventually(t, "initdb", func() bool {
		found, err := filepath.Glob(filepath.Join(dir, "postgres", "*.unfinished", "base", "1"))
		return len(found) > 0 || err != nil
	})
	p.killed(t)
	s := start(t, quick(dir))
	sell(t, s.DatabaseURL, s.RedisURL)
	stop(t, s)
	sold(t, start(t, quick(dir)))
}

func TestRedisKeepsKeys(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, Options{DataDir: dir})
	sell(t, s.DatabaseURL, s.RedisURL)
	if err := redisClient(t, s.RedisURL).Set(t.Context(), "session", "amina", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	stop(t, s)
	s = start(t, Options{DataDir: dir})
	sold(t, s)
	got, err := redisClient(t, s.RedisURL).TTL(t.Context(), "session").Result()
	if err != nil || got <= 50*time.Minute {
		t.Errorf("the session lives for %v, %v; want most of an hour", got, err)
	}
}

// Made under an ordinary user and started as root, the data stays that user's.
func TestStartAsRootOnAnothersFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another")
	}
	dir := folder(t)
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	somebody, err := strconv.Atoi(nobody.Uid)
	if err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"postgres", "redis"} {
		at := filepath.Join(dir, sub)
		if err := os.Mkdir(at, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(at, somebody, somebody); err != nil {
			t.Fatal(err)
		}
	}
	start(t, quick(dir))
	for _, path := range []string{filepath.Join(cluster(t, dir), "PG_VERSION"), filepath.Join(dir, "redis", "appendonlydir")} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := int(owner(info)); got != somebody {
			t.Errorf("%s belongs to user %d, want %d", path, got, somebody)
		}
	}
}
