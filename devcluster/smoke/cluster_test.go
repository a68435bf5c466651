// SPDX-License-Identifier: Apache-2.0

//go:build smoke

package smoke

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	toolswatch "k8s.io/client-go/tools/watch"
)

const seenLimit = time.Minute // for anything to become true on a loaded machine

// shared is one cluster of level c with an audit log; each test has a namespace of its own.
var shared *process

func TestMain(m *testing.M) {
	os.Exit(withShared(m))
}

func withShared(m *testing.M) int {
	if os.Getenv("DEVCLUSTER_BIN") == "" || os.Getenv("DEVCLUSTER_BUILD") == "" {
		fmt.Fprintln(
			os.Stderr,
			"DEVCLUSTER_BIN or DEVCLUSTER_BUILD is not set: run devcluster/test.sh, which sets both",
		)
		return 1
	}
	dir, err := os.MkdirTemp("", "devcluster-smoke-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if shared, err = startIn(dir, "--audit-log", filepath.Join(dir, "audit.log"), "--backoff", "1s"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		_ = shared.stdin.Close()
		_ = shared.command.Wait()
	}()
	return m.Run()
}

func namespace(t *testing.T) string {
	t.Helper()
	name := strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))
	shared.mustKubectl(t, "", "create", "namespace", name)
	return name
}

// until waits on a watch until the object satisfies the condition, and returns it.
func until[T runtime.Object](
	t *testing.T,
	client rest.Interface,
	resource, ns, name string,
	example T,
	is func(T) bool,
) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), seenLimit)
	defer cancel()
	selector := fields.Everything()
	if name != "" {
		selector = fields.OneTermEqualSelector("metadata.name", name)
	}
	source := cache.NewListWatchFromClient(client, resource, ns, selector)
	var last runtime.Object
	event, err := toolswatch.UntilWithSync(ctx, source, example, nil, func(e watch.Event) (bool, error) {
		last = e.Object
		object, ok := e.Object.(T)
		return ok && e.Type != watch.Deleted && is(object), nil
	})
	if err != nil {
		text, _ := json.MarshalIndent(last, "", " ")
		t.Fatalf("%s %s: %v; last seen: %s", resource, name, err, text)
	}
	return event.Object.(T)
}

