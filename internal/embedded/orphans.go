//go:build linux

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// evict makes sure that nothing which an earlier program started is still at
// work in the folders, stopping it by the steps if it must. Two PostgreSQLs on
// one folder would destroy it.
//
// The caller holds the data folder's lock, so nobody is entitled to be there.
func evict(ctx context.Context, log *slog.Logger, names, folders []string, steps ...step) error {
	found, err := living(names, folders)
	if err != nil || len(found) == 0 {
		return err
	}
	log.Warn("waiting for what an earlier run left behind to end", "what", names[0], "pids", pids(found))

	// Most often it has been told of its parent's death, and is shutting down.
	steps = append([]step{{0, 3 * time.Second}}, steps...)
	for _, step := range steps {
		for _, p := range leaders(found) {
			if err := syscall.Kill(p.pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("embedded: stop %s, left behind by an earlier run (pid %d): %w", p.name, p.pid, err)
			}
		}
		for deadline := time.Now().Add(step.grace); time.Now().Before(deadline); {
			if err := pause(ctx, 20*time.Millisecond); err != nil {
				return err
			}
			if found, err = living(names, folders); err != nil || len(found) == 0 {
				return err
			}
		}
	}
	return fmt.Errorf("embedded: %s was left behind by an earlier run and does not stop (pids %v)", names[0], pids(found))
}

// A tenure is a process at work in a folder of ours.
type tenure struct {
	name        string
	pid, parent int
}

func pids(found []tenure) []int {
	var pids []int
	for _, p := range found {
		pids = append(pids, p.pid)
	}
	return pids
}

// leaders are those among the found whose parent is not. PostgreSQL's first
// process stops all the others in good order.
func leaders(found []tenure) []tenure {
	all := pids(found)
	return slices.DeleteFunc(slices.Clone(found), func(p tenure) bool { return slices.Contains(all, p.parent) })
}

// living finds the processes of the given names whose working folder is one of
// the folders. That is where both PostgreSQL and Redis stay, all their processes
// alike. A zombie has no working folder and is not among them.
func living(names, folders []string) ([]tenure, error) {
	var homes []fs.FileInfo
	for _, folder := range folders {
		info, err := os.Stat(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("embedded: %w", err)
		}
		homes = append(homes, info)
	}
	if len(homes) == 0 {
		return nil, nil
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, fmt.Errorf("embedded: list processes: %w", err)
	}
	var found []tenure
	for _, path := range stats {
		// An error here means a process that has ended meanwhile, or one of
		// another user, who cannot be in a folder that is closed to others.
		stat, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		p, err := parseStat(string(stat))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, p.name) {
			continue
		}
		cwd, err := os.Stat(filepath.Join(filepath.Dir(path), "cwd"))
		if err == nil && slices.ContainsFunc(homes, func(home fs.FileInfo) bool { return os.SameFile(home, cwd) }) {
			found = append(found, p)
		}
	}
	return found, nil
}

// parseStat reads the start of /proc/PID/stat, as in "17 (name) S 1". The name
// may hold spaces and brackets.
func parseStat(stat string) (p tenure, err error) {
	open, shut := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 1 || shut < open {
		return p, fmt.Errorf("embedded: process status %q is not understood", stat)
	}
	after := strings.Fields(stat[shut+1:])
	if len(after) < 2 {
		return p, fmt.Errorf("embedded: process status %q is not understood", stat)
	}
	p.name = stat[open+1 : shut]
	if p.pid, err = strconv.Atoi(strings.TrimSpace(stat[:open])); err == nil {
		p.parent, err = strconv.Atoi(after[1])
	}
	if err != nil {
		return p, fmt.Errorf("embedded: process status: %w", err)
	}
	return p, nil
}
