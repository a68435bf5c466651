// SPDX-License-Identifier: Apache-2.0

// Package simkubelet plays the kubelets of one cluster: it makes Node objects, moves the pods that the real scheduler
// has bound to them, reports statuses and events in the words of a real kubelet, and serves container logs. There are
// no containers. plan.go says what a container does, step.go when, status.go how it looks, logs.go what it writes:
// these are pure; kubelet.go, node.go and server.go are the edge.
package simkubelet

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

const (
	workers      = 8
	broadcasters = 4
	// A pod that starts later than this is first reported as ContainerCreating; for shorter waits the write is saved.
	creatingShownFrom = time.Second
)

// Config is what a simulated kubelet needs. Listener and TLS are for the log endpoint; TLS must ask for a client
// certificate.
type Config struct {
	Client            kubernetes.Interface
	Nodes             int
	PodDelay, Backoff time.Duration
	Listener          net.Listener
	TLS               *tls.Config
	LogClientName     string // the only client certificate name that may read logs
	KubernetesVersion string
}

// Kubelet plays all nodes of one cluster. Start may be called once.
type Kubelet struct {
	config Config
	set    settings
	pods   corelisters.PodLister
	queue  workqueue.TypedRateLimitingInterface[string]

	// By node, then by type of event; its keys are the nodes played here. Complete before pods are watched.
	records map[string]map[string]record.EventRecorder

	mutex  sync.Mutex // guards what follows; never held across a request
	states map[string]*podState
	nextIP uint32
}

// New makes a Kubelet that does nothing yet.
func New(config Config) *Kubelet {
	return &Kubelet{config: config, set: settings{podDelay: config.PodDelay, backoff: config.Backoff},
		states: map[string]*podState{}, records: map[string]map[string]record.EventRecorder{}}
}

// Start makes the nodes, begins to play their pods until ctx ends, and returns; done counts the running goroutines.
func (k *Kubelet) Start(ctx context.Context, done *sync.WaitGroup) error {
	// A broadcaster aggregates and rate-limits events exactly as a kubelet's, and like it drops what exceeds its queue.
	// Nodes share a few. Warnings have their own, so that a thousand started pods do not push out a failure's cause.
	var normals, warnings [broadcasters]record.EventBroadcaster
	for i := range broadcasters {
		normals[i], warnings[i] = k.newBroadcaster(ctx), k.newBroadcaster(ctx)
	}
	for i := range k.config.Nodes {
		name := fmt.Sprintf("node-%d", i)
		source := corev1.EventSource{Component: "kubelet", Host: name}
		k.records[name] = map[string]record.EventRecorder{
			corev1.EventTypeNormal:  normals[i%broadcasters].NewRecorder(scheme.Scheme, source),
			corev1.EventTypeWarning: warnings[i%broadcasters].NewRecorder(scheme.Scheme, source),
		}
		if err := k.createNode(ctx, name, i); err != nil {
			return fmt.Errorf("node %s: %w", name, err)
		}
	}
	k.queue = workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]())
	if err := k.watchPods(ctx); err != nil {
		return err
	}
	for range workers {
		done.Add(1)
		go func() {
			defer done.Done()
			for k.work(ctx) {
			}
		}()
	}
	go func() {
		<-ctx.Done()
		k.queue.ShutDown()
	}()
	return k.serveLogs(ctx)
}

// newBroadcaster makes one that ends with ctx.
func (k *Kubelet) newBroadcaster(ctx context.Context) record.EventBroadcaster {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: k.config.Client.CoreV1().Events("")})
	return broadcaster
}

