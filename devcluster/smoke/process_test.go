// SPDX-License-Identifier: Apache-2.0

//go:build smoke

// Package smoke tests the built programs as their users run them: test.sh passes their folder in DEVCLUSTER_BIN.
package smoke

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	startLimit = 2 * time.Minute // a loaded machine
	stopLimit  = 30 * time.Second
)

type readyLine struct {
	Ready       bool     `json:"ready"`
	PID         int      `json:"pid"`
	Level       string   `json:"level"`
	Kubernetes  string   `json:"kubernetes"`
	Kubeconfig  string   `json:"kubeconfig"`
	Servers     []string `json:"servers"`
	Kubeconfigs []string `json:"kubeconfigs"`
	AuditLogs   []string `json:"audit_logs"`
}

// process is a started fairlead-devcluster and what it said.
type process struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	stderr  *bytes.Buffer
	dir     string
	ready   readyLine
	client  kubernetes.Interface
}

func program(name string) string { return filepath.Join(os.Getenv("DEVCLUSTER_BIN"), name) }

// startIn starts the program on a folder made by the caller and returns when it is ready. --watch-stdin lets it end
// with this test in any case.
func startIn(dir string, flags ...string) (*process, error) {
	p := &process{dir: dir, stderr: &bytes.Buffer{}}
	arguments := append(
		[]string{"start", "--dir", filepath.Join(dir, "state"), "--kubeconfig", filepath.Join(dir, "kubeconfig"),
			"--watch-stdin"},
		flags...)
	p.command = exec.Command(program("fairlead-devcluster"), arguments...)
	p.command.Stderr = p.stderr
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.stdin, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	if err := p.readReady(stdout); err != nil {
		_ = p.command.Process.Kill()
		_ = p.command.Wait()
		return nil, fmt.Errorf("%w; stderr: %s", err, p.stderr)
	}
	config, err := clientcmd.BuildConfigFromFlags("", p.ready.Kubeconfigs[0])
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	p.client, err = kubernetes.NewForConfig(config)
	return p, err
}

func (p *process) readReady(stdout io.Reader) error {
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(stdout).ReadString('\n')
		line <- text
	}()
	select {
	case text := <-line:
		if err := json.Unmarshal([]byte(text), &p.ready); err != nil || !p.ready.Ready {
			return fmt.Errorf("the first line of stdout is %q", text)
		}
		return nil
	case <-time.After(startLimit):
		return errors.New("no line on stdout")
	}
}

func start(t *testing.T, flags ...string) *process {
	t.Helper()
	return startAgain(t, t.TempDir(), flags...)
}

func startAgain(t *testing.T, dir string, flags ...string) *process {
	t.Helper()
	p, err := startIn(dir, flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.command.Process.Kill()
		_ = p.command.Wait()
	})
	return p
}

// wait returns the exit code; -1 after a signal.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	limit := time.AfterFunc(stopLimit, func() { _ = p.command.Process.Kill() })
	_ = p.command.Wait()
	if !limit.Stop() {
		t.Fatalf("did not stop within %s; stderr: %s", stopLimit, p.stderr)
	}
	return p.command.ProcessState.ExitCode()
}

// kubectl returns stdout and stderr of one call on the first cluster.
func (p *process) kubectl(t *testing.T, stdin string, arguments ...string) (output string, failed bool) {
	t.Helper()
	command := exec.Command(
		program("kubectl"),
		append([]string{"--kubeconfig", p.ready.Kubeconfigs[0]}, arguments...)...)
	command.Stdin = strings.NewReader(stdin)
	text, err := command.CombinedOutput()
	return string(text), err != nil
}

func (p *process) mustKubectl(t *testing.T, stdin string, arguments ...string) string {
	t.Helper()
	text, failed := p.kubectl(t, stdin, arguments...)
	if failed {
		t.Fatalf("kubectl %s: %s", strings.Join(arguments, " "), text)
	}
	return text
}

