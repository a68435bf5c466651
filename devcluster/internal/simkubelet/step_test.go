// SPDX-License-Identifier: Apache-2.0

package simkubelet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

func podOf(policy corev1.RestartPolicy, images ...string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1", UID: "u-1", Generation: 1},
		Spec: corev1.PodSpec{
			RestartPolicy: policy,
			NodeName:      "node-0",
		}, Status: corev1.PodStatus{Phase: corev1.PodPending}}
	for i, image := range images {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: fmt.Sprintf("c%d", i), Image: image})
	}
	return pod
}

// play runs a pod on a clock of its own, from event to event, as kubelet.go does on the real one.
type play struct {
	t      *testing.T
	pod    *corev1.Pod
	state  *podState
	now    time.Time
	events []string
}

var (
	birth = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	speed = settings{podDelay: 0, backoff: 2 * time.Second}
)

func start(t *testing.T, pod *corev1.Pod) *play {
	p := &play{t: t, pod: pod, state: newPodState(pod, birth, speed), now: birth}
	p.to(0)
	return p
}

// to moves the clock to so long after the birth and patches the pod's status as the API server would.
func (p *play) to(after time.Duration) {
	p.t.Helper()
	for end := birth.Add(after); ; {
		for _, e := range p.state.step(p.pod, p.now, speed) {
			p.events = append(p.events, e.kind+" "+e.reason+" "+e.message)
		}
		p.patch()
		next, more := p.state.next()
		if !more || next.After(end) || isTerminal(p.pod.Status.Phase) {
			p.now = end
			return
		}
		if !next.After(p.now) {
			p.t.Fatalf("at %s the next step is at %s: it would never end", p.now, next)
		}
		p.now = next
	}
}

func (p *play) patch() {
	p.t.Helper()
	status := p.state.status(p.pod, p.now)
	if unchanged(p.pod, &status) {
		return
	}
	patch, err := patchOf(p.pod, &status)
	if err != nil {
		p.t.Fatal(err)
	}
	old, _ := json.Marshal(p.pod)
	merged, err := strategicpatch.StrategicMergePatch(old, patch, corev1.Pod{})
	if err != nil {
		p.t.Fatal(err)
	}
	p.pod = &corev1.Pod{}
	if err := json.Unmarshal(merged, p.pod); err != nil {
		p.t.Fatal(err)
	}
	if again := p.state.status(p.pod, p.now); !unchanged(p.pod, &again) {
		p.t.Fatalf("the status read back is not what was written: %s", merged)
	}
}

