// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"strings"

	"k8s.io/component-base/configz"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	controlleroptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	scheduleroptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

// controllerNames are those that a workload's life needs. Not among them: node lifecycle and taint eviction (the
// simulated nodes send no heartbeats), certificate signing, cloud, attach and detach.
var controllerNames = []string{
	"serviceaccount-controller", "serviceaccount-token-controller", "root-ca-certificate-publisher-controller",
	"namespace-controller", "garbage-collector-controller", "clusterrole-aggregation-controller",
	"resourcequota-controller",
	"deployment-controller", "replicaset-controller", "statefulset-controller", "daemonset-controller",
	"job-controller", "cronjob-controller", "ttl-after-finished-controller", "pod-garbage-collector-controller",
	"endpoints-controller", "endpointslice-controller", "disruption-controller", "horizontal-pod-autoscaler-controller",
	"persistentvolume-binder-controller", "persistentvolumeclaim-protection-controller",
	"validatingadmissionpolicy-status-controller",
}

func (c *Cluster) startControllers() error {
	s, err := controlleroptions.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	known, aliases := controllers.KnownControllers(), controllers.ControllerAliases()
	disabled := controllers.ControllersDisabledByDefault()
	sets := s.Flags(known, disabled, aliases)
	if err := parse("kube-controller-manager", sets, []string{
		"--kubeconfig=" + c.internal, "--leader-elect=false", "--secure-port=0", "--profiling=false",
		"--controllers=" + strings.Join(controllerNames, ","), "--use-service-account-credentials=false",
		"--service-account-private-key-file=" + c.pki.key("service-accounts"),
		"--root-ca-file=" + c.pki.certificate("ca"),
		"--kube-api-qps=2000", "--kube-api-burst=4000",
		"--concurrent-deployment-syncs=10", "--concurrent-replicaset-syncs=10", "--concurrent-statefulset-syncs=10",
		"--concurrent-job-syncs=10", "--concurrent-gc-syncs=10", "--concurrent-namespace-syncs=10",
		"--concurrent-service-endpoint-syncs=10", "--pvclaimbinder-sync-period=15s",
		"--enable-hostpath-provisioner=false",
	}); err != nil {
		return err
	}
	s.ParsedFlags = &sets
	config, err := s.Config(c.clientContext, known, disabled, aliases)
	if err != nil {
		return err
	}
	c.clients.Add(1)
	go func() {
		defer c.clients.Done()
		if err := controllers.Run(c.clientContext, config.Complete()); err != nil && c.clientContext.Err() == nil {
			c.fail("kube-controller-manager", err)
		}
	}()
	return nil
}

func (c *Cluster) startScheduler() error {
	s := scheduleroptions.NewOptions()
	if err := parse("kube-scheduler", *s.Flags, []string{"--kubeconfig=" + c.internal, "--leader-elect=false",
		"--secure-port=0", "--kube-api-qps=2000", "--kube-api-burst=4000", "--profiling=false"}); err != nil {
		return err
	}
	configz.Delete("componentconfig") // the name can be registered once in a process, each cluster's scheduler does
	config, instance, err := scheduler.Setup(c.clientContext, s)
	if err != nil {
		return err
	}
	// The component's own Run would refuse a second scheduler in the process, so this is what is needed of it.
	stop := c.clientContext.Done()
	config.EventBroadcaster.StartRecordingToSink(stop)
	config.InformerFactory.Start(stop)
	if config.DynInformerFactory != nil {
		config.DynInformerFactory.Start(stop)
	}
	c.clients.Add(1)
	go func() {
		defer c.clients.Done()
		defer config.EventBroadcaster.Shutdown()
		config.InformerFactory.WaitForCacheSync(stop)
		if config.DynInformerFactory != nil {
			config.DynInformerFactory.WaitForCacheSync(stop)
		}
		if err := instance.WaitForHandlersSync(c.clientContext); err != nil {
			if c.clientContext.Err() == nil {
				c.fail("kube-scheduler", errors.Join(errors.New("its caches did not fill"), err))
			}
			return
		}
		instance.Run(c.clientContext)
	}()
	return nil
}
