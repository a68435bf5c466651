// SPDX-License-Identifier: Apache-2.0

// Package options holds the command line of `fairlead-devcluster start`: flags, defaults, limits and help.
package options

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// Limits of what a command line may ask for.
const (
	MaxClusters = 16
	MaxNodes    = 1000
	MaxDelay    = time.Hour
	// etcd listens on a unix socket DIR/run/etcd.sock; the address of such a socket ends at 108 bytes.
	MaxDirLength = 90
)

// Level says how much of a cluster runs.
type Level string

const (
	// LevelA is etcd and the API server alone: only the client under test writes, and tests write /status themselves.
	LevelA Level = "a"
	// LevelC adds the controllers, the scheduler, simulated nodes, load balancer addresses and volumes.
	LevelC Level = "c"
)

const defaultNodes = 3

// Options is a checked command line; every path is absolute.
type Options struct {
	Dir, Kubeconfig, LogFile, AuditLog string
	Level                              Level
	Clusters, Nodes, Port, GOGC        int
	PodDelay, Backoff                  time.Duration
	APF, LoadBalancers, Volumes, Fsync bool
	DieWithParent, WatchStdin          bool
	APIServerArgs                      []string
	Verbosity                          int
}

// ErrHelp is returned by Parse after it has printed the help text that the command line asked for.
var ErrHelp = pflag.ErrHelp

const helpHead = `Usage: fairlead-devcluster start --dir DIR --kubeconfig FILE [flags]

Runs a real Kubernetes API (kube-apiserver, controllers, scheduler, etcd) and simulated nodes in one process, on
loopback only. One JSON line on stdout says that everything is ready:
  {"ready":true,"pid":1,"level":"c","kubernetes":"v1.34.4","kubeconfig":"F","servers":["https://127.0.0.1:1"],
   "kubeconfigs":["F"],"audit_logs":[],"start_ms":2500}
SIGTERM and SIGINT stop it cleanly (exit code 0). The same DIR can be started again: objects, port and certificates
are kept. A second start on a DIR in use is refused.

Several clusters (--clusters N): FILE gets the contexts c0 ... c(N-1), the current one being c0; FILE.0 ... FILE.(N-1)
are kubeconfigs of one cluster each, listed as "kubeconfigs" in the ready line. The audit logs are then AUDIT.0 ...
The kubeconfigs hold the token of a cluster-admin ServiceAccount.

Containers do what the end of their image's name says, or the pod's annotation devcluster/behaviour (for all
containers of the pod but the init containers):
  ready, slow-10s, never-ready, imagepullbackoff, invalidimagename, createcontainerconfigerror, crashloop, oomkilled,
  crash-after-30s, exit-3-after-2s            for example registry.example/web:1.4.0-crashloop
Without such a word they become ready; those of Jobs (restartPolicy Never or OnFailure) and init containers succeed.
The annotation devcluster/lb: pending on a Service or Ingress leaves it without an address.

Flags:
`

