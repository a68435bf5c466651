// SPDX-License-Identifier: Apache-2.0

// Package cluster wires the real Kubernetes components of one cluster into this process: API server, controllers and
// scheduler as libraries, with their own flags. Several clusters live in one process and share one etcd, each under a
// prefix of its own; their API servers must be started one after the other.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"fairlead.dev/devcluster/internal/cloud"
	"fairlead.dev/devcluster/internal/options"
	"fairlead.dev/devcluster/internal/simkubelet"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	cliflag "k8s.io/component-base/cli/flag"
	componentversion "k8s.io/component-base/version"
)

const (
	readyLimit   = 90 * time.Second // for each thing that a start waits for
	readyPeriod  = 20 * time.Millisecond
	requestLimit = 5 * time.Second
	stopLimit    = 5 * time.Second // for each half of a stop
)

// Cluster is one API server with what belongs to it. Not for use by several goroutines.
type Cluster struct {
	options  *options.Options
	index    int
	dir      string
	endpoint string // of etcd
	pki      pki
	listener net.Listener // of the API server
	kubelet  net.Listener // of the simulated kubelets' log endpoint
	internal string       // kubeconfig of controllers and scheduler
	config   *rest.Config
	client   kubernetes.Interface
	token    string
	failed   chan<- error

	// The API server outlives its clients when a cluster stops.
	serverContext context.Context
	stopServer    context.CancelFunc
	server        sync.WaitGroup
	clientContext context.Context
	stopClients   context.CancelFunc
	clients       sync.WaitGroup
}

// Prepare must be called once in the process, before any cluster is made. Feature gates belong to the process and are
// frozen by the first component that adds its flags; the controller manager's flags change one default and panic when
// they come second, so that default is changed here.
func Prepare() error {
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	return utilfeature.DefaultMutableFeatureGate.OverrideDefaultAtVersion(
		"WatchListClient",
		true,
		version.MustParse("1.34"),
	)
}

// New opens the cluster's folder, certificates and listeners. A component that ends by itself is reported to failed.
func New(o *options.Options, index int, endpoint string, failed chan<- error) (*Cluster, error) {
	c := &Cluster{
		options:  o,
		index:    index,
		endpoint: endpoint,
		failed:   failed,
		dir:      filepath.Join(o.Dir, fmt.Sprintf("c%d", index)),
	}
	var err error
	if c.pki, err = openPKI(filepath.Join(c.dir, "pki")); err != nil {
		return nil, err
	}
	if c.listener, err = c.listen(); err != nil {
		return nil, err
	}
	if c.kubelet, err = net.Listen("tcp", loopbackAddress+":0"); err != nil {
		return nil, err
	}
	c.serverContext, c.stopServer = context.WithCancel(context.Background())
	c.clientContext, c.stopClients = context.WithCancel(context.Background())
	c.config = &rest.Config{
		Host:      c.URL(),
		QPS:       -1,
		UserAgent: "fairlead-devcluster",
		TLSClientConfig: rest.TLSClientConfig{
			CAFile: c.pki.certificate(
				"ca",
			), CertFile: c.pki.certificate("components"), KeyFile: c.pki.key("components")},
	}
	if c.client, err = kubernetes.NewForConfig(c.config); err != nil {
		return nil, err
	}
	c.internal = filepath.Join(c.dir, "components.kubeconfig")
	file := clientcmdapi.NewConfig()
	file.Clusters["c"] = &clientcmdapi.Cluster{Server: c.URL(), CertificateAuthority: c.pki.certificate("ca")}
	file.AuthInfos["u"] = &clientcmdapi.AuthInfo{
		ClientCertificate: c.pki.certificate("components"),
		ClientKey:         c.pki.key("components"),
	}
	file.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	file.CurrentContext = "x"
	return c, clientcmd.WriteToFile(*file, c.internal)
}

