//go:build linux

package embedded

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

// The test binary run with this as its first argument is a program of its own,
// which can be killed.
const asProgram = "be-a-program"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == asProgram {
		if err := program(os.Args[2], os.Args[3]); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// program starts a stack, says "ready", and on SIGINT closes it, from two sides
// at once, and says "closed".
func program(dir, manner string) error {
	interrupts := make(chan os.Signal, 8)
	signal.Notify(interrupts, os.Interrupt)

	o := Options{DataDir: dir, Unsynced: true}
	switch manner {
	case "guarded":
	case "unguarded":
		o.unguarded = true
	case "cramped":
		// No file may grow as large as a part of PostgreSQL's log is from the
		// start. It is how an ordinary user meets a full disk.
		limit := syscall.Rlimit{Cur: 8 << 20, Max: 8 << 20}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			return err
		}
	default:
		return fmt.Errorf("no such manner: %s", manner)
	}
	s, err := Start(context.Background(), o)
	if err != nil {
		return err
	}
	fmt.Println("ready", s.DatabaseURL, s.RedisURL)
	<-interrupts

	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		wg.Go(func() { errs[i] = s.Close() })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	fmt.Println("closed")
	return nil
}

// A runner is a program that a test has started.
type runner struct {
	*exec.Cmd
	said *bufio.Scanner
	out  *os.File
}

func runProgram(t *testing.T, dir, manner string) *runner {
	t.Helper()
	// A pipe of our own: exec's would be closed by Wait, with words still in it.
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], asProgram, dir, manner)
	cmd.Stdout, cmd.Stderr = in, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		_ = out.Close()
	})
	return &runner{cmd, bufio.NewScanner(out), out}
}

// hears waits for a line that begins with word, and returns the rest of it.
func (r *runner) hears(t *testing.T, word string) string {
	t.Helper()
	for r.said.Scan() {
		if rest, ok := strings.CutPrefix(r.said.Text(), word); ok {
			return strings.TrimSpace(rest)
		}
		t.Fatalf("program said %q, want %q", r.said.Text(), word)
	}
	t.Fatalf("program ended without saying %q", word)
	return ""
}

// killed ends the program as kill -9 does.
func (r *runner) killed(t *testing.T) {
	t.Helper()
	if err := r.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.Wait()
}

// folder returns a new folder that the children's users can reach, unlike those
// of t.TempDir.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kissaria-embedded-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

func quick(dir string) Options { return Options{DataDir: dir, Unsynced: true} }

// start starts a stack that is closed at the end of the test at the latest.
func start(t *testing.T, o Options) *Stack {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *Stack) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-s.Died():
		t.Errorf("a child was said to have died: %v", err)
	default:
	}
}

// exec runs a statement on the database at url.
func execute(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// ask returns the one text that a query yields.
func ask(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var answer string
	if err := conn.QueryRow(t.Context(), sql).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

func redisClient(t *testing.T, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// sell leaves something in both, and sold finds whether it is still there.
func sell(t *testing.T, databaseURL, redisURL string) {
	t.Helper()
	execute(t, databaseURL, `CREATE TABLE rugs (name text)`)
	execute(t, databaseURL, `INSERT INTO rugs VALUES ('beni ourain')`)
	if err := redisClient(t, redisURL).Set(t.Context(), "cart", "one rug", 0).Err(); err != nil {
		t.Fatal(err)
	}
}

func sold(t *testing.T, s *Stack) {
	t.Helper()
	if got, want := ask(t, s.DatabaseURL, `SELECT string_agg(name, ',') FROM rugs`), "beni ourain"; got != want {
		t.Errorf("rugs are %q, want %q", got, want)
	}
	got, err := redisClient(t, s.RedisURL).Get(t.Context(), "cart").Result()
	if want := "one rug"; err != nil || got != want {
		t.Errorf("the cart is %q, %v; want %q", got, err, want)
	}
}

// cluster returns the folder of PostgreSQL's data.
func cluster(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "postgres", "*", "PG_VERSION"))
	if err != nil || len(found) != 1 {
		t.Fatalf("clusters: %v, %v; want one", found, err)
	}
	return filepath.Dir(found[0])
}

// postmaster returns the process that the cluster's PostgreSQL says it is.
func postmaster(t *testing.T, dir string) int {
	t.Helper()
	first, _, _ := strings.Cut(read(t, filepath.Join(cluster(t, dir), "postmaster.pid")), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// listing describes all that is in dir: names, modes, owners, times, contents.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&all, "%s %v %d %v", path, info.Mode(), owner(info), info.ModTime())
		if info.Mode().IsRegular() {
			fmt.Fprintf(&all, " %q", read(t, path))
		}
		fmt.Fprintln(&all)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// alive reports whether a process is there and at work.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

// listensOnNetwork reports whether a process has a TCP socket.
func listensOnNetwork(t *testing.T, pid int) bool {
	t.Helper()
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(fds) == 0 {
		t.Fatalf("open files of %d: %v, %v", pid, fds, err)
	}
	inodes := map[string]bool{}
	for _, fd := range fds {
		// An error means that it has been closed meanwhile.
		if target, err := os.Readlink(fd); err == nil {
			if inode, ok := strings.CutPrefix(target, "socket:["); ok {
				inodes[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	for _, table := range []string{"tcp", "tcp6"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			continue // no such protocol here
		}
		for line := range strings.Lines(string(b)) {
			if fields := strings.Fields(line); len(fields) > 9 && inodes[fields[9]] {
				return true
			}
		}
	}
	return false
}

// mount mounts a small file system for the test, or reports that even root may
// not, as in some containers.
func mount(t *testing.T, dir, options string) bool {
	t.Helper()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options)
	if err != nil {
		t.Logf("mount is not permitted: %v", err)
		return false
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return true
}

func remount(t *testing.T, dir, options string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, options); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for something that is bound to happen. It may be called from
// any goroutine.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !happened(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("waited in vain for %s", what)
			return
		}
	}
}
