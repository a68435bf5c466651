# SPDX-License-Identifier: Apache-2.0
"""The services of the figures: ServiceAccount, Service, ConfigMap and Deployment each, as values, YAML and JSON."""
import json

PATHS = {
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts/{}",
    "Service": "/api/v1/namespaces/{}/services/{}",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps/{}",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments/{}",
}


def service(name):
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "bench"}
    selector = {"app.kubernetes.io/name": name}
    container = {
        "name": "app", "image": "registry.example/app:1.0.0", "args": ["serve", "--config=/etc/app/app.properties"],
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "SERVICE", "value": name}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}]}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "labels": labels}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": labels},
         "spec": {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels},
         "data": {"app.properties": "colour=blue\nlisten=8080\nworkers=4\n", "motd": f"This is {name}."}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels},
         "spec": {"replicas": 0, "selector": {"matchLabels": selector},
                  "template": {"metadata": {"labels": labels},
                               "spec": {"serviceAccountName": name, "containers": [container],
                                        "volumes": [{"name": "config", "configMap": {"name": name}}]}}}},
    ]


def never_ready(name):
    labels = {"app.kubernetes.io/name": name}
    return [{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
             "spec": {"replicas": 1, "progressDeadlineSeconds": 3600, "selector": {"matchLabels": labels},
                      "template": {"metadata": {"labels": labels}, "spec": {"containers": [
                          {"name": "app", "image": "registry.example/app:1.0.0-never-ready"}]}}}}]


def yaml(objects):
    """Block style, as people write it."""
    return "---\n".join("\n".join(_lines(value)) + "\n" for value in objects)


def _lines(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, (dict, list)):
                yield f"{key}:"
                yield from ("  " + line for line in _lines(inner))
            else:
                yield f"{key}: {json.dumps(inner)}"
        return
    for inner in value:
        lines = list(_lines(inner)) if isinstance(inner, (dict, list)) else [json.dumps(inner)]
        yield "- " + lines[0]
        yield from ("  " + line for line in lines[1:])


def floor_lines(objects, namespace):
    """What bench_kube_floor reads."""
    for value in objects:
        value = {**value, "metadata": {**value["metadata"], "namespace": namespace}}
        path = PATHS[value["kind"]].format(namespace, value["metadata"]["name"])
        yield f"{path}\t{json.dumps(value, separators=(',', ':'))}\n"
