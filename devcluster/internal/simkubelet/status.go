// SPDX-License-Identifier: Apache-2.0

package simkubelet

import (
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// hostIP is the address of every simulated node: the log endpoint listens there.
const hostIP = "127.0.0.1"

// status is the pod's status as a kubelet would report it in this state. Pure; conditions that did not change keep the
// transition time of the pod's own status.
func (s *podState) status(pod *corev1.Pod, now time.Time) corev1.PodStatus {
	result := corev1.PodStatus{
		ObservedGeneration: pod.Generation,
		StartTime:          atSecond(s.started),
		HostIP:             hostIP, HostIPs: []corev1.HostIP{{IP: hostIP}},
		PodIP: s.ip, PodIPs: []corev1.PodIP{{IP: s.ip}},
	}
	initialised := true
	var incomplete []string
	for i := range s.init {
		c := &s.init[i]
		result.InitContainerStatuses = append(result.InitContainerStatuses, c.status(pod, "PodInitializing", true))
		if !c.passed(isSidecar(&pod.Spec.InitContainers[i])) {
			initialised = false
			incomplete = append(incomplete, c.name)
		}
	}
	waitReason := "ContainerCreating"
	if !initialised {
		waitReason = "PodInitializing"
	}
	for i := range s.app {
		result.ContainerStatuses = append(result.ContainerStatuses, s.app[i].status(pod, waitReason, false))
	}
	result.Phase = s.phase(pod, initialised)
	result.Conditions = s.conditions(pod, result.Phase, incomplete, now)
	return result
}

// phase follows the rules of the pod lifecycle in the Kubernetes documentation.
func (s *podState) phase(pod *corev1.Pod, initialised bool) corev1.PodPhase {
	for i := range s.init {
		if s.init[i].phase == finished && s.init[i].plan.code != 0 {
			return corev1.PodFailed
		}
	}
	if !initialised {
		return corev1.PodPending
	}
	over, failed := 0, false
	for i := range s.app {
		switch c := &s.app[i]; {
		case c.started.IsZero():
			return corev1.PodPending
		case c.phase == finished:
			over++
			failed = failed || c.plan.code != 0
		}
	}
	switch {
	case over < len(s.app):
		return corev1.PodRunning
	case failed:
		return corev1.PodFailed
	}
	return corev1.PodSucceeded
}

func (s *podState) conditions(
	pod *corev1.Pod,
	phase corev1.PodPhase,
	incomplete []string,
	now time.Time,
) []corev1.PodCondition {
	var unready []string
	for i := range s.init {
		if isSidecar(&pod.Spec.InitContainers[i]) && !s.init[i].ready {
			unready = append(unready, s.init[i].name)
		}
	}
	for i := range s.app {
		if !s.app[i].ready {
			unready = append(unready, s.app[i].name)
		}
	}
	ready := corev1.PodCondition{Status: corev1.ConditionTrue}
	switch {
	case phase == corev1.PodSucceeded:
		ready = corev1.PodCondition{Status: corev1.ConditionFalse, Reason: "PodCompleted"}
	case phase == corev1.PodFailed:
		ready = corev1.PodCondition{Status: corev1.ConditionFalse, Reason: "PodFailed"}
	case len(unready) > 0:
		ready = corev1.PodCondition{Status: corev1.ConditionFalse, Reason: "ContainersNotReady",
			Message: fmt.Sprintf("containers with unready status: %s", unready)}
	}
	initialised := corev1.PodCondition{Status: corev1.ConditionTrue}
	if len(incomplete) > 0 {
		initialised = corev1.PodCondition{Status: corev1.ConditionFalse, Reason: "ContainersNotInitialized",
			Message: fmt.Sprintf("containers with incomplete status: %s", incomplete)}
	}
	podReady := ready
	if ready.Status == corev1.ConditionTrue {
		podReady = gated(pod, ready)
	}
	containersStart := corev1.PodCondition{Status: corev1.ConditionFalse}
	if s.sandboxReady() && !isTerminal(phase) {
		containersStart.Status = corev1.ConditionTrue
	}
	all := []corev1.PodCondition{containersStart, initialised, podReady, ready}
	kinds := []corev1.PodConditionType{corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady,
		corev1.ContainersReady}
	for i, kind := range kinds {
		c := &all[i]
		c.Type, c.ObservedGeneration, c.LastTransitionTime = kind, pod.Generation, *atSecond(now)
		if old := condition(pod, kind); old != nil && old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
		}
	}
	return all
}