func TestStopOnSignalAndStdin(t *testing.T) {
	p := start(t, "--level", "a")
	_ = p.command.Process.Signal(syscall.SIGTERM)
	if code := p.wait(t); code != 0 || p.stderr.Len() > 0 {
		t.Errorf("SIGTERM: exit code %d, stderr %q", code, p.stderr)
	}
	p = startAgain(t, p.dir, "--level", "a")
	_ = p.stdin.Close()
	if code := p.wait(t); code != 0 {
		t.Errorf("end of stdin: exit code %d", code)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	p := start(t, "--level", "a")
	p.mustKubectl(t, "", "create", "configmap", "kept", "--from-literal=a=1")
	kubeconfig, err := os.ReadFile(p.ready.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(p.dir, "old-kubeconfig")
	if err := os.WriteFile(old, kubeconfig, 0o600); err != nil {
		t.Fatal(err)
	}
	server := p.ready.Servers[0]
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		_ = p.command.Process.Signal(signal)
		p.wait(t)
		p = startAgain(t, p.dir, "--level", "a")
		if p.ready.Servers[0] != server {
			t.Errorf("after %s the server is %s, it was %s", signal, p.ready.Servers[0], server)
		}
		// The kubeconfig of the first start is still good.
		text := p.mustKubectl(t, "", "--kubeconfig", old, "get", "configmap", "kept", "-o", "jsonpath={.data.a}")
		if text != "1" {
			t.Errorf("after %s: %q", signal, text)
		}
	}
}

func TestSecondStartIsRefused(t *testing.T) {
	command := exec.Command(
		program("fairlead-devcluster"),
		"start",
		"--dir",
		filepath.Join(shared.dir, "state"),
		"--kubeconfig",
		filepath.Join(t.TempDir(), "k"),
	)
	text, err := command.CombinedOutput()
	if err == nil || command.ProcessState.ExitCode() != 1 ||
		!strings.Contains(string(text), "is in use by another fairlead-devcluster") {
		t.Errorf("error %v, output %s", err, text)
	}
}

func TestBadFlagsAreExplained(t *testing.T) {
	command := exec.Command(
		program("fairlead-devcluster"),
		"start",
		"--dir",
		t.TempDir(),
		"--kubeconfig",
		"k",
		"--level",
		"z",
	)
	text, _ := command.CombinedOutput()
	if command.ProcessState.ExitCode() != 2 ||
		!strings.Contains(string(text), `--level: "z" is not a level: use a or c`) {
		t.Errorf("exit code %d, output %s", command.ProcessState.ExitCode(), text)
	}
}

func TestDiesWithItsParent(t *testing.T) {
	dir := t.TempDir()
	parent := exec.Command(
		"sh",
		"-c",
		`"$0" start --level a --die-with-parent --dir "$1/state" --kubeconfig "$1/kubeconfig" & wait`,
		program("fairlead-devcluster"),
		dir,
	)
	stdout, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{}
	if err := p.readReady(stdout); err != nil {
		_ = parent.Process.Kill()
		t.Fatal(err)
	}
	child, err := unix.PidfdOpen(p.ready.PID, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(child)
	_ = parent.Process.Kill()
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(child), Events: unix.POLLIN}}, int(stopLimit.Milliseconds()))
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Poll([]unix.PollFd{{Fd: int32(child), Events: unix.POLLIN}}, int(stopLimit.Milliseconds()))
	}
	if n != 1 {
		_ = syscall.Kill(p.ready.PID, syscall.SIGKILL)
		t.Errorf("still there %s after its parent was killed (%v)", stopLimit, err)
	}
	_ = parent.Wait()
}

// listeners are the addresses of the process's listening TCP sockets, in the hexadecimal form of /proc/net/tcp.
func listeners(t *testing.T, pid int) []string {
	t.Helper()
	mine := map[string]bool{}
	descriptors, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(descriptors) == 0 {
		t.Fatalf("no descriptors of process %d: %v", pid, err)
	}
	for _, descriptor := range descriptors {
		target, _ := os.Readlink(descriptor)
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			mine[strings.TrimSuffix(inode, "]")] = true
		}
	}
	var addresses []string
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			continue // no IPv6 on this machine
		}
		for _, line := range strings.Split(string(text), "\n") {
			if fields := strings.Fields(line); len(fields) > 9 && fields[3] == "0A" && mine[fields[9]] {
				addresses = append(addresses, fields[1])
			}
		}
	}
	return addresses
}

func TestListensOnLoopbackOnly(t *testing.T) {
	addresses := listeners(t, shared.ready.PID)
	if len(addresses) != 2 { // the API and the log endpoint
		t.Errorf("listeners: %v", addresses)
	}
	for _, address := range addresses {
		if !strings.HasPrefix(address, "0100007F:") {
			t.Errorf("listens on %s", address)
		}
	}
	state := filepath.Join(shared.dir, "state")
	for _, private := range []string{"run", "c0/pki", "etcd"} {
		if info, err := os.Stat(filepath.Join(state, private)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v %v", private, info, err)
		}
	}
}

func TestSeveralClustersAreSeparate(t *testing.T) {
	p := start(t, "--level", "a", "--clusters", "2", "--audit-log", filepath.Join(t.TempDir(), "audit"))
	if len(p.ready.Servers) != 2 || len(p.ready.Kubeconfigs) != 2 || len(p.ready.AuditLogs) != 2 {
		t.Fatalf("ready line %+v", p.ready)
	}
	p.mustKubectl(t, "", "create", "configmap", "only-in-c0")
	for arguments, want := range map[string]bool{"--context c0": true, "--context c1": false} {
		_, failed := p.kubectl(
			t,
			"",
			append(
				[]string{"--kubeconfig", p.ready.Kubeconfig, "get", "configmap", "only-in-c0"},
				strings.Fields(arguments)...)...)
		if failed == want {
			t.Errorf("%s: found %v", arguments, !failed)
		}
	}
	text, failed := p.kubectl(t, "", "--kubeconfig", p.ready.Kubeconfigs[1], "get", "configmap", "only-in-c0")
	if !failed ||
		!strings.Contains(text, "NotFound") {
		t.Errorf("in the second cluster: %s", text)
	}
}