func (k *Kubelet) watchPods(ctx context.Context) error {
	factory := informers.NewSharedInformerFactoryWithOptions(
		k.config.Client,
		0,
		informers.WithTransform(func(o any) (any, error) {
			if m, ok := o.(metav1.Object); ok {
				m.SetManagedFields(nil) // half of a pod's memory
			}
			return o, nil
		}),
	)
	informer := factory.Core().V1().Pods()
	k.pods = informer.Lister()
	add := func(o any) {
		pod, ok := o.(*corev1.Pod)
		if !ok || k.records[pod.Spec.NodeName] == nil {
			return
		}
		if !isTerminal(pod.Status.Phase) || pod.DeletionTimestamp != nil {
			k.queue.Add(pod.Namespace + "/" + pod.Name)
		}
	}
	if _, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: add, UpdateFunc: func(_, o any) { add(o) },
		DeleteFunc: func(o any) {
			if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(o); err == nil {
				k.mutex.Lock()
				delete(k.states, key)
				k.mutex.Unlock()
			}
		}}); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	return nil
}

func (k *Kubelet) work(ctx context.Context) bool {
	key, quit := k.queue.Get()
	if quit {
		return false
	}
	defer k.queue.Done(key)
	if err := k.sync(ctx, key); err != nil && ctx.Err() == nil {
		klog.ErrorS(err, "Simulated kubelet: pod not moved, will try again", "pod", key)
		k.queue.AddRateLimited(key)
	} else {
		k.queue.Forget(key)
	}
	return true
}

// sync brings one pod up to now. The queue never runs it twice at once for the same pod.
func (k *Kubelet) sync(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return err
	}
	pod, err := k.pods.Pods(namespace).Get(name)
	if err != nil {
		return nil // gone
	}
	if pod.DeletionTimestamp != nil {
		return k.remove(ctx, pod)
	}
	if isTerminal(pod.Status.Phase) {
		return nil
	}
	now := time.Now()
	k.mutex.Lock()
	state := k.states[key]
	if state == nil || state.uid != pod.UID {
		state = newPodState(pod, now, k.set)
		if state.ip == "" {
			k.nextIP++
			state.ip = fmt.Sprintf("10.244.%d.%d", k.nextIP/250%250, k.nextIP%250+2)
		}
		k.states[key] = state
	}
	events := state.step(pod, now, k.set)
	status := state.status(pod, now)
	next, more := state.next()
	wait := !state.sandboxReady() && next.Sub(now) < creatingShownFrom
	k.mutex.Unlock()

	if more {
		k.queue.AddAfter(key, max(next.Sub(now), time.Millisecond))
	}
	for _, e := range events {
		k.records[pod.Spec.NodeName][e.kind].Event(reference(pod, e.fieldPath), e.kind, e.reason, e.message)
	}
	if wait || unchanged(pod, &status) {
		return nil
	}
	patch, err := patchOf(pod, &status)
	if err != nil {
		return err
	}
	_, err = k.config.Client.CoreV1().
		Pods(namespace).
		Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // gone, or replaced by a pod of the same name
	}
	return err
}

// remove ends a pod that is being deleted: its containers stop at once.
func (k *Kubelet) remove(ctx context.Context, pod *corev1.Pod) error {
	for i := range pod.Status.ContainerStatuses {
		if c := &pod.Status.ContainerStatuses[i]; c.State.Running != nil {
			k.records[pod.Spec.NodeName][corev1.EventTypeNormal].Event(
				reference(pod, "spec.containers{"+c.Name+"}"),
				corev1.EventTypeNormal,
				"Killing",
				"Stopping container "+c.Name,
			)
		}
	}
	noGrace, uid := int64(0), pod.UID
	err := k.config.Client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name,
		metav1.DeleteOptions{GracePeriodSeconds: &noGrace, Preconditions: &metav1.Preconditions{UID: &uid}})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

func reference(pod *corev1.Pod, fieldPath string) *corev1.ObjectReference {
	return &corev1.ObjectReference{
		Kind:            "Pod",
		APIVersion:      "v1",
		Namespace:       pod.Namespace,
		Name:            pod.Name,
		UID:             pod.UID,
		ResourceVersion: pod.ResourceVersion,
		FieldPath:       fieldPath,
	}
}
