// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fairlead.dev/devcluster/internal/options"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

const (
	// The default is 60 s. Watches, among them some of the API server's own, hold up the end until it is over; other
	// requests have the time to finish.
	drainLimit = 250 * time.Millisecond
	// Without priority and fairness: enough for any load test.
	readsInFlight, writesInFlight = 3000, 1000
	// One audit line per request, or per stage of a watch. The file is never rotated: a test reads it from the start.
	auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`
	auditMegabytes = 1 << 20
)

func (c *Cluster) apiserverFlags() ([]string, error) {
	flags := []string{
		"--etcd-servers=" + c.endpoint, fmt.Sprintf("--etcd-prefix=/registry-%d", c.index),
		"--etcd-count-metric-poll-period=0", "--etcd-compaction-interval=5m",
		"--bind-address=" + loopbackAddress, "--advertise-address=" + loopbackAddress,
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=" + serviceIPRange, "--allow-privileged=true", "--event-ttl=1h",
		"--tls-cert-file=" + c.pki.certificate("apiserver"), "--tls-private-key-file=" + c.pki.key("apiserver"),
		"--client-ca-file=" + c.pki.certificate("ca"), "--authorization-mode=Node,RBAC", "--anonymous-auth=false",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.pki.key("service-accounts"),
		"--service-account-signing-key-file=" + c.pki.key("service-accounts"),
		"--requestheader-client-ca-file=" + c.pki.certificate("front-proxy-ca"),
		"--requestheader-allowed-names=" + frontProxyName, "--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + c.pki.certificate("front-proxy-client"),
		"--proxy-client-key-file=" + c.pki.key("front-proxy-client"),
		"--kubelet-client-certificate=" + c.pki.certificate("kubelet-client"),
		"--kubelet-client-key=" + c.pki.key("kubelet-client"),
		"--kubelet-certificate-authority=" + c.pki.certificate("ca"),
		"--kubelet-preferred-address-types=InternalIP", "--shutdown-delay-duration=0s", "--profiling=false",
	}
	if !c.options.APF {
		flags = append(
			flags,
			"--enable-priority-and-fairness=false",
			fmt.Sprintf("--max-requests-inflight=%d", readsInFlight),
			fmt.Sprintf("--max-mutating-requests-inflight=%d", writesInFlight),
		)
	}
	if c.options.Level == options.LevelA {
		// Nobody makes the ServiceAccount "default" of a namespace here, which pods would be refused without.
		flags = append(flags, "--disable-admission-plugins=ServiceAccount")
	}
	if c.options.AuditLog != "" {
		policy := filepath.Join(c.dir, "audit-policy.yaml")
		if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
			return nil, err
		}
		// Blocking: the line is in the file before the response ends.
		flags = append(
			flags,
			"--audit-log-path="+c.options.PathOf(c.options.AuditLog, c.index),
			"--audit-policy-file="+policy,
			"--audit-log-format=json",
			"--audit-log-mode=blocking",
			fmt.Sprintf("--audit-log-maxsize=%d", auditMegabytes),
		)
	}
	return append(flags, c.options.APIServerArgs...), nil
}

// StartAPIServer returns when the API server is ready. Clusters of one process must call it one after the other, since
// API servers share state of the process while they are wired.
func (c *Cluster) StartAPIServer() error {
	arguments, err := c.apiserverFlags()
	if err != nil {
		return err
	}
	s := apiserver.NewServerRunOptions()
	if err := parse("kube-apiserver", s.Flags(), arguments); err != nil {
		return err
	}
	s.SecureServing.Listener, s.SecureServing.BindPort = c.listener, c.port()
	if c.index == 0 { // feature gates: once in the process
		if err := s.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
			return err
		}
	}
	completed, err := s.Complete(c.serverContext)
	if err != nil {
		return err
	}
	if problems := completed.Validate(); len(problems) != 0 {
		return utilerrors.NewAggregate(problems)
	}
	config, err := app.NewConfig(completed)
	if err != nil {
		return err
	}
	completedConfig, err := config.Complete()
	if err != nil {
		return err
	}
	chain, err := app.CreateServerChain(completedConfig)
	if err != nil {
		return err
	}
	chain.GenericAPIServer.ShutdownTimeout = drainLimit
	prepared, err := chain.PrepareRun()
	if err != nil {
		return err
	}
	c.server.Add(1)
	go func() {
		defer c.server.Done()
		if err := prepared.Run(c.serverContext); err != nil {
			c.fail("kube-apiserver", err)
		}
	}()
	return c.wait("/readyz", func(ctx context.Context) error {
		answer, err := c.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err == nil && string(answer) != "ok" {
			return errors.New(string(answer))
		}
		return err
	})
}