// Parse reads the arguments after "start". Help goes to out (and ErrHelp comes back); an error names the flag and what
// to do.
func Parse(args []string, out io.Writer) (Options, error) {
	var o Options
	var level string
	flags := pflag.NewFlagSet("start", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetOutput(io.Discard)
	flags.Usage = func() {
		fmt.Fprint(out, helpHead)
		fmt.Fprint(out, flags.FlagUsagesWrapped(120))
	}
	flags.StringVar(&o.Dir, "dir", "", "state directory; made when missing (needed)")
	flags.StringVar(&o.Kubeconfig, "kubeconfig", "", "kubeconfig `FILE` to write (needed)")
	flags.IntVar(&o.Nodes, "nodes", defaultNodes, "simulated nodes of each cluster (level c)")
	flags.IntVar(&o.Clusters, "clusters", 1, "independent clusters in this process")
	flags.StringVar(
		&level,
		"level",
		string(LevelC),
		"a = API server only, pods need no ServiceAccount, tests write /status; c = everything",
	)
	flags.StringVar(
		&o.AuditLog,
		"audit-log",
		"",
		"`FILE` for the API server's audit log: one JSON line per request (Metadata), complete when the response ends",
	)
	flags.BoolVar(&o.APF, "apf", false, "API priority and fairness on, with the usual limits of requests in flight")
	flags.DurationVar(&o.PodDelay, "pod-delay", 300*time.Millisecond, "time from scheduled to containers started")
	flags.DurationVar(
		&o.Backoff,
		"backoff",
		2*time.Second,
		"first back-off of restarts and image pulls, doubled each time (a real kubelet: 10s)",
	)
	flags.BoolVar(&o.WatchStdin, "watch-stdin", false, "stop when stdin ends")
	flags.BoolVar(&o.DieWithParent, "die-with-parent", false, "stop when the parent process ends")
	flags.IntVar(&o.GOGC, "gogc", 100, "Go's GC percentage (50 = less memory, more CPU)")
	flags.IntVar(
		&o.Port,
		"port",
		0,
		"API port of the first cluster, the next ones follow; 0 = the last one used here if it is free, else any",
	)
	flags.BoolVar(
		&o.LoadBalancers,
		"load-balancers",
		true,
		"give LoadBalancer services and ingresses an address of 192.0.2.0/24 (level c)",
	)
	flags.BoolVar(&o.Volumes, "volumes", true, "default StorageClass whose claims are bound (level c)")
	flags.StringArrayVar(
		&o.APIServerArgs,
		"apiserver-arg",
		nil,
		"one more kube-apiserver `FLAG`, such as --watch-cache=false; may be repeated",
	)
	flags.BoolVar(&o.Fsync, "fsync", false, "let etcd sync its files to disk")
	flags.StringVar(&o.LogFile, "log", "", "log `FILE` (default DIR/devcluster.log)")
	flags.IntVar(&o.Verbosity, "v", 0, "verbosity of the log")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return o, ErrHelp
		}
		return o, fmt.Errorf("%w (see fairlead-devcluster start --help)", err)
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q (see fairlead-devcluster start --help)", flags.Arg(0))
	}
	o.Level = Level(level)
	if o.Level == LevelA && !flags.Changed("nodes") {
		o.Nodes = 0
	}
	if err := o.makePathsAbsolute(); err != nil {
		return o, err
	}
	return o, o.check()
}

func (o *Options) makePathsAbsolute() error {
	if o.Dir == "" || o.Kubeconfig == "" {
		return errors.New("--dir and --kubeconfig are needed (see fairlead-devcluster start --help)")
	}
	if o.LogFile == "" {
		o.LogFile = filepath.Join(o.Dir, "devcluster.log")
	}
	for _, path := range []*string{&o.Dir, &o.Kubeconfig, &o.LogFile, &o.AuditLog} {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = absolute
	}
	return nil
}

func (o *Options) check() error {
	switch {
	case len(o.Dir) > MaxDirLength:
		return fmt.Errorf(
			"--dir: %q is longer than %d bytes, too long for the unix socket in it: choose a shorter path",
			o.Dir,
			MaxDirLength,
		)
	case o.Level != LevelA && o.Level != LevelC:
		return fmt.Errorf("--level: %q is not a level: use a or c", o.Level)
	case o.Clusters < 1 || o.Clusters > MaxClusters:
		return fmt.Errorf("--clusters: %d is not in 1..%d", o.Clusters, MaxClusters)
	case o.Nodes < 0 || o.Nodes > MaxNodes:
		return fmt.Errorf("--nodes: %d is not in 0..%d", o.Nodes, MaxNodes)
	case o.Level == LevelA && o.Nodes > 0:
		return errors.New("--nodes: level a has no simulated nodes: leave the flag away or use --level c")
	case o.PodDelay < 0 || o.PodDelay > MaxDelay:
		return fmt.Errorf("--pod-delay: %s is not in 0..%s", o.PodDelay, MaxDelay)
	case o.Backoff < 100*time.Millisecond || o.Backoff > MaxDelay:
		return fmt.Errorf("--backoff: %s is not in 100ms..%s", o.Backoff, MaxDelay)
	case o.Port < 0 || o.Port+o.Clusters > 65536:
		return fmt.Errorf("--port: %d is not a port (with --clusters %d)", o.Port, o.Clusters)
	case o.GOGC < 10 || o.GOGC > 10000:
		return fmt.Errorf("--gogc: %d is not in 10..10000", o.GOGC)
	}
	for _, argument := range o.APIServerArgs {
		if !strings.HasPrefix(argument, "--") {
			return fmt.Errorf("--apiserver-arg: %q does not begin with --", argument)
		}
	}
	return nil
}

// PathOf is the file of one cluster: path itself where there is one cluster, else path with ".INDEX"; "" stays "".
func (o *Options) PathOf(path string, index int) string {
	if o.Clusters == 1 || path == "" {
		return path
	}
	return fmt.Sprintf("%s.%d", path, index)
}