func deployment(name, image string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers: [{name: web, image: %[2]s}]
`, name, image)
}

func apply(t *testing.T, ns, manifest string) {
	t.Helper()
	shared.mustKubectl(t, manifest, "apply", "--server-side", "-n", ns, "-f", "-")
}

func untilPod(t *testing.T, ns string, is func(*corev1.ContainerStatus) bool) *corev1.Pod {
	t.Helper()
	return until(t, shared.client.CoreV1().RESTClient(), "pods", ns, "", &corev1.Pod{}, func(p *corev1.Pod) bool {
		return len(p.Status.ContainerStatuses) > 0 && is(&p.Status.ContainerStatuses[0])
	})
}

func untilEvent(t *testing.T, ns, kind, reason, part string) {
	t.Helper()
	until(t, shared.client.CoreV1().RESTClient(), "events", ns, "", &corev1.Event{}, func(e *corev1.Event) bool {
		return e.Type == kind && e.Reason == reason && strings.Contains(e.Message, part) &&
			e.Source.Component == "kubelet"
	})
}

// Go remembers results under the variables that tests have read (what TestMain reads does not count), so new programs
// are tested anew.
func TestProgramsAreNamed(t *testing.T) {
	if os.Getenv("DEVCLUSTER_BUILD") == "" {
		t.Error("DEVCLUSTER_BUILD is not set")
	}
}

func TestReadyLine(t *testing.T) {
	r := shared.ready
	if r.PID != shared.command.Process.Pid || r.Level != "c" || len(r.Servers) != 1 || len(r.AuditLogs) != 1 {
		t.Errorf("ready line %+v", r)
	}
	version, err := shared.client.Discovery().ServerVersion()
	if err != nil || version.GitVersion != r.Kubernetes || !strings.HasPrefix(r.Kubernetes, "v1.34.") {
		t.Errorf("the ready line says %s, the server %v (%v)", r.Kubernetes, version, err)
	}
	if text := shared.mustKubectl(t, "", "version"); !strings.Contains(text, "Client Version: "+r.Kubernetes) {
		t.Errorf("kubectl: %s", text)
	}
}

func TestDeploymentBecomesAvailable(t *testing.T) {
	ns := namespace(t)
	apply(t, ns, deployment("web", "demo.local/web:1.0.0"))
	until(
		t,
		shared.client.AppsV1().RESTClient(),
		"deployments",
		ns,
		"web",
		&appsv1.Deployment{},
		func(d *appsv1.Deployment) bool {
			return d.Status.AvailableReplicas == 1
		},
	)
	untilEvent(t, ns, "Normal", "Started", "Started container web")
	if text := shared.mustKubectl(t, "", "logs", "-n", ns, "deploy/web"); !strings.Contains(
		text,
		"listening on port 8080",
	) {
		t.Errorf("log: %s", text)
	}
}

func TestCrashLoopShowsItsCause(t *testing.T) {
	ns := namespace(t)
	apply(t, ns, deployment("web", "demo.local/web:1.0.1-crashloop"))
	pod := untilPod(t, ns, func(c *corev1.ContainerStatus) bool {
		return c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff"
	})
	c := pod.Status.ContainerStatuses[0]
	if !strings.Contains(c.State.Waiting.Message, "restarting failed container=web") || c.RestartCount == 0 ||
		c.LastTerminationState.Terminated == nil || c.LastTerminationState.Terminated.ExitCode != 1 {
		t.Errorf("container status %+v", c)
	}
	untilEvent(t, ns, "Warning", "BackOff", "Back-off restarting failed container web in pod "+pod.Name)
	if text := shared.mustKubectl(t, "", "logs", "-n", ns, pod.Name, "--previous", "--tail=2"); !strings.HasPrefix(
		text,
		"fatal: cannot open /etc/app/config.yaml",
	) {
		t.Errorf("previous log: %s", text)
	}
}

func TestImagePullFailureShowsItsCause(t *testing.T) {
	ns := namespace(t)
	apply(t, ns, deployment("web", "demo.local/web:1.1.0-imagepullbackoff"))
	untilPod(t, ns, func(c *corev1.ContainerStatus) bool {
		return c.State.Waiting != nil && c.State.Waiting.Reason == "ErrImagePull" &&
			strings.Contains(c.State.Waiting.Message, "not found")
	})
	pod := untilPod(t, ns, func(c *corev1.ContainerStatus) bool {
		return c.State.Waiting != nil && c.State.Waiting.Reason == "ImagePullBackOff"
	})
	untilEvent(t, ns, "Warning", "Failed", `Failed to pull image "demo.local/web:1.1.0-imagepullbackoff": rpc error`)
	untilEvent(t, ns, "Normal", "BackOff", "Back-off pulling image")
	if text, failed := shared.kubectl(t, "", "logs", "-n", ns, pod.Name); !failed ||
		!strings.Contains(text, "is waiting to start") {
		t.Errorf("log: %s", text)
	}
}

func TestJobSucceeds(t *testing.T) {
	ns := namespace(t)
	apply(t, ns, `
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: demo.local/migrate:1}]
`)
	until(t, shared.client.BatchV1().RESTClient(), "jobs", ns, "migrate", &batchv1.Job{}, func(j *batchv1.Job) bool {
		return j.Status.Succeeded == 1
	})
}

func TestServiceGetsAnAddressAndClaimIsBound(t *testing.T) {
	ns := namespace(t)
	apply(t, ns, `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`)
	core := shared.client.CoreV1().RESTClient()
	until(t, core, "services", ns, "web", &corev1.Service{}, func(s *corev1.Service) bool {
		return len(s.Status.LoadBalancer.Ingress) == 1 &&
			strings.HasPrefix(s.Status.LoadBalancer.Ingress[0].IP, "192.0.2.")
	})
	until(
		t,
		core,
		"persistentvolumeclaims",
		ns,
		"data",
		&corev1.PersistentVolumeClaim{},
		func(p *corev1.PersistentVolumeClaim) bool {
			return p.Status.Phase == corev1.ClaimBound
		},
	)
}

func TestConflictNamesTheManager(t *testing.T) {
	ns := namespace(t)
	const manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: \"%d\"}\n"
	shared.mustKubectl(
		t,
		fmt.Sprintf(manifest, 1),
		"apply",
		"--server-side",
		"--field-manager=first-owner",
		"-n",
		ns,
		"-f",
		"-",
	)
	text, failed := shared.kubectl(
		t,
		fmt.Sprintf(manifest, 2),
		"apply",
		"--server-side",
		"--field-manager=second",
		"-n",
		ns,
		"-f",
		"-",
	)
	if !failed || !strings.Contains(text, `conflict with "first-owner": .data.a`) {
		t.Errorf("failed %v: %s", failed, text)
	}
}

func TestLimitedServiceAccount(t *testing.T) {
	ns := namespace(t)
	for _, arguments := range []string{
		"create serviceaccount reader", "create role reader --verb=get,list --resource=pods",
		"create rolebinding reader --role=reader --serviceaccount=" + ns + ":reader"} {
		shared.mustKubectl(t, "", append(strings.Fields(arguments), "-n", ns)...)
	}
	ctx := context.Background()
	token, err := shared.client.CoreV1().
		ServiceAccounts(ns).
		CreateToken(ctx, "reader", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", shared.ready.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.BearerToken = token.Status.Token
	reader, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{}); err != nil {
		t.Errorf("pods: %v", err)
	}
	if _, err := reader.CoreV1().Secrets(ns).List(ctx, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("secrets: %v", err)
	}
	if _, err := reader.CoreV1().Pods("default").List(ctx, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("pods of another namespace: %v", err)
	}
	nobody := rest.AnonymousClientConfig(config)
	client, err := rest.HTTPClientFor(nobody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Get(shared.ready.Servers[0] + "/api/v1/namespaces/default/pods")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %s", answer.Status)
	}
}

type auditLine struct {
	Verb      string `json:"verb"`
	UserAgent string `json:"userAgent"`
	User      struct {
		Username string `json:"username"`
	} `json:"user"`
	ObjectRef struct {
		Resource string `json:"resource"`
		Name     string `json:"name"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
}