// listen opens the API port: the one asked for, or the one of the last start if it is free, or any. The listener is
// handed to the API server open, so that nobody can take the port in between.
func (c *Cluster) listen() (net.Listener, error) {
	file := filepath.Join(c.dir, "port")
	port := 0
	if c.options.Port != 0 {
		port = c.options.Port + c.index
	} else if text, err := os.ReadFile(file); err == nil {
		port, _ = strconv.Atoi(strings.TrimSpace(string(text))) // nonsense in the file: any port
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", loopbackAddress, port))
	if err != nil && c.options.Port == 0 {
		listener, err = net.Listen("tcp", loopbackAddress+":0")
	}
	if err != nil {
		return nil, err
	}
	return listener, os.WriteFile(file, []byte(strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)), 0o600)
}

func (c *Cluster) port() int { return c.listener.Addr().(*net.TCPAddr).Port }

// URL is the API server's address.
func (c *Cluster) URL() string { return fmt.Sprintf("https://%s:%d", loopbackAddress, c.port()) }

// KubernetesVersion is what /version of the API servers says.
func KubernetesVersion() string { return componentversion.Get().GitVersion }

// StartClients starts, once the API server is ready, all that the level asks for, and makes the token of the
// kubeconfig.
func (c *Cluster) StartClients() error {
	for _, namespace := range []string{metav1.NamespaceDefault, metav1.NamespaceSystem} {
		if err := c.wait("namespace "+namespace, func(ctx context.Context) error {
			_, err := c.client.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
			return err
		}); err != nil {
			return err
		}
	}
	if c.options.Level == options.LevelA {
		return c.makeToken()
	}
	if err := c.startControllers(); err != nil {
		return fmt.Errorf("kube-controller-manager: %w", err)
	}
	if err := c.startScheduler(); err != nil {
		return fmt.Errorf("kube-scheduler: %w", err)
	}
	tls, err := c.pki.kubeletTLS()
	if err != nil {
		return err
	}
	kubelet := simkubelet.New(simkubelet.Config{Client: c.client, Nodes: c.options.Nodes, PodDelay: c.options.PodDelay,
		Backoff: c.options.Backoff, Listener: c.kubelet, TLS: tls, LogClientName: logClientName,
		KubernetesVersion: KubernetesVersion()})
	if err := kubelet.Start(c.clientContext, &c.clients); err != nil {
		return fmt.Errorf("simulated kubelet: %w", err)
	}
	if err := cloud.Start(c.clientContext, c.client, c.options.LoadBalancers, c.options.Volumes); err != nil {
		return fmt.Errorf("simulated cloud: %w", err)
	}
	if err := c.wait("ServiceAccount default/default", func(ctx context.Context) error {
		_, err := c.client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err
	}); err != nil {
		return err
	}
	return c.makeToken()
}

// wait asks until there is no error any more; the components offer nothing to wait on.
func (c *Cluster) wait(what string, ask func(context.Context) error) error {
	for end := time.Now().Add(readyLimit); ; time.Sleep(readyPeriod) {
		ctx, cancel := context.WithTimeout(c.serverContext, requestLimit)
		err := ask(ctx)
		cancel()
		if err == nil {
			return nil
		}
		if c.serverContext.Err() != nil {
			return c.serverContext.Err()
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: not there after %s: %w", what, readyLimit, err)
		}
	}
}

// Stop ends the clients first, so that the API server has no watches of ours to drain, then the API server.
func (c *Cluster) Stop() error {
	c.stopClients()
	var problems []error
	if !waitFor(&c.clients) {
		problems = append(problems, fmt.Errorf("cluster %d: controllers did not stop within %s", c.index, stopLimit))
	}
	c.stopServer()
	if !waitFor(&c.server) {
		problems = append(problems, fmt.Errorf("cluster %d: API server did not stop within %s", c.index, stopLimit))
	}
	_ = c.listener.Close() // closed already where its server has run
	_ = c.kubelet.Close()
	return errors.Join(problems...)
}

func waitFor(group *sync.WaitGroup) bool {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(stopLimit):
		return false
	}
}

func (c *Cluster) fail(component string, err error) {
	select {
	case c.failed <- fmt.Errorf("cluster %d: %s: %w", c.index, component, err):
	default: // another failure is being handled already
	}
}

// parse reads a component's flags as its command line would.
func parse(name string, sets cliflag.NamedFlagSets, arguments []string) error {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	return flags.Parse(arguments)
}