// summary is the pod in the words of `kubectl get pods`: phase, then for each container its state, readiness, restarts.
func (p *play) summary() string {
	words := []string{string(p.pod.Status.Phase)}
	for _, c := range slices.Concat(p.pod.Status.InitContainerStatuses, p.pod.Status.ContainerStatuses) {
		word := "?"
		switch {
		case c.State.Running != nil:
			word = "running"
		case c.State.Waiting != nil:
			word = c.State.Waiting.Reason
		case c.State.Terminated != nil:
			word = fmt.Sprintf("%s(%d)", c.State.Terminated.Reason, c.State.Terminated.ExitCode)
		}
		if c.Ready {
			word += "+"
		}
		if c.RestartCount > 0 {
			word += fmt.Sprintf("/%d", c.RestartCount)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func (p *play) expect(after time.Duration, want string) {
	p.t.Helper()
	p.to(after)
	if got := p.summary(); got != want {
		p.t.Errorf("after %s: %q, wanted %q", after, got, want)
	}
}

func (p *play) expectEvent(want string) {
	p.t.Helper()
	if !slices.ContainsFunc(p.events, func(e string) bool { return strings.Contains(e, want) }) {
		p.t.Errorf("no event %q among\n%s", want, strings.Join(p.events, "\n"))
	}
}

func (p *play) expectReady(want corev1.ConditionStatus, reason string) {
	p.t.Helper()
	c := condition(p.pod, corev1.PodReady)
	if c == nil || c.Status != want || c.Reason != reason {
		p.t.Errorf("condition Ready is %+v, wanted %s %q", c, want, reason)
	}
}

func TestPodBecomesReady(t *testing.T) {
	p := start(t, podOf(corev1.RestartPolicyAlways, "web:1"))
	p.expect(0, "Running running+")
	p.expectReady(corev1.ConditionTrue, "")
	p.expectEvent("Normal Started Started container c0")
	p.expect(time.Hour, "Running running+")
}

func TestPodDelay(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web:1")
	s := newPodState(pod, birth, settings{podDelay: 4 * time.Second})
	if s.step(pod, birth.Add(3999*time.Millisecond), speed); s.sandboxReady() {
		t.Error("started before the delay")
	}
	if got := s.status(pod, birth); got.ContainerStatuses[0].State.Waiting.Reason != "ContainerCreating" ||
		got.Phase != corev1.PodPending {
		t.Errorf("before: %+v", got)
	}
	if s.step(pod, birth.Add(5*time.Second), speed); !s.sandboxReady() {
		t.Error("not started a quarter after the delay")
	}
}

func TestSlowPodLosesItsReasonWhenReady(t *testing.T) {
	p := start(t, podOf(corev1.RestartPolicyAlways, "web:slow-10s"))
	p.expect(9*time.Second, "Running running")
	p.expectReady(corev1.ConditionFalse, "ContainersNotReady")
	p.expect(10*time.Second, "Running running+")
	p.expectReady(corev1.ConditionTrue, "")
}

func TestNeverReadyFailsItsProbe(t *testing.T) {
	p := start(t, podOf(corev1.RestartPolicyAlways, "web:never-ready"))
	p.expect(time.Hour, "Running running")
	p.expectEvent("Warning Unhealthy Readiness probe failed")
	n := 0
	for _, e := range p.events {
		if strings.Contains(e, "Unhealthy") {
			n++
		}
	}
	if n < 10 || n > 30 {
		t.Errorf("%d probe events in an hour", n)
	}
}

func TestImagePullAlternatesWithItsBackoff(t *testing.T) {
	p := start(t, podOf(corev1.RestartPolicyAlways, "web:imagepullbackoff", "side:1"))
	p.expect(0, "Pending ErrImagePull running+")
	p.expect(time.Second, "Pending ImagePullBackOff running+")
	if m := p.pod.Status.ContainerStatuses[0].State.Waiting.Message; !strings.HasPrefix(
		m,
		`Back-off pulling image "web:imagepullbackoff": ErrImagePull: rpc error`,
	) {
		t.Errorf("message %q", m)
	}
	p.expect(3*time.Second, "Pending ErrImagePull running+")
	p.expect(4*time.Second, "Pending ImagePullBackOff running+")
	p.expect(7*time.Second, "Pending ImagePullBackOff running+") // the second back-off is 4 s
	p.expect(8*time.Second, "Pending ErrImagePull running+")
	p.expectEvent(`Warning Failed Failed to pull image "web:imagepullbackoff": rpc error: code = NotFound`)
	p.expectEvent("Warning Failed Error: ErrImagePull")
	p.expectEvent(`Normal BackOff Back-off pulling image "web:imagepullbackoff"`)
	p.expectEvent("Warning Failed Error: ImagePullBackOff")
}

func TestContainersThatCannotBeCreated(t *testing.T) {
	never := podOf(corev1.RestartPolicyAlways, "web:imagepullbackoff")
	never.Spec.Containers[0].ImagePullPolicy = corev1.PullNever
	invalid := podOf(corev1.RestartPolicyAlways, "web:invalidimagename")
	missing := podOf(corev1.RestartPolicyAlways, "web:createcontainerconfigerror")
	missing.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: "database"}}}}
	for reason, of := range map[string]struct {
		pod     *corev1.Pod
		message string
	}{
		"ErrImageNeverPull":          {never, "is not present with pull policy of Never"},
		"InvalidImageName":           {invalid, "invalid reference format"},
		"CreateContainerConfigError": {missing, `secret "database" not found`},
	} {
		p := start(t, of.pod)
		p.expect(time.Hour, "Pending "+reason)
		if m := p.pod.Status.ContainerStatuses[0].State.Waiting.Message; !strings.Contains(m, of.message) {
			t.Errorf("%s: message %q", reason, m)
		}
		p.expectEvent("Warning Failed Error: ")
	}
}