func auditLines(t *testing.T, userAgent string) []string {
	t.Helper()
	file, err := os.Open(shared.ready.AuditLogs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var found []string
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var line auditLine
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			continue // another request's line, half written
		}
		if line.UserAgent == userAgent {
			found = append(
				found,
				fmt.Sprintf(
					"%s %s %s %d",
					line.Verb,
					line.ObjectRef.Resource,
					line.ObjectRef.Name,
					line.ResponseStatus.Code,
				),
			)
		}
	}
	return found
}

// A request is in the audit log when its answer has been read: that lets tests prove that no write was made.
func TestAuditLogIsCompleteWhenTheAnswerIs(t *testing.T) {
	ns := namespace(t)
	config, err := clientcmd.BuildConfigFromFlags("", shared.ready.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.UserAgent, config.QPS = "audit-test", -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	var want []string
	for i := range 50 {
		name := fmt.Sprintf("c%d", i)
		object := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Data:       map[string]string{"a": strings.Repeat("x", 20000)},
		}
		if _, err := client.CoreV1().ConfigMaps(ns).Create(ctx, object, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		want = append(want, "create configmaps "+name+" 201")
		if got := auditLines(t, "audit-test"); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("after %d requests the log has %v", i+1, got)
		}
	}
}

func TestLevelALeavesPodsToTheTest(t *testing.T) {
	p := start(t, "--level", "a", "--apf")
	p.mustKubectl(t, "", "create", "namespace", "shop")
	p.mustKubectl(t, "", "run", "web", "--image=web:1", "-n", "shop")
	p.mustKubectl(t, "", "create", "deployment", "web", "--image=web:1", "-n", "shop")
	ctx := context.Background()
	pods := p.client.CoreV1().Pods("shop")
	patch := []byte(`{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`)
	_, err := pods.Patch(ctx, "web", types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil {
		t.Fatal(err)
	}
	list, err := pods.List(ctx, metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 || list.Items[0].Status.Phase != corev1.PodRunning ||
		list.Items[0].Spec.NodeName != "" {
		t.Errorf("pods %+v (%v)", list, err)
	}
	nodes, err := p.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil || len(nodes.Items) != 0 {
		t.Errorf("nodes %+v (%v)", nodes, err)
	}
	if _, err := p.client.FlowcontrolV1().FlowSchemas().Get(ctx, "probes", metav1.GetOptions{}); err != nil {
		t.Errorf("priority and fairness: %v", err)
	}
}
