// SPDX-License-Identifier: Apache-2.0

// Package cloud plays what a cloud provider adds to a cluster: addresses of LoadBalancer Services and Ingresses, and
// volumes for claims.
package cloud

import (
	"context"
	"fmt"
	"hash/fnv"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	// AddressAnnotation with the value "pending" on a Service or Ingress leaves it without an address.
	AddressAnnotation = "devcluster/lb"
	provisioner       = "devcluster/simulated"
	storageClass      = "standard"
	// Claims carry the first one when the binder waits for a provisioner; volumes say with the second who made them.
	wantedAnnotation = "volume.kubernetes.io/storage-provisioner"
	madeAnnotation   = "pv.kubernetes.io/provisioned-by"
)

type cloud struct {
	ctx    context.Context
	client kubernetes.Interface
}

// Start plays the chosen parts until ctx ends; it returns once the watches are set up.
func Start(ctx context.Context, client kubernetes.Interface, loadBalancers, volumes bool) error {
	c := &cloud{ctx, client}
	factory := informers.NewSharedInformerFactory(client, 0)
	if loadBalancers {
		if err := on(factory.Core().V1().Services().Informer(), c.service); err != nil {
			return err
		}
		if err := on(factory.Networking().V1().Ingresses().Informer(), c.ingress); err != nil {
			return err
		}
	}
	if volumes {
		_, err := client.StorageV1().StorageClasses().Create(ctx, &storagev1.StorageClass{Provisioner: provisioner,
			ObjectMeta: metav1.ObjectMeta{Name: storageClass, Annotations: map[string]string{
				"storageclass.kubernetes.io/is-default-class": "true"}}}, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
		if err := on(factory.Core().V1().PersistentVolumeClaims().Informer(), c.claim); err != nil {
			return err
		}
		if err := on(factory.Core().V1().PersistentVolumes().Informer(), c.volume); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	return nil
}

func on[T any](informer cache.SharedIndexInformer, handle func(T)) error {
	call := func(o any) {
		if object, ok := o.(T); ok {
			handle(object)
		}
	}
	_, err := informer.AddEventHandler(
		cache.ResourceEventHandlerFuncs{AddFunc: call, UpdateFunc: func(_, o any) { call(o) }},
	)
	return err
}

func (c *cloud) log(what string, err error) {
	if err != nil && c.ctx.Err() == nil && !apierrors.IsNotFound(err) && !apierrors.IsAlreadyExists(err) {
		klog.ErrorS(err, "Simulated cloud", "what", what)
	}
}

// address is a patch with an address of 192.0.2.0/24 (RFC 5737: for documentation, nothing answers there).
func address(uid types.UID) []byte {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(uid))
	return fmt.Appendf(nil, `{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.%d"}]}}}`, hash.Sum32()%254+1)
}

func wantsAddress(meta *metav1.ObjectMeta) bool {
	return meta.DeletionTimestamp == nil && meta.Annotations[AddressAnnotation] != "pending"
}

func (c *cloud) service(s *corev1.Service) {
	if s.Spec.Type == corev1.ServiceTypeLoadBalancer && s.Spec.LoadBalancerClass == nil &&
		len(s.Status.LoadBalancer.Ingress) == 0 && wantsAddress(&s.ObjectMeta) {
		_, err := c.client.CoreV1().
			Services(s.Namespace).
			Patch(c.ctx, s.Name, types.MergePatchType, address(s.UID), metav1.PatchOptions{}, "status")
		c.log("service", err)
	}
}

func (c *cloud) ingress(i *networkingv1.Ingress) {
	if len(i.Status.LoadBalancer.Ingress) == 0 && wantsAddress(&i.ObjectMeta) {
		_, err := c.client.NetworkingV1().
			Ingresses(i.Namespace).
			Patch(c.ctx, i.Name, types.MergePatchType, address(i.UID), metav1.PatchOptions{}, "status")
		c.log("ingress", err)
	}
}

// claim makes the volume that a claim of our class waits for; the real binder binds the two.
func (c *cloud) claim(p *corev1.PersistentVolumeClaim) {
	if p.Spec.VolumeName != "" || p.Annotations[wantedAnnotation] != provisioner || p.DeletionTimestamp != nil ||
		p.Spec.StorageClassName == nil {
		return
	}
	_, err := c.client.CoreV1().PersistentVolumes().Create(c.ctx, &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        "pvc-" + string(p.UID),
			Annotations: map[string]string{madeAnnotation: provisioner},
		},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:    corev1.ResourceList{"storage": p.Spec.Resources.Requests["storage"]},
			AccessModes: p.Spec.AccessModes, StorageClassName: *p.Spec.StorageClassName, VolumeMode: p.Spec.VolumeMode,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: "/nonexistent/" + string(p.UID)},
			},
			ClaimRef: &corev1.ObjectReference{
				Kind:       "PersistentVolumeClaim",
				APIVersion: "v1",
				Namespace:  p.Namespace,
				Name:       p.Name,
				UID:        p.UID,
			},
		}}, metav1.CreateOptions{})
	c.log("volume", err)
}

func (c *cloud) volume(v *corev1.PersistentVolume) {
	if v.Status.Phase == corev1.VolumeReleased && v.Annotations[madeAnnotation] == provisioner {
		c.log("volume deletion", c.client.CoreV1().PersistentVolumes().Delete(c.ctx, v.Name, metav1.DeleteOptions{}))
	}
}
