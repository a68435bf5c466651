// SPDX-License-Identifier: Apache-2.0

package simkubelet

import (
	"hash/fnv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// settings are the speeds of a simulated kubelet.
type settings struct {
	podDelay time.Duration // from scheduled to the first container's start, stretched by up to a quarter
	backoff  time.Duration // first back-off, doubled each time
}

const (
	maxBackoff    = 5 * time.Minute
	pullErrorTime = time.Second            // ErrImagePull is shown so long before ImagePullBackOff
	exitedTime    = 200 * time.Millisecond // the terminated state is shown so long before the restart
	// A real kubelet probes every 10 s. Here the wait grows, so that a thousand such pods do not keep the API server busy
	// with their events.
	probePeriod = 10 * time.Second
	firstProbe  = time.Second
)

type phase string

const (
	notStarted   phase = "not-started"
	pullFailed   phase = "pull-failed"
	pullBackoff  phase = "pull-backoff"
	blocked      phase = "blocked" // waits for ever, with the reason and message beside it
	running      phase = "running"
	exited       phase = "exited" // will be restarted
	crashBackoff phase = "crash-backoff"
	finished     phase = "finished" // will not be restarted
)

// containerState is one container's place in its plan.
type containerState struct {
	name, image     string
	plan            plan
	phase           phase
	due             time.Time // when the next thing happens; zero: nothing will
	ready           bool
	restarts        int32
	pulls           int32 // failed pulls in a row
	probes          int32 // failed probes of this process
	waitFor         time.Duration
	reason, message string    // of blocked
	started, ended  time.Time // of the current or last run
	last            *run      // the run before, for lastState and the previous log
}

// run is a finished run of a container.
type run struct {
	number         int32 // 0 is the first
	started, ended time.Time
	code           int32
	reason         string
}

// podState is everything the simulated kubelet knows about a pod beyond its object.
type podState struct {
	uid     types.UID
	ip      string
	started time.Time
	init    []containerState
	app     []containerState
}

// event is a Kubernetes event about one container.
type event struct {
	kind, reason, message string
	fieldPath             string
}

// newPodState is the state of a pod just seen. A pod with container statuses was played by an earlier process: it
// goes on from them.
func newPodState(pod *corev1.Pod, now time.Time, set settings) *podState {
	s := &podState{uid: pod.UID, ip: pod.Status.PodIP, started: now}
	if pod.Status.StartTime != nil {
		s.started = pod.Status.StartTime.Time
	}
	for i := range pod.Spec.InitContainers {
		c := &pod.Spec.InitContainers[i]
		s.init = append(s.init, restored(pod.Status.InitContainerStatuses, containerState{name: c.Name, image: c.Image,
			plan: planOf(pod, c, true), phase: notStarted}, now))
	}
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		s.app = append(s.app, restored(pod.Status.ContainerStatuses, containerState{name: c.Name, image: c.Image,
			plan: planOf(pod, c, false), phase: notStarted}, now))
	}
	first := s.app
	if len(s.init) > 0 {
		first = s.init[:1]
	}
	for i := range first {
		if first[i].phase == notStarted && first[i].due.IsZero() {
			first[i].due = now.Add(stretched(set.podDelay, pod.UID))
		}
	}
	return s
}

// stretched makes pods of one set start at different times, but each pod always at the same.
func stretched(delay time.Duration, uid types.UID) time.Duration {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(uid))
	return delay + delay/4*time.Duration(hash.Sum32()%1000)/1000
}

func restored(statuses []corev1.ContainerStatus, c containerState, now time.Time) containerState {
	for i := range statuses {
		if statuses[i].Name != c.name {
			continue
		}
		status := &statuses[i]
		c.restarts, c.ready = status.RestartCount, status.Ready
		if t := status.LastTerminationState.Terminated; t != nil {
			c.last = &run{
				number:  max(c.restarts-1, 0),
				started: t.StartedAt.Time,
				ended:   t.FinishedAt.Time,
				code:    t.ExitCode,
				reason:  t.Reason,
			}
		}
		switch state := status.State; {
		case state.Running != nil:
			c.phase, c.started = running, state.Running.StartedAt.Time
			c.due = c.endOfRun()
		case state.Terminated != nil:
			c.phase, c.started, c.ended = exited, state.Terminated.StartedAt.Time, state.Terminated.FinishedAt.Time
			c.due = now
		case state.Waiting != nil && c.last != nil:
			// In a crash loop lastState is the run that has just ended.
			c.phase, c.started, c.ended, c.due = crashBackoff, c.last.started, c.last.ended, now
		case state.Waiting != nil && state.Waiting.Reason != "PodInitializing":
			c.due = now
		}
	}
	return c
}

// step moves every container whose time has come and returns what a kubelet would report as events. It is a pure
// function of the state, the pod and now: no clock, no I/O.
func (s *podState) step(pod *corev1.Pod, now time.Time, set settings) []event {
	var events []event
	if isTerminal(pod.Status.Phase) {
		return nil
	}
	stepOne := func(c *containerState, spec *corev1.Container, field string, always, never bool) {
		for !c.due.IsZero() && !c.due.After(now) {
			for _, e := range c.step(pod, spec, now, set, always, never) {
				e.fieldPath = field + "{" + c.name + "}"
				events = append(events, e)
			}
		}
	}
	policy := pod.Spec.RestartPolicy
	initialised := true
	for i := range s.init {
		c, spec := &s.init[i], &pod.Spec.InitContainers[i]
		sidecar := isSidecar(spec)
		if c.phase == notStarted && c.due.IsZero() && initialised {
			c.due = now // its turn
		}
		stepOne(c, spec, "spec.initContainers", sidecar, !sidecar && policy == corev1.RestartPolicyNever)
		if !c.passed(sidecar) {
			initialised = false
			break
		}
	}
	if !initialised {
		return events
	}
	for i := range s.app {
		c := &s.app[i]
		if c.phase == notStarted && c.due.IsZero() {
			c.due = now
		}
		stepOne(
			c,
			&pod.Spec.Containers[i],
			"spec.containers",
			policy == corev1.RestartPolicyAlways,
			policy == corev1.RestartPolicyNever,
		)
	}
	return events
}

