// SPDX-License-Identifier: Apache-2.0

package simkubelet

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	headerTimeout = 10 * time.Second
	followPeriod  = 200 * time.Millisecond
)

// serveLogs answers GET /containerLogs/{namespace}/{pod}/{container} for the API server, and nothing else.
func (k *Kubelet) serveLogs(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		// TLS has verified the certificate; any other client of the same authority is turned away here.
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 ||
			r.TLS.PeerCertificates[0].Subject.CommonName != k.config.LogClientName {
			http.Error(w, "only the API server reads logs here", http.StatusForbidden)
			return
		}
		k.writeLog(ctx, w, r)
	})
	server := &http.Server{Handler: mux, TLSConfig: k.config.TLS, ReadHeaderTimeout: headerTimeout}
	go func() { _ = server.ServeTLS(k.config.Listener, "", "") }()
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	return nil
}

func (k *Kubelet) writeLog(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	options, err := parseLogOptions(r.URL.Query(), time.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	namespace, podName, name := r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container")
	pod, err := k.pods.Pods(namespace).Get(podName)
	if err != nil {
		http.Error(w, "pod \""+podName+"\" does not exist", http.StatusNotFound)
		return
	}
	if !hasContainer(pod, name) {
		http.Error(w, "container \""+name+"\" not found in pod \""+podName+"\"", http.StatusNotFound)
		return
	}
	key := namespace + "/" + podName
	k.mutex.Lock()
	if state := k.states[key]; state == nil || state.uid != pod.UID {
		// A finished pod of an earlier process is not played, but has a log.
		k.states[key] = newPodState(pod, time.Now(), k.set)
	}
	k.mutex.Unlock()
	selected, number, over, err := k.logNow(key, name, options.previous, -1)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	sent := newest(selected)
	out := &limited{w: w, left: options.limit}
	for _, line := range options.selected(selected) {
		out.write(options.text(line))
	}
	if !options.follow {
		return
	}
	ticker := time.NewTicker(followPeriod)
	defer ticker.Stop()
	for !over && !out.full {
		out.flush()
		select {
		case <-r.Context().Done():
			return
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var lines []logLine
		if lines, number, over, err = k.logNow(key, name, options.previous, number); err != nil {
			return
		}
		for _, line := range lines {
			if line.at.After(sent) {
				out.write(options.text(line))
			}
		}
		sent = newest(lines)
	}
}

// logNow reads the log of one run: the one asked for, or (number >= 0) the one that is being followed, which may have
// ended and been followed by another.
func (k *Kubelet) logNow(
	key, name string,
	previous bool,
	number int32,
) (lines []logLine, of int32, over bool, err error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	state := k.states[key]
	if state == nil {
		return nil, number, true, nil // deleted
	}
	container := state.find(name)
	if container == nil {
		return nil, number, true, nil
	}
	_, pod, _ := strings.Cut(key, "/")
	r, err := container.runFor(pod, previous)
	if err != nil {
		return nil, number, true, err
	}
	if number >= 0 && r.number != number {
		r = container.last
		if r == nil || r.number != number {
			return nil, number, true, nil
		}
	}
	return container.linesOf(r, time.Now()), r.number, !r.ended.IsZero(), nil
}

func newest(lines []logLine) time.Time {
	if len(lines) == 0 {
		return time.Time{}
	}
	return lines[len(lines)-1].at
}

// limited writes at most left bytes (-1: no limit).
type limited struct {
	w    http.ResponseWriter
	left int
	full bool
}

func (l *limited) write(text string) {
	if l.full {
		return
	}
	if l.left >= 0 && len(text) >= l.left {
		text, l.full = text[:l.left], true
	}
	if l.left >= 0 {
		l.left -= len(text)
	}
	if _, err := io.WriteString(l.w, text); err != nil {
		l.full = true
	}
}

func (l *limited) flush() {
	if f, ok := l.w.(http.Flusher); ok {
		f.Flush()
	}
}
