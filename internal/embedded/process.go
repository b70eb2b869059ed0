//go:build linux

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// A process is a child that is meant to run until it is asked to stop.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   string // the file it writes to
	from  int64  // where in that file its own words begin
	asked atomic.Bool
	ended chan struct{}
}

// command prepares a child that id runs in dir, and that is killed when ctx ends.
//
// It is in a process group of its own, because Ctrl-C in a terminal reaches the
// whole group, and only we know in which order to stop things. The kernel sends
// it death when this program ends without having stopped it. It gets none of our
// environment, where there are secrets, and settings for other PostgreSQLs.
func (s *Stack) command(ctx context.Context, id identity, dir string, death syscall.Signal, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "LANG=C.UTF-8", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: id.credential(),
		Setpgid:    true,
		Pdeathsig:  death,
	}
	if s.options.unguarded {
		cmd.SysProcAttr.Pdeathsig = 0
	}
	return cmd
}

// run starts a server, which writes its log to the data folder's log/NAME.log. It
// runs until it is stopped.
func (s *Stack) run(name string, id identity, dir string, death syscall.Signal, program string, args ...string) (*process, error) {
	// A file, not a pipe. A pipe would break when we are killed, and the child
	// has yet to shut down, and to say so.
	log, err := openLog(filepath.Join(s.options.DataDir, "log"), name)
	if err != nil {
		return nil, err
	}
	cmd := s.command(context.Background(), id, dir, death, program, args...)
	p := &process{name: name, cmd: cmd, log: log.Name(), ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = log, log
	if p.from, err = log.Seek(0, io.SeekEnd); err == nil {
		err = s.starter.start(cmd)
	}
	if err := errors.Join(err, log.Close()); err != nil {
		return nil, fmt.Errorf("embedded: start %s as %s: %w", name, id, err)
	}
	go func() {
		// That it ended with an error is told by its state, to those who ask.
		_ = cmd.Wait()
		if !p.asked.Load() {
			s.died <- fmt.Errorf("embedded: %s ended by itself%s", name, p.lastWords())
		}
		close(p.ended)
	}()
	return p, nil
}

// openLog opens a log to be continued, or begins a new one when it has grown
// large, keeping the old one beside it.
func openLog(dir, name string) (*os.File, error) {
	const large = 10 << 20
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("embedded: make the log folder: %w", err)
	}
	path := filepath.Join(dir, name+".log")
	info, err := os.Stat(path)
	if err == nil && info.Size() > large {
		err = os.Rename(path, path+".1")
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("embedded: log: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("embedded: log: %w", err)
	}
	return f, nil
}

// lastWords is how the child ended, if it has, and what it logged last, made to
// stand at the end of an error.
func (p *process) lastWords() string {
	words := ""
	if state := p.cmd.ProcessState; state != nil {
		words = " (" + state.String() + ")"
	}
	f, err := os.Open(p.log)
	if err != nil {
		return fmt.Sprintf("%s; its log cannot be read: %v", words, err)
	}
	defer f.Close()
	said, err := io.ReadAll(io.NewSectionReader(f, p.from, 1<<20))
	if err != nil {
		return fmt.Sprintf("%s; its log cannot be read: %v", words, err)
	}
	if len(said) == 0 {
		return words + " without a word in " + p.log
	}
	return fmt.Sprintf("%s; the end of %s:\n%s", words, p.log, tail(said))
}

func tail(b []byte) []byte { return b[max(0, len(b)-1500):] }

// await returns when check succeeds. It gives up when the child ends, or after
// limit.
func (p *process) await(ctx context.Context, limit time.Duration, check func(context.Context) error) error {
	for deadline := time.Now().Add(limit); ; {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := check(attempt)
		cancel()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("embedded: %s does not answer: %w%s", p.name, err, p.lastWords())
		}
		select {
		case <-p.ended:
			return fmt.Errorf("embedded: %s did not start%s", p.name, p.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("embedded: start %s: interrupted: %w", p.name, context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// A step in stopping a process is a signal, and how long it is given to work.
type step struct {
	signal syscall.Signal
	grace  time.Duration
}

// stop takes the steps until one has worked.
func (p *process) stop(steps ...step) error {
	p.asked.Store(true)
	for _, step := range steps {
		if err := p.cmd.Process.Signal(step.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("embedded: stop %s: %w", p.name, err)
		}
		select {
		case <-p.ended:
			return nil
		case <-time.After(step.grace):
		}
	}
	return fmt.Errorf("embedded: %s (pid %d) does not stop%s", p.name, p.cmd.Process.Pid, p.lastWords())
}

// A starter starts children, all from one thread that lives as long as they do.
//
// The kernel's promise to tell a child of its parent's death is about the thread
// that started it. Go ends threads as it likes, and PostgreSQL would be told to
// shut down in the middle of the day.
type starter struct {
	asks chan func()
}

func newStarter() *starter {
	s := &starter{asks: make(chan func())}
	go func() {
		// Never unlocked, so that the thread ends with this function.
		runtime.LockOSThread()
		for ask := range s.asks {
			ask()
		}
	}()
	return s
}

func (s *starter) start(cmd *exec.Cmd) error {
	started := make(chan error, 1)
	s.asks <- func() { started <- cmd.Start() }
	return <-started
}

func (s *starter) close() { close(s.asks) }
