// SPDX-License-Identifier: Apache-2.0
// The rules as a table: an object in short form and what each vocabulary says of it.
#include "kube/health/health.h"

#include <gtest/gtest.h>

#include "kube/health/pod_failure.h"

namespace fairlead::kube {
namespace {

constexpr std::int64_t kNowUs = 1'767'225'600'000'000;  // 2026-01-01T00:00:00Z

struct HealthCase {
  const char* object;
  const char* assessed;  // of assess
  const char* ready;     // of readiness: "successful", "in progress", "failed"
  const char* kstatus;
};

const HealthCase
    kHealthCases
        [] =
            {
                // Deployment
                {R"({"apiVersion":"apps/v1","kind":"Deployment","spec":{"paused":true}})", "Suspended", "successful",
                 "InProgress"},
                {R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"generation":2},"spec":{"replicas":1},"status":{"observedGeneration":1,"replicas":1,"updatedReplicas":1,"readyReplicas":1,"availableReplicas":1}})",
                 "Progressing", "in progress", "InProgress"},
                {R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"generation":2},"spec":{"replicas":1,"progressDeadlineSeconds":600},"status":{"observedGeneration":2,"replicas":1,"updatedReplicas":1,"readyReplicas":1,"availableReplicas":1,"conditions":[{"type":"Available","status":"True"},{"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable"}]}})",
                 "Healthy", "successful", "Current"},
                {R"({"apiVersion":"apps/v1","kind":"Deployment","spec":{"replicas":2},"status":{"replicas":2,"updatedReplicas":1}})",
                 "Progressing", "in progress", "InProgress"},
                {R"({"apiVersion":"apps/v1","kind":"Deployment","spec":{"replicas":2},"status":{"replicas":3,"updatedReplicas":2,"availableReplicas":2}})",
                 "Progressing", "in progress", "InProgress"},
                {R"({"apiVersion":"apps/v1","kind":"Deployment","spec":{"replicas":2},"status":{"replicas":2,"updatedReplicas":2,"availableReplicas":1}})",
                 "Progressing", "in progress", "InProgress"},
                {R"({"apiVersion":"apps/v1","kind":"Deployment","spec":{"replicas":2},"status":{"replicas":2,"conditions":[{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded","message":"m"}]}})",
                 "Degraded", "failed", "Failed"},
                {R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"generation":1},"spec":{"replicas":0},"status":{"observedGeneration":1,"conditions":[{"type":"Available","status":"True"}]}})",
                 "Healthy", "successful", "Current"},
                {R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"}})",
                 "Progressing", "in progress", "Terminating"},
                // ReplicaSet
                {R"({"apiVersion":"apps/v1","kind":"ReplicaSet","spec":{"replicas":1},"status":{"conditions":[{"type":"ReplicaFailure","status":"True","reason":"FailedCreate","message":"quota"}]}})",
                 "Degraded", "failed", "InProgress"},
                {R"({"apiVersion":"apps/v1","kind":"ReplicaSet","spec":{"replicas":1},"status":{"replicas":1,"fullyLabeledReplicas":1,"availableReplicas":1,"readyReplicas":1}})",
                 "Healthy", "successful", "Current"},
                // StatefulSet
                {R"({"apiVersion":"apps/v1","kind":"StatefulSet","spec":{"replicas":1},"status":{"readyReplicas":1}})",
                 "Progressing", "in progress", "InProgress"},
                {R"({"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"generation":1},"spec":{"replicas":2,"updateStrategy":{"type":"OnDelete"}},"status":{"observedGeneration":1,"readyReplicas":2}})",
                 "Healthy", "successful", "Current"},
                {R"({"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"generation":1},"spec":{"replicas":3,"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":2}}},"status":{"observedGeneration":1,"replicas":3,"readyReplicas":3,"updatedReplicas":1}})",
                 "Healthy", "successful", "Current"},
                {R"({"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"generation":1},"spec":{"replicas":3,"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":2}}},"status":{"observedGeneration":1,"replicas":3,"readyReplicas":3}})",
                 "Progressing", "in progress", "InProgress"},
                {R"({"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"generation":1},"spec":{"replicas":1},"status":{"observedGeneration":1,"replicas":1,"readyReplicas":1,"currentReplicas":1,"currentRevision":"a","updateRevision":"b"}})",
                 "Progressing", "in progress", "InProgress"},
                // DaemonSet
                {R"({"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"generation":1},"status":{"observedGeneration":1,"desiredNumberScheduled":2,"currentNumberScheduled":2,"updatedNumberScheduled":2,"numberAvailable":2,"numberReady":2}})",
                 "Healthy", "successful", "Current"},
                {R"({"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"generation":1},"status":{"observedGeneration":1,"desiredNumberScheduled":2,"currentNumberScheduled":2,"updatedNumberScheduled":2,"numberAvailable":1}})",
                 "Progressing", "in progress", "InProgress"},
                // Pod
                {R"({"apiVersion":"v1","kind":"Pod","status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}})",
                 "Healthy", "successful", "Current"},
                {R"({"apiVersion":"v1","kind":"Pod","status":{"phase":"Succeeded"}})", "Healthy", "successful",
                 "Current"},
                {R"({"apiVersion":"v1","kind":"Pod","status":{"phase":"Failed"}})", "Degraded", "failed", "Current"},
                {R"({"apiVersion":"v1","kind":"Pod","status":{"phase":"Pending","containerStatuses":[{"name":"c","state":{"waiting":{"reason":"ImagePullBackOff"}}}]}})",
                 "Degraded", "failed", "InProgress"},
                {R"({"apiVersion":"v1","kind":"Pod","spec":{"restartPolicy":"Never"},"status":{"phase":"Pending","containerStatuses":[{"name":"c","state":{"waiting":{"reason":"ErrImagePull"}}}]}})",
                 "Progressing", "in progress", "InProgress"},
                {R"({"apiVersion":"v1","kind":"Pod","status":{"phase":"Running","containerStatuses":[{"name":"c","state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}})",
                 "Degraded", "failed", "Failed"},
                {R"({"apiVersion":"v1","kind":"Pod","status":{"phase":"Running","containerStatuses":[{"name":"c","state":{"running":{}},"lastState":{"terminated":{"exitCode":1}}}]}})",
                 "Degraded", "failed", "InProgress"},
                {R"({"apiVersion":"v1","kind":"Pod","spec":{"restartPolicy":"OnFailure"},"status":{"phase":"Running"}})",
                 "Progressing", "in progress", "InProgress"},
                {R"({"apiVersion":"v1","kind":"Pod","metadata":{"creationTimestamp":"2025-12-31T23:59:50Z"},"status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable"}]}})",
                 "Progressing", "in progress", "InProgress"},
                {R"({"apiVersion":"v1","kind":"Pod","metadata":{"creationTimestamp":"2025-12-31T23:59:40Z"},"status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable"}]}})",
                 "Progressing", "in progress", "Failed"},
                {R"({"apiVersion":"v1","kind":"Pod"})", "Unknown", "in progress", "InProgress"},
                // Job: readiness here without waiting for jobs
                {R"({"apiVersion":"batch/v1","kind":"Job"})", "Progressing", "successful", "InProgress"},
                {R"({"apiVersion":"batch/v1","kind":"Job","status":{"startTime":"x","conditions":[{"type":"Failed","status":"True","message":"m"}]}})",
                 "Degraded", "successful", "Failed"},
                {R"({"apiVersion":"batch/v1","kind":"Job","status":{"conditions":[{"type":"Complete","status":"True"}]}})",
                 "Healthy", "successful", "Current"},
                {R"({"apiVersion":"batch/v1","kind":"Job","spec":{"suspend":true},"status":{"conditions":[{"type":"Suspended","status":"True"}]}})",
                 "Suspended", "successful", "Current"},
                // Kinds that never block a step
                {R"({"apiVersion":"v1","kind":"Service","spec":{"type":"LoadBalancer","clusterIP":"10.0.0.1"}})",
                 "Progressing", "successful", "Current"},
                {R"({"apiVersion":"v1","kind":"Service","spec":{"type":"LoadBalancer","clusterIP":""}})", "Progressing",
                 "successful", "InProgress"},
                {R"({"apiVersion":"v1","kind":"Service"})", "Healthy", "successful", "Current"},
                {R"({"apiVersion":"v1","kind":"PersistentVolumeClaim","status":{"phase":"Pending"}})", "Progressing",
                 "successful", "InProgress"},
                {R"({"apiVersion":"v1","kind":"PersistentVolumeClaim","status":{"phase":"Lost"}})", "Degraded",
                 "successful", "InProgress"},
                {R"({"apiVersion":"v1","kind":"PersistentVolumeClaim","status":{"phase":"Bound"}})", "Healthy",
                 "successful", "Current"},
                {R"({"apiVersion":"networking.k8s.io/v1","kind":"Ingress"})", "Progressing", "successful", "Current"},
                {R"({"apiVersion":"networking.k8s.io/v1","kind":"Ingress","status":{"loadBalancer":{"ingress":[{"ip":"1.2.3.4"}]}}})",
                 "Healthy", "successful", "Current"},
                {R"({"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","status":{"conditions":[{"type":"AbleToScale","status":"True","message":"m"},{"type":"ScalingActive","status":"False","reason":"FailedGetResourceMetric"}]}})",
                 "Healthy", "successful", "Current"},
                {R"({"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","status":{"conditions":[{"type":"ScalingActive","status":"False","reason":"FailedGetResourceMetric"}]}})",
                 "Degraded", "successful", "Current"},
                {R"({"apiVersion":"autoscaling/v1","kind":"HorizontalPodAutoscaler","metadata":{"annotations":{"autoscaling.alpha.kubernetes.io/conditions":"[{\"Type\":\"AbleToScale\",\"Status\":\"True\"}]"}}})",
                 "Healthy", "successful", "Current"},
                {R"({"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler"})", "Progressing", "successful",
                 "Current"},
                {R"({"apiVersion":"policy/v1","kind":"PodDisruptionBudget"})", "Healthy", "successful", "Current"},
                {R"({"apiVersion":"v1","kind":"ConfigMap"})", "Healthy", "successful", "Current"},
                // APIs
                {R"({"apiVersion":"apiregistration.k8s.io/v1","kind":"APIService","status":{"conditions":[{"type":"Available","status":"False","reason":"r"}]}})",
                 "Progressing", "successful", "Current"},
                {R"({"apiVersion":"apiregistration.k8s.io/v1","kind":"APIService","status":{"conditions":[{"type":"Available","status":"True"}]}})",
                 "Healthy", "successful", "Current"},
                {R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition"})", "Progressing",
                 "in progress", "InProgress"},
                {R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","status":{"conditions":[{"type":"NamesAccepted","status":"False","reason":"r"}]}})",
                 "Degraded", "failed", "Failed"},
                {R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","status":{"conditions":[{"type":"NamesAccepted","status":"True"},{"type":"Established","status":"True"}]}})",
                 "Healthy", "successful", "Current"},
                // Other kinds
                {R"({"apiVersion":"example.com/v1","kind":"Widget"})", "Healthy", "successful", "Current"},
                {R"({"apiVersion":"example.com/v1","kind":"Widget","status":{"conditions":[{"type":"Ready","status":"False","message":"m"}]}})",
                 "Degraded", "in progress", "InProgress"},
                {R"({"apiVersion":"example.com/v1","kind":"Widget","status":{"conditions":[{"type":"Ready","status":"True"}]}})",
                 "Healthy", "successful", "Current"},
                {R"({"apiVersion":"example.com/v1","kind":"Widget","status":{"conditions":[{"type":"Stalled","status":"True"}]}})",
                 "Degraded", "failed", "Failed"},
                {R"({"apiVersion":"example.com/v1","kind":"Widget","metadata":{"generation":1},"status":{"observedGeneration":2}})",
                 "Healthy", "in progress", "InProgress"},
                {R"({"apiVersion":"argoproj.io/v1alpha1","kind":"Workflow","status":{"phase":"Failed"}})", "Degraded",
                 "successful", "Current"},
};

