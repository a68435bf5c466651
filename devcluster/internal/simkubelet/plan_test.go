// SPDX-License-Identifier: Apache-2.0

package simkubelet

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestBehaviourIsTheEndOfTheImageName(t *testing.T) {
	crash := plan{kind: exits, first: time.Second, later: time.Second, code: 1, reason: "Error"}
	killed := plan{kind: exits, first: time.Second, later: time.Second, code: 137, reason: "OOMKilled"}
	lateCrash := plan{kind: exits, first: 30 * time.Second, later: time.Second, code: 1, reason: "Error", ready: true}
	exit := func(code int32, after time.Duration) plan {
		return plan{kind: exits, first: after, later: after, code: code, reason: "Error", ready: true}
	}
	for image, want := range map[string]plan{
		"web":                                    {kind: becomesReady},
		"registry.example:5000/web:1.4.0":        {kind: becomesReady},
		"registry.example/web:1.4.0-crashloop":   crash,
		"web:oomkilled":                          killed,
		"web:2-crash-after-30s":                  lateCrash,
		"web:1.5.0-slow-10s":                     {kind: slowlyReady, first: 10 * time.Second, later: 10 * time.Second},
		"never-ready":                            {kind: neverReady},
		"web:imagepullbackoff":                   {kind: imagePullFails},
		"web:imagepullbackoff@sha256:00":         {kind: imagePullFails},
		"web:invalidimagename":                   {kind: invalidImageName},
		"web:createcontainerconfigerror":         {kind: configMissing},
		"migrate:exit-3-after-500ms":             exit(3, 500*time.Millisecond),
		"migrate:exit-999-after-1s":              exit(255, time.Second),
		"web:1.0-crashloop-fixed":                {kind: becomesReady},
		"already:1":                              {kind: becomesReady}, // not "ready" as a word, and no harm either
		"web:mycrashloop":                        {kind: becomesReady},
		"web:1.5.0-slow-99999999999999999999999": {kind: becomesReady},
	} {
		pod := podOf(corev1.RestartPolicyAlways, image)
		if got := planOf(pod, &pod.Spec.Containers[0], false); got != want {
			t.Errorf("%s: %+v, wanted %+v", image, got, want)
		}
	}
}

func TestAnnotationWinsButNotForInitContainers(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web:crashloop")
	pod.Annotations = map[string]string{BehaviourAnnotation: "slow-3s"}
	if got := planOf(pod, &pod.Spec.Containers[0], false); got.kind != slowlyReady {
		t.Errorf("container: %+v", got)
	}
	if got := planOf(pod, &corev1.Container{Image: "migrate"}, true); got.kind != exits || got.code != 0 {
		t.Errorf("init container: %+v", got)
	}
}

func TestContainersOfJobsSucceedByDefault(t *testing.T) {
	for _, policy := range []corev1.RestartPolicy{corev1.RestartPolicyNever, corev1.RestartPolicyOnFailure} {
		pod := podOf(policy, "migrate:1")
		if got := planOf(pod, &pod.Spec.Containers[0], false); got.kind != exits || got.code != 0 ||
			got.first != time.Second {
			t.Errorf("%s: %+v", policy, got)
		}
	}
	pod := podOf(corev1.RestartPolicyNever, "job:ready")
	if got := planOf(pod, &pod.Spec.Containers[0], false); got.kind != becomesReady {
		t.Errorf("asked to run for ever: %+v", got)
	}
}
