// SPDX-License-Identifier: Apache-2.0

package options

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func parse(t *testing.T, line string) (Options, error) {
	t.Helper()
	return Parse(strings.Fields(line), io.Discard)
}

func TestDefaults(t *testing.T) {
	o, err := parse(t, "--dir /tmp/d --kubeconfig /tmp/k")
	if err != nil {
		t.Fatal(err)
	}
	if o.Level != LevelC || o.Nodes != 3 || o.Clusters != 1 || o.Port != 0 || o.APF || o.WatchStdin || o.DieWithParent {
		t.Errorf("unexpected defaults: %+v", o)
	}
	if o.LogFile != "/tmp/d/devcluster.log" || o.PodDelay != 300*time.Millisecond {
		t.Errorf("unexpected defaults: %+v", o)
	}
}

func TestLevelAHasNoNodes(t *testing.T) {
	o, err := parse(t, "--dir /tmp/d --kubeconfig /tmp/k --level a")
	if err != nil || o.Nodes != 0 {
		t.Errorf("nodes %d, error %v", o.Nodes, err)
	}
}

func TestPathsBecomeAbsolute(t *testing.T) {
	o, err := parse(t, "--dir d --kubeconfig k --audit-log a --log l")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{o.Dir, o.Kubeconfig, o.AuditLog, o.LogFile} {
		if !filepath.IsAbs(path) {
			t.Errorf("%q is not absolute", path)
		}
	}
}

func TestEveryFlagArrives(t *testing.T) {
	o, err := parse(t, "--dir /d --kubeconfig /k --nodes 7 --clusters 2 --level c --audit-log /a --apf --pod-delay 2s "+
		"--backoff 10s --watch-stdin --die-with-parent --gogc 50 --port 7000 --load-balancers=false --volumes=false "+
		"--apiserver-arg --watch-cache=false --apiserver-arg=--v=4 --fsync --log /l --v 2")
	if err != nil {
		t.Fatal(err)
	}
	if o.Nodes != 7 || o.Clusters != 2 || o.AuditLog != "/a" || !o.APF || o.PodDelay != 2*time.Second ||
		o.Backoff != 10*time.Second || !o.WatchStdin || !o.DieWithParent || o.GOGC != 50 || o.Port != 7000 ||
		o.LoadBalancers || o.Volumes || len(o.APIServerArgs) != 2 || !o.Fsync || o.LogFile != "/l" || o.Verbosity != 2 {
		t.Errorf("a flag was lost: %+v", o)
	}
}

func TestBadCommandLinesNameTheFlag(t *testing.T) {
	const ok = "--dir /d --kubeconfig /k "
	for line, want := range map[string]string{
		"--kubeconfig /k":                "--dir and --kubeconfig are needed",
		"--dir /d":                       "--dir and --kubeconfig are needed",
		ok + "--level b":                 "--level",
		ok + "--clusters 0":              "--clusters",
		ok + "--clusters 17":             "--clusters",
		ok + "--nodes -1":                "--nodes",
		ok + "--nodes 1001":              "--nodes",
		ok + "--level a --nodes 1":       "--nodes",
		ok + "--pod-delay 2h":            "--pod-delay",
		ok + "--pod-delay fast":          "--pod-delay",
		ok + "--backoff 0s":              "--backoff",
		ok + "--port 65535 --clusters 2": "--port",
		ok + "--gogc 1":                  "--gogc",
		ok + "--apiserver-arg x":         "--apiserver-arg",
		ok + "--no-such-flag":            "--no-such-flag",
		ok + "extra":                     `"extra"`,
		"--kubeconfig /k --dir /" + strings.Repeat("d", 100): "--dir",
	} {
		if _, err := parse(t, line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v does not name %s", line, err, want)
		}
	}
}

func TestHelpNamesEveryFlagOnce(t *testing.T) {
	var text strings.Builder
	if _, err := Parse([]string{"--help"}, &text); !errors.Is(err, ErrHelp) {
		t.Fatalf("error %v", err)
	}
	for _, flag := range []string{"dir", "kubeconfig", "nodes", "clusters", "level", "audit-log", "apf", "pod-delay",
		"watch-stdin", "die-with-parent", "gogc"} {
		if !strings.Contains(text.String(), "  --"+flag+" ") {
			t.Errorf("the help does not describe --%s", flag)
		}
	}
}

func TestFilesOfSeveralClusters(t *testing.T) {
	one, several := Options{Clusters: 1}, Options{Clusters: 2}
	if got := one.PathOf("/k", 0); got != "/k" {
		t.Errorf("one cluster: %s", got)
	}
	if got := several.PathOf("/k", 1); got != "/k.1" {
		t.Errorf("several clusters: %s", got)
	}
	if got := several.PathOf("", 1); got != "" {
		t.Errorf("no path: %s", got)
	}
}