std::string_view text_of(Progress progress) {
  return progress == Progress::successful ? "successful" : progress == Progress::failed ? "failed" : "in progress";
}

TEST(Health, Table) {
  for (const HealthCase& c : kHealthCases) {
    const Object object(json::parse(c.object, "object"));
    EXPECT_EQ(name_of(assess(object).status), c.assessed) << c.object;
    EXPECT_EQ(text_of(readiness(object).progress), c.ready) << c.object;
    EXPECT_EQ(name_of(kstatus(object, kNowUs).status), c.kstatus) << c.object;
  }
}

TEST(Health, JobsThatAreWaitedFor) {
  const HealthCase cases[] = {
      {R"({"apiVersion":"batch/v1","kind":"Job"})", "", "in progress", ""},
      {R"({"apiVersion":"batch/v1","kind":"Job","status":{"conditions":[{"type":"Failed","status":"True","reason":"BackoffLimitExceeded"}]}})",
       "", "failed", ""},
      {R"({"apiVersion":"batch/v1","kind":"Job","status":{"conditions":[{"type":"Complete","status":"True"}]}})", "",
       "successful", ""},
      {R"({"apiVersion":"batch/v1","kind":"Job","status":{"conditions":[{"type":"Suspended","status":"True"}]}})", "",
       "successful", ""},
  };
  ReadinessOptions options;
  options.wait_for_jobs = true;
  for (const HealthCase& c : cases) {
    EXPECT_EQ(text_of(readiness(Object(json::parse(c.object, "object")), options).progress), c.ready) << c.object;
  }
}