// passed says whether an init container lets the next one start.
func (c *containerState) passed(sidecar bool) bool {
	if sidecar {
		return c.phase == running || c.phase == exited || c.phase == crashBackoff
	}
	return c.phase == finished && c.plan.code == 0
}

// next is when something happens next; ok is false when nothing will.
func (s *podState) next() (at time.Time, ok bool) {
	for _, group := range [][]containerState{s.init, s.app} {
		for i := range group {
			if due := group[i].due; !due.IsZero() && (!ok || due.Before(at)) {
				at, ok = due, true
			}
		}
	}
	return at, ok
}

// step is one transition of one container; the caller has checked that it is due.
func (c *containerState) step(
	pod *corev1.Pod,
	spec *corev1.Container,
	now time.Time,
	set settings,
	always, never bool,
) []event {
	switch c.phase {
	case notStarted, pullBackoff:
		return c.create(spec, now)
	case pullFailed:
		c.phase, c.waitFor = pullBackoff, backoff(set.backoff, c.pulls-1)
		c.due = now.Add(c.waitFor)
		return pullBackoffEvents(c.image)
	case running:
		return c.whileRunning(now, always, never)
	case exited:
		if !c.restartsAgain(always, never) { // found so after a restart of this process
			c.phase, c.due = finished, time.Time{}
			return nil
		}
		if c.restarts == 0 { // the first restart is immediate
			return c.restart(now)
		}
		c.phase, c.waitFor = crashBackoff, backoff(set.backoff, c.restarts-1)
		c.due = now.Add(c.waitFor)
		return []event{crashBackoffEvent(pod, c.name)}
	case crashBackoff:
		return c.restart(now)
	}
	c.due = time.Time{}
	return nil
}

func (c *containerState) create(spec *corev1.Container, now time.Time) []event {
	block := func(reason, message string) {
		c.phase, c.due, c.reason, c.message = blocked, time.Time{}, reason, message
	}
	switch {
	case c.plan.kind == invalidImageName:
		message := invalidImageMessage(c.image)
		block("InvalidImageName", message)
		return []event{warning("InspectFailed", message), warning("Failed", "Error: InvalidImageName")}
	case c.plan.kind == imagePullFails && spec.ImagePullPolicy == corev1.PullNever:
		message := neverPullMessage(c.image)
		block("ErrImageNeverPull", message)
		return []event{warning("ErrImageNeverPull", message), warning("Failed", "Error: ErrImageNeverPull")}
	case c.plan.kind == imagePullFails:
		c.phase, c.due = pullFailed, now.Add(pullErrorTime)
		c.pulls++
		return pullFailedEvents(c.image)
	case c.plan.kind == configMissing:
		message := missingConfigMessage(spec)
		block("CreateContainerConfigError", message)
		return []event{normal("Pulled", presentMessage(c.image)), warning("Failed", "Error: "+message)}
	}
	return c.start(now)
}

func (c *containerState) start(now time.Time) []event {
	c.phase, c.started, c.ended = running, now, time.Time{}
	c.ready = c.plan.kind == becomesReady || (c.plan.kind == exits && c.plan.ready)
	c.due = c.endOfRun()
	return []event{normal("Pulled", presentMessage(c.image)), normal("Created", "Created container: "+c.name),
		normal("Started", "Started container "+c.name)}
}

func (c *containerState) restart(now time.Time) []event {
	c.last = &run{number: c.restarts, started: c.started, ended: c.ended, code: c.plan.code, reason: c.exitReason()}
	c.restarts++
	return c.start(now)
}

// endOfRun is when a run of this container changes by itself; zero for never.
func (c *containerState) endOfRun() time.Time {
	length := c.plan.later
	if c.restarts == 0 {
		length = c.plan.first
	}
	switch c.plan.kind {
	case slowlyReady, exits:
		return c.started.Add(length)
	case neverReady:
		return c.started.Add(firstProbe)
	}
	return time.Time{}
}

func (c *containerState) whileRunning(now time.Time, always, never bool) []event {
	switch c.plan.kind {
	case neverReady:
		c.due = now.Add(backoff(probePeriod, c.probes))
		c.probes++
		return []event{warning("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")}
	case exits:
		c.phase, c.ended, c.ready, c.due = exited, now, false, now.Add(exitedTime)
		if !c.restartsAgain(always, never) {
			c.phase, c.due = finished, time.Time{}
		}
	default:
		c.ready, c.due = true, time.Time{}
	}
	return nil
}

func (c *containerState) restartsAgain(always, never bool) bool {
	return always || (!never && c.plan.code != 0)
}

func (c *containerState) exitReason() string {
	if c.plan.code == 0 {
		return "Completed"
	}
	return c.plan.reason
}

// backoff is the wait before attempt n+1, n counting from 0.
func backoff(first time.Duration, n int32) time.Duration {
	return min(first<<min(n, 10), maxBackoff)
}

func isTerminal(p corev1.PodPhase) bool { return p == corev1.PodSucceeded || p == corev1.PodFailed }