// gated applies the pod's readiness gates: conditions that others write.
func gated(pod *corev1.Pod, ready corev1.PodCondition) corev1.PodCondition {
	for _, gate := range pod.Spec.ReadinessGates {
		if c := condition(pod, gate.ConditionType); c == nil || c.Status != corev1.ConditionTrue {
			return corev1.PodCondition{Status: corev1.ConditionFalse, Reason: "ReadinessGatesNotReady",
				Message: fmt.Sprintf("the status of pod readiness gate %q is not \"True\"", gate.ConditionType)}
		}
	}
	return ready
}

func condition(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == kind {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}

// sandboxReady is true from the first container's start, or try to start.
func (s *podState) sandboxReady() bool {
	first := s.app
	if len(s.init) > 0 {
		first = s.init
	}
	return first[0].phase != notStarted
}

func (c *containerState) status(pod *corev1.Pod, waitReason string, isInit bool) corev1.ContainerStatus {
	status := corev1.ContainerStatus{Name: c.name, Image: c.image, Ready: c.ready, RestartCount: c.restarts}
	started := c.phase == running
	status.Started = &started
	if isInit && c.phase == finished && c.plan.code == 0 {
		status.Ready = true
	}
	if !c.started.IsZero() {
		status.Image, status.ImageID = qualified(c.image), imageID(c.image)
		status.ContainerID = containerID(pod, c.name, c.restarts)
	}
	if c.last != nil {
		status.LastTerminationState.Terminated = c.last.terminated(pod, c.name)
	}
	waiting := func(reason, message string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
	switch c.phase {
	case notStarted:
		status.State = waiting(waitReason, "")
	case pullFailed:
		status.State = waiting("ErrImagePull", pullErrorMessage(c.image))
	case pullBackoff:
		status.State = waiting(
			"ImagePullBackOff",
			pullBackoffMessage(c.image)+": ErrImagePull: "+pullErrorMessage(c.image),
		)
	case blocked:
		status.State = waiting(c.reason, c.message)
	case running:
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: *atSecond(c.started)}
	case exited, finished:
		status.State.Terminated = c.current().terminated(pod, c.name)
	case crashBackoff:
		status.State = waiting("CrashLoopBackOff", crashBackoffMessage(pod, c.name, c.waitFor))
		status.LastTerminationState.Terminated = c.current().terminated(pod, c.name)
	}
	return status
}

// current is the run that has ended last (exited, finished, crashBackoff) or that is going on.
func (c *containerState) current() *run {
	return &run{number: c.restarts, started: c.started, ended: c.ended, code: c.plan.code, reason: c.exitReason()}
}

func (r *run) terminated(pod *corev1.Pod, container string) *corev1.ContainerStateTerminated {
	return &corev1.ContainerStateTerminated{ExitCode: r.code, Reason: r.reason, StartedAt: *atSecond(r.started),
		FinishedAt: *atSecond(r.ended), ContainerID: containerID(pod, container, r.number)}
}

// atSecond cuts to what survives JSON, so that a status compares equal with itself read back.
func atSecond(t time.Time) *metav1.Time {
	cut := metav1.NewTime(t).Rfc3339Copy()
	return &cut
}

// unchanged says whether the pod's status already says all of wanted; what others write is not looked at.
func unchanged(pod *corev1.Pod, wanted *corev1.PodStatus) bool {
	have := &pod.Status
	for i := range wanted.Conditions {
		old := condition(pod, wanted.Conditions[i].Type)
		if old == nil || !equality.Semantic.DeepEqual(*old, wanted.Conditions[i]) {
			return false
		}
	}
	return have.Phase == wanted.Phase && have.PodIP == wanted.PodIP && have.HostIP == wanted.HostIP &&
		have.ObservedGeneration == wanted.ObservedGeneration &&
		equality.Semantic.DeepEqual(have.StartTime, wanted.StartTime) &&
		equality.Semantic.DeepEqual(have.InitContainerStatuses, wanted.InitContainerStatuses) &&
		equality.Semantic.DeepEqual(have.ContainerStatuses, wanted.ContainerStatuses)
}

// patchOf is a strategic merge patch of the status: conditions are merged by type, so that those of the scheduler and
// of others stay. An empty reason or message is sent as null, or the old text would stay.
func patchOf(pod *corev1.Pod, wanted *corev1.PodStatus) ([]byte, error) {
	raw, err := json.Marshal(wanted)
	if err != nil {
		return nil, err
	}
	var status map[string]any
	if err := json.Unmarshal(raw, &status); err != nil {
		return nil, err
	}
	conditions, _ := status["conditions"].([]any)
	for _, item := range conditions {
		c := item.(map[string]any)
		for _, text := range []string{"reason", "message"} {
			if _, set := c[text]; !set {
				c[text] = nil
			}
		}
	}
	// The uid makes the patch fail on another pod of the same name.
	return json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.UID}, "status": status})
}