func TestCrashLoop(t *testing.T) {
	p := start(t, podOf(corev1.RestartPolicyAlways, "web:crashloop"))
	p.expect(900*time.Millisecond, "Running running")
	p.expect(time.Second, "Running Error(1)")
	p.expect(1200*time.Millisecond, "Running running/1") // the first restart is immediate
	p.expect(2200*time.Millisecond, "Running Error(1)/1")
	p.expect(2400*time.Millisecond, "Running CrashLoopBackOff/1")
	c := p.pod.Status.ContainerStatuses[0]
	if want := "back-off 2s restarting failed container=c0 pod=web-1_shop(u-1)"; c.State.Waiting.Message != want {
		t.Errorf("message %q, wanted %q", c.State.Waiting.Message, want)
	}
	if last := c.LastTerminationState.Terminated; last == nil || last.ExitCode != 1 || last.Reason != "Error" ||
		last.ContainerID != c.ContainerID {
		t.Errorf("last state %+v", last)
	}
	p.expect(4400*time.Millisecond, "Running running/2")
	p.expect(5600*time.Millisecond, "Running CrashLoopBackOff/2")
	p.expect(9599*time.Millisecond, "Running CrashLoopBackOff/2") // 4 s
	p.expect(9600*time.Millisecond, "Running running/3")
	p.expectEvent("Warning BackOff Back-off restarting failed container c0 in pod web-1_shop(u-1)")
	p.expectReady(corev1.ConditionFalse, "ContainersNotReady")
}

func TestCrashLoopBesideAHealthyContainer(t *testing.T) {
	p := start(t, podOf(corev1.RestartPolicyAlways, "web:oomkilled", "side:1"))
	p.expect(3*time.Second, "Running CrashLoopBackOff/1 running+")
	if m := condition(p.pod, corev1.PodReady).Message; m != "containers with unready status: [c0]" {
		t.Errorf("message %q", m)
	}
	if r := p.pod.Status.ContainerStatuses[0].LastTerminationState.Terminated.Reason; r != "OOMKilled" {
		t.Errorf("reason %q", r)
	}
}

func TestCrashAfterBeingReady(t *testing.T) {
	p := start(t, podOf(corev1.RestartPolicyAlways, "web:crash-after-30s"))
	p.expect(29*time.Second, "Running running+")
	p.expect(30*time.Second, "Running Error(1)")
	p.expect(32*time.Second, "Running CrashLoopBackOff/1") // later runs are short
}

func TestBackoffHasAnEnd(t *testing.T) {
	for n, want := range map[int32]time.Duration{
		0: 2 * time.Second, 1: 4 * time.Second, 7: 256 * time.Second, 8: maxBackoff, 1 << 30: maxBackoff,
	} {
		if got := backoff(2*time.Second, n); got != want {
			t.Errorf("back-off %d is %s, wanted %s", n, got, want)
		}
	}
}

func TestExitsByRestartPolicy(t *testing.T) {
	p := start(t, podOf(corev1.RestartPolicyNever, "migrate:1"))
	p.expect(time.Second, "Succeeded Completed(0)")
	p.expectReady(corev1.ConditionFalse, "PodCompleted")
	p = start(t, podOf(corev1.RestartPolicyNever, "migrate:exit-3-after-2s", "side:exit-0-after-1s"))
	p.expect(time.Second, "Running running+ Completed(0)")
	p.expect(2*time.Second, "Failed Error(3) Completed(0)")
	p.expectReady(corev1.ConditionFalse, "PodFailed")
	p = start(t, podOf(corev1.RestartPolicyOnFailure, "migrate:exit-3-after-2s"))
	p.expect(5*time.Second, "Running CrashLoopBackOff/1")
	p = start(t, podOf(corev1.RestartPolicyAlways, "web:exit-0-after-2s"))
	p.expect(5*time.Second, "Running CrashLoopBackOff/1")
}

