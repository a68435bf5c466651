// SPDX-License-Identifier: Apache-2.0

package simkubelet

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const zones = 3

// createNode makes or takes over a Node object and reports it ready, with this process's log port.
func (k *Kubelet) createNode(ctx context.Context, name string, index int) error {
	nodes := k.config.Client.CoreV1().Nodes()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
		"topology.kubernetes.io/zone": fmt.Sprintf("zone-%d", index%zones), "devcluster/simulated": "true"}}}
	if _, err := nodes.Create(ctx, node, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	// Admission marks a new node as not ready, and the node lifecycle controller that would remove it does not run.
	_, err := nodes.Patch(ctx, name, types.MergePatchType, []byte(`{"spec":{"taints":null}}`), metav1.PatchOptions{})
	if err != nil {
		return err
	}
	patch, err := json.Marshal(map[string]any{"status": k.nodeStatus(name, time.Now())})
	if err != nil {
		return err
	}
	_, err = nodes.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

func (k *Kubelet) nodeStatus(name string, now time.Time) corev1.NodeStatus {
	resources := corev1.ResourceList{"cpu": resource.MustParse("64"), "memory": resource.MustParse("256Gi"),
		"pods": resource.MustParse("5000"), "ephemeral-storage": resource.MustParse("1Ti")}
	at := *atSecond(now)
	condition := func(
		kind corev1.NodeConditionType, status corev1.ConditionStatus, reason, message string,
	) corev1.NodeCondition {
		return corev1.NodeCondition{
			Type:               kind,
			Status:             status,
			Reason:             reason,
			Message:            message,
			LastHeartbeatTime:  at,
			LastTransitionTime: at,
		}
	}
	return corev1.NodeStatus{
		Capacity: resources, Allocatable: resources,
		Conditions: []corev1.NodeCondition{
			condition(
				"MemoryPressure",
				corev1.ConditionFalse,
				"KubeletHasSufficientMemory",
				"kubelet has sufficient memory available",
			),
			condition(
				"DiskPressure",
				corev1.ConditionFalse,
				"KubeletHasNoDiskPressure",
				"kubelet has no disk pressure",
			),
			condition(
				"PIDPressure",
				corev1.ConditionFalse,
				"KubeletHasSufficientPID",
				"kubelet has sufficient PID available",
			),
			condition("Ready", corev1.ConditionTrue, "KubeletReady", "kubelet is posting ready status"),
		},
		Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: hostIP},
			{Type: corev1.NodeHostName, Address: name},
		},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{
			KubeletEndpoint: corev1.DaemonEndpoint{Port: int32(k.config.Listener.Addr().(*net.TCPAddr).Port)}},
		NodeInfo: corev1.NodeSystemInfo{
			KubeletVersion:          k.config.KubernetesVersion,
			OperatingSystem:         "linux",
			Architecture:            "amd64",
			OSImage:                 "fairlead-devcluster (simulated)",
			ContainerRuntimeVersion: "containerd://simulated",
		},
	}
}
