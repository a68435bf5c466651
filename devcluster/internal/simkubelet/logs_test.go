// SPDX-License-Identifier: Apache-2.0

package simkubelet

import (
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func (p *play) log(previous bool) string {
	r, err := p.state.app[0].runFor(p.pod.Name, previous)
	if err != nil {
		return "error: " + err.Error()
	}
	var text []string
	for _, line := range p.state.app[0].linesOf(r, p.now) {
		text = append(text, line.text)
	}
	return strings.Join(text, "\n")
}

func TestLogOfACrashedContainer(t *testing.T) {
	p := start(t, podOf(corev1.RestartPolicyAlways, "web:crashloop"))
	if got := p.log(true); got != `error: previous terminated container "c0" in pod "web-1" not found` {
		t.Errorf("previous before any crash: %s", got)
	}
	p.to(1300 * time.Millisecond) // the second run
	previous, current := p.log(true), p.log(false)
	if !strings.Contains(previous, "run 1") || !strings.Contains(previous, "fatal: cannot open /etc/app/config.yaml") {
		t.Errorf("previous: %s", previous)
	}
	if !strings.Contains(current, "run 2") || strings.Contains(current, "fatal") {
		t.Errorf("current: %s", current)
	}
	p.to(3 * time.Second) // back-off after the second run
	if previous, current = p.log(true), p.log(false); previous != current || !strings.Contains(previous, "run 2") {
		t.Errorf("in the back-off: previous %s, current %s", previous, current)
	}
}

func TestLogOfAContainerThatCannotStart(t *testing.T) {
	p := start(t, podOf(corev1.RestartPolicyAlways, "web:imagepullbackoff"))
	if got := p.log(false); got != `error: container "c0" in pod "web-1" is waiting to start: image can't be pulled` {
		t.Error(got)
	}
	p.to(time.Second)
	const want = `error: container "c0" in pod "web-1" is waiting to start: trying and failing to pull image`
	if got := p.log(false); got != want {
		t.Error(got)
	}
}

func TestLongLogIsBounded(t *testing.T) {
	p := start(t, podOf(corev1.RestartPolicyAlways, "web:1"))
	p.to(1000 * time.Hour)
	if n := strings.Count(p.log(false), "\n"); n > maxTicks+2 {
		t.Errorf("%d lines", n)
	}
}

func TestLogOptions(t *testing.T) {
	lines := []logLine{{birth, "a"}, {birth.Add(time.Minute), "b"}, {birth.Add(2 * time.Minute), "c"}}
	now := birth.Add(2 * time.Minute)
	for query, want := range map[string]string{
		"": "abc", "tailLines=2": "bc", "tailLines=0": "", "tailLines=9": "abc", "sinceSeconds=60": "bc",
		"sinceTime=2026-01-02T03:06:00Z": "c",
	} {
		values, _ := url.ParseQuery(query)
		o, err := parseLogOptions(values, now)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, line := range o.selected(lines) {
			got += line.text
		}
		if got != want {
			t.Errorf("%s: %q, wanted %q", query, got, want)
		}
	}
	for _, query := range []string{"tailLines=-1", "tailLines=x", "limitBytes=x", "sinceSeconds=0", "sinceTime=now"} {
		values, _ := url.ParseQuery(query)
		if _, err := parseLogOptions(values, now); err == nil {
			t.Errorf("%s: taken", query)
		}
	}
	o := logOptions{timestamps: true}
	if got := o.text(lines[0]); got != "2026-01-02T03:04:05Z a\n" {
		t.Errorf("with timestamps: %q", got)
	}
}

func TestImageNames(t *testing.T) {
	for image, want := range map[string]string{
		"nginx": "docker.io/library/nginx:latest", "team/web:1": "docker.io/team/web:1",
		"registry.example:5000/web": "registry.example:5000/web:latest", "localhost/web:1": "localhost/web:1"} {
		if got := qualified(image); got != want {
			t.Errorf("%s: %s, wanted %s", image, got, want)
		}
	}
	if got := imageID("registry.example:5000/web:1"); !strings.HasPrefix(got, "registry.example:5000/web@sha256:") ||
		len(got) != len("registry.example:5000/web@sha256:")+64 {
		t.Errorf("id %s", got)
	}
	if imageID("web:1") == imageID("web:2") {
		t.Error("two images, one digest")
	}
}