func withInit(pod *corev1.Pod, containers ...corev1.Container) *corev1.Pod {
	pod.Spec.InitContainers = containers
	return pod
}

func TestInitContainersRunInTurn(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	p := start(
		t,
		withInit(
			podOf(corev1.RestartPolicyAlways, "web:1"),
			corev1.Container{Name: "i0", Image: "migrate:exit-0-after-2s"},
			corev1.Container{
				Name:          "proxy",
				Image:         "proxy:1",
				RestartPolicy: &always,
			},
			corev1.Container{Name: "i2", Image: "check:exit-0-after-1s"},
		),
	)
	p.expect(time.Second, "Pending running+ PodInitializing PodInitializing PodInitializing")
	p.expect(2*time.Second, "Pending Completed(0)+ running+ running+ PodInitializing")
	if m := condition(p.pod, corev1.PodInitialized).Message; m != "containers with incomplete status: [i2]" {
		t.Errorf("message %q", m)
	}
	p.expect(3*time.Second, "Running Completed(0)+ running+ Completed(0)+ running+")
	p.expectReady(corev1.ConditionTrue, "")
}

func TestFailingInitContainers(t *testing.T) {
	p := start(
		t,
		withInit(podOf(corev1.RestartPolicyAlways, "web:1"), corev1.Container{Name: "i0", Image: "migrate:crashloop"}),
	)
	p.expect(3*time.Second, "Pending CrashLoopBackOff/1 PodInitializing")
	p = start(
		t,
		withInit(podOf(corev1.RestartPolicyNever, "web:1"), corev1.Container{Name: "i0", Image: "migrate:crashloop"}),
	)
	p.expect(3*time.Second, "Failed Error(1) PodInitializing")
	p = start(
		t,
		withInit(
			podOf(corev1.RestartPolicyAlways, "web:1"),
			corev1.Container{Name: "i0", Image: "migrate:imagepullbackoff"},
		),
	)
	p.expect(time.Second, "Pending ImagePullBackOff PodInitializing")
}

func TestReadinessGates(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web:1")
	pod.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.test/warm"}}
	p := start(t, pod)
	p.expectReady(corev1.ConditionFalse, "ReadinessGatesNotReady")
	p.pod.Status.Conditions = append(
		p.pod.Status.Conditions,
		corev1.PodCondition{Type: "example.test/warm", Status: corev1.ConditionTrue},
	)
	p.to(time.Second)
	p.expectReady(corev1.ConditionTrue, "")
	if condition(p.pod, "example.test/warm") == nil {
		t.Error("somebody else's condition was lost")
	}
}

func TestAnotherProcessGoesOn(t *testing.T) {
	for image, want := range map[string][2]string{ // the summary 3 s after birth, and 20 s after the restart
		"web:1":                {"Running running+", "Running running+"},
		"web:slow-10s":         {"Running running", "Running running+"},
		"web:imagepullbackoff": {"Pending ErrImagePull", "Pending ImagePullBackOff"},
		"web:crashloop":        {"Running CrashLoopBackOff/1", "Running CrashLoopBackOff/4"},
	} {
		p := start(t, podOf(corev1.RestartPolicyAlways, image))
		p.expect(3*time.Second, want[0])
		p.state = newPodState(p.pod, p.now, speed)
		p.expect(23*time.Second, want[1])
		if started := p.pod.Status.StartTime; !started.Time.Equal(birth) {
			t.Errorf("%s: the pod's start moved to %s", image, started)
		}
	}
}