TEST(Health, NotesSayWhatIsNotVerified) {
  EXPECT_NE(
      readiness(Object(json::parse(R"({"apiVersion":"apps/v1","kind":"Deployment","spec":{"paused":true}})", "o")))
          .note,
      "");
  EXPECT_NE(readiness(Object(json::parse(R"({"apiVersion":"example.com/v1","kind":"Widget"})", "o"))).note, "");
  EXPECT_EQ(readiness(Object(json::parse(R"({"apiVersion":"v1","kind":"ConfigMap"})", "o"))).note, "");
}

struct PodCase {
  const char* pod;
  PodTrouble trouble;
  const char* sentence;
};

const PodCase kPods[] = {
    {R"({"status":{"phase":"Running","containerStatuses":[{"name":"w","ready":true,"restartCount":5,"state":{"running":{}},"lastState":{"terminated":{"exitCode":1}}}]}})",
     PodTrouble::none, ""},
    {R"({"status":{"phase":"Pending","containerStatuses":[{"name":"w","image":"x:1","state":{"waiting":{"reason":"ImagePullBackOff","message":"no such tag"}}}]}})",
     PodTrouble::image_pull, R"(container "w" cannot pull its image x:1 (ImagePullBackOff): no such tag)"},
    {R"({"status":{"phase":"Pending","containerStatuses":[{"name":"w","image":"X","state":{"waiting":{"reason":"InvalidImageName"}}}]}})",
     PodTrouble::invalid_image, R"(container "w" cannot pull its image X (InvalidImageName))"},
    {R"({"status":{"phase":"Running","containerStatuses":[{"name":"w","restartCount":1,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":1}}}]}})",
     PodTrouble::none, ""},
    {R"({"status":{"phase":"Running","containerStatuses":[{"name":"w","restartCount":2,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}}]}})",
     PodTrouble::crash_loop,
     R"(container "w" was restarted 2 times, last exit code 137 (CrashLoopBackOff): OOMKilled)"},
    {R"({"status":{"phase":"Running","containerStatuses":[{"name":"w","restartCount":2,"ready":false,"state":{"running":{}},"lastState":{"terminated":{"exitCode":1,"reason":"Error"}}}]}})",
     PodTrouble::crash_loop, R"(container "w" was restarted 2 times, last exit code 1 (CrashLoop): Error)"},
    {R"({"status":{"phase":"Pending","initContainerStatuses":[{"name":"i","restartCount":2,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":3}}}]}})",
     PodTrouble::crash_loop, R"(init container "i" was restarted 2 times, last exit code 3 (CrashLoopBackOff))"},
    {R"({"metadata":{"ownerReferences":[{"kind":"Job"}]},"status":{"phase":"Running","containerStatuses":[{"name":"w","restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":3}}}]}})",
     PodTrouble::none, ""},
    {R"({"status":{"phase":"Pending","containerStatuses":[{"name":"w","state":{"waiting":{"reason":"CreateContainerConfigError","message":"secret \"s\" not found"}}}]}})",
     PodTrouble::config, R"(container "w" cannot be started (CreateContainerConfigError): secret "s" not found)"},
    {R"({"status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/3 nodes"}]}})",
     PodTrouble::unschedulable, "no node takes the pod (Unschedulable): 0/3 nodes"},
    {R"({"status":{"phase":"Failed","reason":"Evicted","message":"disk"}})", PodTrouble::failed,
     "the pod failed (Evicted): disk"},
    {R"({"metadata":{"deletionTimestamp":"x"},"status":{"phase":"Pending","containerStatuses":[{"name":"w","state":{"waiting":{"reason":"InvalidImageName"}}}]}})",
     PodTrouble::none, ""},
    {R"({"status":{"phase":"Pending","containerStatuses":[{"name":"a","state":{"waiting":{"reason":"ErrImagePull"}}},{"name":"b","image":"B","state":{"waiting":{"reason":"InvalidImageName"}}}]}})",
     PodTrouble::invalid_image, R"(container "b" cannot pull its image B (InvalidImageName))"},
};

TEST(PodFailure, Table) {
  for (const PodCase& c : kPods) {
    const PodFailure failure = pod_failure(Object(json::parse(c.pod, "pod")), FailFast());
    EXPECT_EQ(failure.trouble, c.trouble) << c.pod;
    EXPECT_EQ(sentence_of(failure), c.sentence) << c.pod;
  }
}

TEST(PodFailure, KnowsWhichLogsThereAreAndWhatIsMissing) {
  PodFailure failure = pod_failure(Object(json::parse(kPods[4].pod, "pod")), FailFast());
  EXPECT_TRUE(failure.container_ran);
  EXPECT_TRUE(failure.previous_logs);
  failure = pod_failure(Object(json::parse(kPods[1].pod, "pod")), FailFast());
  EXPECT_FALSE(failure.container_ran);
  failure = pod_failure(Object(json::parse(kPods[8].pod, "pod")), FailFast());
  EXPECT_EQ(failure.missing_kind + " " + failure.missing_name, "Secret s");
}

}  // namespace
}  // namespace fairlead::kube
