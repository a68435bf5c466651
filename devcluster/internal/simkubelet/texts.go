// SPDX-License-Identifier: Apache-2.0

package simkubelet

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Reasons and messages have the form of those of kubelet 1.34 with containerd, since clients read them.

func normal(reason, message string) event {
	return event{kind: corev1.EventTypeNormal, reason: reason, message: message}
}

func warning(reason, message string) event {
	return event{kind: corev1.EventTypeWarning, reason: reason, message: message}
}

func presentMessage(image string) string {
	return fmt.Sprintf("Container image %q already present on machine", image)
}

func neverPullMessage(image string) string {
	return fmt.Sprintf("Container image %q is not present with pull policy of Never", image)
}

func invalidImageMessage(image string) string {
	return fmt.Sprintf(
		"Failed to apply default image tag %q: couldn't parse image name %q: invalid reference format",
		image,
		image,
	)
}

// pullErrorMessage is what containerd says of an image that its registry does not have.
func pullErrorMessage(image string) string {
	name := qualified(image)
	return fmt.Sprintf(
		"rpc error: code = NotFound desc = failed to pull and unpack image %q: "+
			"failed to resolve reference %q: %s: not found",
		name,
		name,
		name,
	)
}

func pullFailedEvents(image string) []event {
	return []event{
		normal("Pulling", fmt.Sprintf("Pulling image %q", image)),
		warning("Failed", fmt.Sprintf("Failed to pull image %q: %s", image, pullErrorMessage(image))),
		warning("Failed", "Error: ErrImagePull"),
	}
}

func pullBackoffMessage(image string) string { return fmt.Sprintf("Back-off pulling image %q", image) }

func pullBackoffEvents(image string) []event {
	return []event{normal("BackOff", pullBackoffMessage(image)), warning("Failed", "Error: ImagePullBackOff")}
}

func podName(pod *corev1.Pod) string {
	return fmt.Sprintf("%s_%s(%s)", pod.Name, pod.Namespace, pod.UID)
}

func crashBackoffEvent(pod *corev1.Pod, container string) event {
	return warning("BackOff", fmt.Sprintf("Back-off restarting failed container %s in pod %s", container, podName(pod)))
}

func crashBackoffMessage(pod *corev1.Pod, container string, wait time.Duration) string {
	return fmt.Sprintf("back-off %s restarting failed container=%s pod=%s", wait, container, podName(pod))
}

// missingConfigMessage names the first ConfigMap or Secret that the container's environment wants, or a made-up one.
func missingConfigMessage(container *corev1.Container) string {
	for _, from := range container.EnvFrom {
		if from.ConfigMapRef != nil {
			return fmt.Sprintf("configmap %q not found", from.ConfigMapRef.Name)
		}
		if from.SecretRef != nil {
			return fmt.Sprintf("secret %q not found", from.SecretRef.Name)
		}
	}
	for _, variable := range container.Env {
		if variable.ValueFrom == nil {
			continue
		}
		if ref := variable.ValueFrom.ConfigMapKeyRef; ref != nil {
			return fmt.Sprintf("configmap %q not found", ref.Name)
		}
		if ref := variable.ValueFrom.SecretKeyRef; ref != nil {
			return fmt.Sprintf("secret %q not found", ref.Name)
		}
	}
	return `configmap "app-config" not found`
}

// qualified is an image name with registry and tag, as a container runtime stores it.
func qualified(image string) string {
	registry, _, found := strings.Cut(image, "/")
	switch {
	case !found:
		image = "docker.io/library/" + image
	case !strings.ContainsAny(registry, ".:") && registry != "localhost":
		image = "docker.io/" + image
	}
	if strings.Contains(image, "@") || strings.Contains(image[strings.LastIndex(image, "/")+1:], ":") {
		return image
	}
	return image + ":latest"
}

// imageID is the name by digest; the digest is made from the name, so that equal names have equal digests.
func imageID(image string) string {
	name := qualified(image)
	if strings.Contains(name, "@") {
		return name
	}
	slash := strings.LastIndex(name, "/")
	colon := strings.LastIndex(name, ":")
	if colon < slash {
		colon = len(name)
	}
	return fmt.Sprintf("%s@sha256:%x", name[:colon], sha256.Sum256([]byte(name)))
}

// containerID identifies one run of one container.
func containerID(pod *corev1.Pod, container string, run int32) string {
	return fmt.Sprintf("containerd://%x", sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", pod.UID, container, run)))
}
