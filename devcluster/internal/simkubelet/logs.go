// SPDX-License-Identifier: Apache-2.0

package simkubelet

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A simulated container's log is a function of its plan and the times of its run: nothing is stored, and the log of a
// run looks the same whenever it is read.

const (
	tickPeriod = time.Second // a running container writes a line so often
	maxTicks   = 1000        // only the newest so many are kept
)

// logLine is one line and when it was written.
type logLine struct {
	at   time.Time
	text string
}

// linesOf is the log of one run up to now.
func (c *containerState) linesOf(r *run, now time.Time) []logLine {
	end := r.ended
	isOver := !end.IsZero()
	if !isOver {
		end = now
	}
	lines := []logLine{{r.started, fmt.Sprintf("starting %s (%s), run %d", c.name, c.image, r.number+1)}}
	switch {
	case c.plan.kind == slowlyReady:
		lines = append(lines, logLine{r.started, "warming up, please wait"})
		if readyAt := r.started.Add(c.plan.first); !readyAt.After(end) {
			lines = append(lines, logLine{readyAt, "listening on port 8080"})
		}
	case c.plan.kind == neverReady:
		lines = append(lines, logLine{r.started, `not ready: dependency "database" does not answer`})
	case c.plan.kind == exits && c.plan.code != 0 && !c.plan.ready:
		lines = append(lines, logLine{r.started, "reading configuration from /etc/app/config.yaml"})
	case c.plan.kind == exits && !c.plan.ready || c.plan.kind == becomesReady:
		lines = append(lines, logLine{r.started, "listening on port 8080"})
	default:
		lines = append(lines, logLine{r.started, "working"})
	}
	ticks := int(end.Sub(r.started) / tickPeriod)
	if isOver && end.Equal(r.started.Add(time.Duration(ticks)*tickPeriod)) {
		ticks-- // it ended in this very moment
	}
	for n := max(1, ticks-maxTicks+1); n <= ticks; n++ {
		lines = append(lines, logLine{r.started.Add(time.Duration(n) * tickPeriod), fmt.Sprintf("tick %d", n)})
	}
	if isOver {
		for _, text := range lastWords(r) {
			lines = append(lines, logLine{end, text})
		}
	}
	return lines
}

// lastWords is what a run writes as it ends. One that is killed for its memory cannot say anything.
func lastWords(r *run) []string {
	switch {
	case r.code == 0:
		return []string{"done"}
	case r.code == exitCodeKill:
		return nil
	case r.code == 1:
		return []string{"fatal: cannot open /etc/app/config.yaml: no such file or directory", "exit status 1"}
	}
	return []string{fmt.Sprintf("fatal: the task failed, exit status %d", r.code)}
}

// runFor picks the run whose log is asked for, by the rules of a real kubelet; the error's text is for the client.
func (c *containerState) runFor(pod string, previous bool) (*run, error) {
	current := c.current()
	if c.phase == running {
		current.ended = time.Time{}
	}
	switch {
	case previous && c.phase == crashBackoff:
		return current, nil
	case previous && c.last != nil:
		return c.last, nil
	case previous:
		return nil, fmt.Errorf("previous terminated container %q in pod %q not found", c.name, pod)
	case !c.started.IsZero():
		return current, nil
	case c.phase == pullFailed:
		return nil, fmt.Errorf("container %q in pod %q is waiting to start: image can't be pulled", c.name, pod)
	case c.phase == pullBackoff:
		return nil, fmt.Errorf(
			"container %q in pod %q is waiting to start: trying and failing to pull image",
			c.name,
			pod,
		)
	case c.phase == blocked:
		return nil, fmt.Errorf("container %q in pod %q is waiting to start: %s", c.name, pod, c.reason)
	}
	return nil, fmt.Errorf("container %q in pod %q is waiting to start: ContainerCreating", c.name, pod)
}

// logOptions are the query parameters of a log request (core/v1 PodLogOptions).
type logOptions struct {
	previous, follow, timestamps bool
	tail                         int // -1: all
	limit                        int // bytes; -1: all
	since                        time.Time
}

func parseLogOptions(query url.Values, now time.Time) (logOptions, error) {
	o := logOptions{tail: -1, limit: -1}
	flag := func(name string) bool { return query.Get(name) == "true" || query.Get(name) == "1" }
	o.previous, o.follow, o.timestamps = flag("previous"), flag("follow"), flag("timestamps")
	for name, target := range map[string]*int{"tailLines": &o.tail, "limitBytes": &o.limit} {
		if text := query.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return o, fmt.Errorf("%s: %q is not a number", name, text)
			}
			*target = n
		}
	}
	if text := query.Get("sinceSeconds"); text != "" {
		seconds, err := strconv.ParseInt(text, 10, 32)
		if err != nil || seconds < 1 {
			return o, fmt.Errorf("sinceSeconds: %q is not a number above 0", text)
		}
		o.since = now.Add(-time.Duration(seconds) * time.Second)
	}
	if text := query.Get("sinceTime"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return o, errors.New("sinceTime: not a time of RFC 3339")
		}
		o.since = at
	}
	return o, nil
}

// selected is the part of the lines that a first answer holds.
func (o *logOptions) selected(lines []logLine) []logLine {
	first := 0
	for first < len(lines) && lines[first].at.Before(o.since) {
		first++
	}
	lines = lines[first:]
	if o.tail >= 0 && len(lines) > o.tail {
		lines = lines[len(lines)-o.tail:]
	}
	return lines
}

// text is one line as sent.
func (o *logOptions) text(line logLine) string {
	if o.timestamps {
		return line.at.UTC().Format(time.RFC3339Nano) + " " + line.text + "\n"
	}
	return line.text + "\n"
}

// find is the state of a container of either group.
func (s *podState) find(name string) *containerState {
	for _, group := range [][]containerState{s.init, s.app} {
		for i := range group {
			if group[i].name == name {
				return &group[i]
			}
		}
	}
	return nil
}

// hasContainer says whether the pod's spec names the container at all.
func hasContainer(pod *corev1.Pod, name string) bool {
	for i := range pod.Spec.InitContainers {
		if pod.Spec.InitContainers[i].Name == name {
			return true
		}
	}
	for i := range pod.Spec.Containers {
		if pod.Spec.Containers[i].Name == name {
			return true
		}
	}
	return false
}
