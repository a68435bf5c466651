// SPDX-License-Identifier: Apache-2.0

// Command fairlead-devcluster is a real Kubernetes API in one process, on loopback, for the demo, tests and benchmarks.
// See options.Parse for its command line.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"fairlead.dev/devcluster/internal/cluster"
	"fairlead.dev/devcluster/internal/options"
	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
)

const (
	usage = `Usage: fairlead-devcluster start --dir DIR --kubeconfig FILE [flags]
       fairlead-devcluster start --help
       fairlead-devcluster version
`
	exitFailure, exitUsage, exitStuck = 1, 2, 3
	// A stop that takes longer ends hard: a process whose parent is gone must never stay.
	stopLimit = 20 * time.Second
)

func main() {
	verb := ""
	if len(os.Args) > 1 {
		verb = os.Args[1]
	}
	switch verb {
	case "start":
	case "version":
		fmt.Println("Kubernetes", cluster.KubernetesVersion())
		return
	case "help", "--help", "-h":
		fmt.Print(usage)
		return
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(exitUsage)
	}
	o, err := options.Parse(os.Args[2:], os.Stdout)
	if errors.Is(err, options.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fairlead-devcluster:", err)
		os.Exit(exitUsage)
	}
	if err := run(&o); err != nil {
		fmt.Fprintln(os.Stderr, "fairlead-devcluster:", err)
		os.Exit(exitFailure)
	}
}

func run(o *options.Options) error {
	begin := time.Now()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if o.DieWithParent {
		if err := watchParent(cancel); err != nil {
			return fmt.Errorf("--die-with-parent: %w", err)
		}
	}
	if o.WatchStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // an error is an end, too
			cancel()
		}()
	}
	context.AfterFunc(ctx, func() { time.AfterFunc(stopLimit, func() { os.Exit(exitStuck) }) })
	debug.SetGCPercent(o.GOGC)
	lock, err := lockDirectory(o.Dir)
	if err != nil {
		return err
	}
	defer lock.Close() // and with that the file stays reachable: a collected os.File closes itself and drops the lock
	if err := logTo(o.LogFile, o.Verbosity); err != nil {
		return err
	}
	if err := cluster.Prepare(); err != nil {
		return err
	}
	etcd, endpoint, err := cluster.StartEtcd(o.Dir, o.Fsync)
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer etcd.Close()
	failed := make(chan error, 1)
	clusters, err := startClusters(ctx, o, endpoint, failed)
	if err == nil {
		err = announce(o, clusters, begin)
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
	} else if ctx.Err() != nil {
		err = nil // stopped while it started
	}
	cancel() // where it failed by itself, the limit of a stop holds as well
	return errors.Join(err, stopAll(clusters))
}

// startClusters returns all clusters that were made, also with an error, so that they can be stopped.
func startClusters(
	ctx context.Context,
	o *options.Options,
	endpoint string,
	failed chan<- error,
) ([]*cluster.Cluster, error) {
	var clusters []*cluster.Cluster
	for i := range o.Clusters {
		c, err := cluster.New(o, i, endpoint, failed)
		if err != nil {
			return clusters, fmt.Errorf("cluster %d: %w", i, err)
		}
		clusters = append(clusters, c)
	}
	phases := []func(*cluster.Cluster) error{(*cluster.Cluster).StartAPIServer, (*cluster.Cluster).StartClients}
	for _, start := range phases {
		for i, c := range clusters {
			if ctx.Err() != nil {
				return clusters, ctx.Err()
			}
			if err := start(c); err != nil {
				return clusters, fmt.Errorf("cluster %d: %w", i, err)
			}
		}
	}
	return clusters, nil
}

// announce writes the kubeconfigs and, last, the line that says that all is ready.
func announce(o *options.Options, clusters []*cluster.Cluster, begin time.Time) error {
	servers, kubeconfigs, auditLogs := []string{}, []string{}, []string{}
	for i, c := range clusters {
		path := o.PathOf(o.Kubeconfig, i)
		if err := cluster.WriteKubeconfig(path, clusters[i:i+1]); err != nil {
			return err
		}
		servers, kubeconfigs = append(servers, c.URL()), append(kubeconfigs, path)
		if o.AuditLog != "" {
			auditLogs = append(auditLogs, o.PathOf(o.AuditLog, i))
		}
	}
	if err := cluster.WriteKubeconfig(o.Kubeconfig, clusters); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(struct {
		Ready       bool     `json:"ready"`
		PID         int      `json:"pid"`
		Level       string   `json:"level"`
		Kubernetes  string   `json:"kubernetes"`
		Kubeconfig  string   `json:"kubeconfig"`
		Servers     []string `json:"servers"`
		Kubeconfigs []string `json:"kubeconfigs"`
		AuditLogs   []string `json:"audit_logs"`
		StartMs     int64    `json:"start_ms"`
	}{true, os.Getpid(), string(o.Level), cluster.KubernetesVersion(), o.Kubeconfig, servers, kubeconfigs, auditLogs,
		time.Since(begin).Milliseconds()})
}

func stopAll(clusters []*cluster.Cluster) error {
	problems := make([]error, len(clusters))
	var group sync.WaitGroup
	for i, c := range clusters {
		group.Add(1)
		go func() {
			defer group.Done()
			problems[i] = c.Stop()
		}()
	}
	group.Wait()
	return errors.Join(problems...)
}

// lockDirectory makes the state directory and takes it for this process; the returned file holds the lock.
func lockDirectory(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf(
				"--dir: %s is in use by another fairlead-devcluster: stop it or choose another directory",
				dir,
			)
		}
		return nil, err
	}
	return lock, nil
}

// logTo sends everything that the components log to a file; stdout and stderr stay ours.
func logTo(path string, verbosity int) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	for name, value := range map[string]string{"logtostderr": "false", "alsologtostderr": "false",
		"stderrthreshold": "FATAL", "one_output": "true", "v": fmt.Sprint(verbosity)} {
		if err := flags.Set(name, value); err != nil {
			return err
		}
	}
	klog.SetOutput(file)
	return nil
}
