// SPDX-License-Identifier: Apache-2.0

package simkubelet

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// BehaviourAnnotation on a pod says what all its containers (init containers apart) do; it wins over image names.
const BehaviourAnnotation = "devcluster/behaviour"

type kind string

const (
	becomesReady     kind = "ready"
	slowlyReady      kind = "slow"
	neverReady       kind = "never-ready"
	imagePullFails   kind = "imagepullbackoff"
	invalidImageName kind = "invalidimagename"
	configMissing    kind = "createcontainerconfigerror"
	exits            kind = "exit"
)

const (
	shortRun     = time.Second // of a container that crashes at once, or of a Job's that succeeds
	exitCodeKill = 137         // 128 + SIGKILL, as after the kernel's out-of-memory killer
)

// plan is what one container does each time it runs.
type plan struct {
	kind kind
	// first and later are the lengths of the first run and of those after a restart (exits), or the time until ready
	// (slowlyReady).
	first, later time.Duration
	code         int32
	reason       string // of the terminated state, when the code is not 0
	ready        bool   // while it runs (exits)
}

var behaviour = regexp.MustCompile(`(?:^|[:/._-])(?:` +
	`(ready|never-ready|imagepullbackoff|invalidimagename|createcontainerconfigerror|crashloop|oomkilled)|` +
	`slow-(\d{1,6}(?:ms|s|m))|crash-after-(\d{1,6}(?:ms|s|m))|exit-(\d{1,3})-after-(\d{1,6}(?:ms|s|m)))$`)

// planOf reads the behaviour of one container: annotation, end of the image's name, or the default.
func planOf(pod *corev1.Pod, container *corev1.Container, isInit bool) plan {
	if !isInit {
		if p, ok := parseBehaviour(pod.Annotations[BehaviourAnnotation]); ok {
			return p
		}
	}
	image, _, _ := strings.Cut(container.Image, "@")
	if p, ok := parseBehaviour(image); ok {
		return p
	}
	if isSidecar(container) || (!isInit && pod.Spec.RestartPolicy == corev1.RestartPolicyAlways) {
		return plan{kind: becomesReady}
	}
	run := shortRun
	if isInit {
		run = 0
	}
	return plan{kind: exits, first: run, later: run, ready: true}
}

func parseBehaviour(text string) (plan, bool) {
	m := behaviour.FindStringSubmatch(text)
	if m == nil {
		return plan{}, false
	}
	duration := func(s string) time.Duration {
		d, _ := time.ParseDuration(s) // the expression admits nothing else
		return d
	}
	crash := plan{kind: exits, first: shortRun, later: shortRun, code: 1, reason: "Error"}
	switch {
	case m[1] == "crashloop":
		return crash, true
	case m[1] == "oomkilled":
		crash.code, crash.reason = exitCodeKill, "OOMKilled"
		return crash, true
	case m[1] != "":
		return plan{kind: kind(m[1])}, true
	case m[2] != "":
		return plan{kind: slowlyReady, first: duration(m[2]), later: duration(m[2])}, true
	case m[3] != "":
		crash.first, crash.ready = duration(m[3]), true
		return crash, true
	}
	code, _ := strconv.Atoi(m[4])
	return plan{kind: exits, first: duration(m[5]), later: duration(m[5]), code: int32(min(code, 255)), reason: "Error",
		ready: true}, true
}

func isSidecar(container *corev1.Container) bool {
	return container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways
}
