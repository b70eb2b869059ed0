//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// temporary makes a place for run's folder, so that what it leaves can be seen.
func temporary(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kissaria-with-test-")
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
	t.Setenv("TMPDIR", dir)
	return dir
}

func TestRun(t *testing.T) {
	dir := temporary(t)
	script := `
		test -S "${TEST_REDIS_URL#unix://}" || exit 1
		case $TEST_DATABASE_URL in postgres:///kissaria\?host=*) exit 7 ;; esac
		exit 2`
	if status, err := run([]string{"sh", "-c", script}); status != 7 || err != nil {
		t.Errorf("run = %d, %v; want the command's own 7", status, err)
	}
	if status, err := run([]string{"no such command"}); status != 127 || err == nil {
		t.Errorf("run of no command = %d, %v; want 127 and an error", status, err)
	}
	if left, err := filepath.Glob(dir + "/*"); len(left) > 0 || err != nil {
		t.Errorf("run left %v, %v", left, err)
	}
}

func TestRunPassesSignalsOn(t *testing.T) {
	dir := temporary(t)
	ready := filepath.Join(dir, "ready")
	go func() {
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(ready); err == nil {
				break
			}
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}()
	status, err := run([]string{"sh", "-c", `trap 'exit 9' TERM; : >"$1"; while :; do sleep 0.05; done`, "sh", ready})
	if status != 9 || err != nil {
		t.Errorf("run = %d, %v; want the 9 of a command that was told", status, err)
	}
	if err := os.Remove(ready); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(dir + "/*"); len(left) > 0 || err != nil {
		t.Errorf("run left %v, %v", left, err)
	}
}

// The reason for what the command will fail of is worth failing for.
func TestRunTellsOfADeath(t *testing.T) {
	temporary(t)
	script := `kill -9 $(head -n 1 "$(dirname "${TEST_REDIS_URL#unix://}")"/../../postgres/*/postmaster.pid); sleep 0.3`
	status, err := run([]string{"sh", "-c", script})
	if status != 1 || err != nil {
		t.Errorf("run = %d, %v; want 1", status, err)
	}
}

func TestExitStatus(t *testing.T) {
	for script, want := range map[string]int{
		"exit 0":     0,
		"exit 42":    42,
		"kill -9 $$": 128 + 9,
	} {
		if status, err := exitStatus(exec.Command("sh", "-c", script).Run()); status != want || err != nil {
			t.Errorf("exitStatus after %q = %d, %v; want %d", script, status, err, want)
		}
	}
}

func TestRunWhereNothingCanBeMade(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	if status, err := run([]string{"true"}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("run = %d, %v; want an error", status, err)
	}
}
