from __future__ import annotations

from typing import Any

import pytest

from gradatim.model.selector import selects
from gradatim.plugin import FieldPath
from gradatim.validate.labels import label_problems, selector_problems
from gradatim.validate.pods import pod_template_problems

APP = {"name": "app", "image": "app:v1"}
SELECTOR = {"matchLabels": {"app": "web"}}
SHARED = {"name": "data", "mountPath": "/data", "mountPropagation": "Bidirectional"}


def said(spec: Any, labels: Any = None) -> list[str]:
    template = {"metadata": {"labels": labels or {"app": "web"}}, "spec": spec}
    return [str(p) for p in pod_template_problems(template, SELECTOR, FieldPath("t"))]


def of(**container: Any) -> dict[str, Any]:
    return {"containers": [{**APP, **container}]}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param({"containers": []}, "t.spec.containers: Required value", id="no container"),
        pytest.param(
            {"containers": [{"image": "a"}]},
            "t.spec.containers[0].name: Required value",
            id="no name",
        ),
        pytest.param(
            {"containers": [{"name": "a"}]},
            "t.spec.containers[0].image: Required value",
            id="no image",
        ),
        pytest.param(
            {"containers": [APP, APP]},
            't.spec.containers[1].name: Duplicate value: "app"',
            id="two of one name",
        ),
        pytest.param(
            {"containers": [APP], "initContainers": [APP]},
            't.spec.initContainers[0].name: Duplicate value: "app"',
            id="an init container of a container's name",
        ),
        pytest.param(
            of(ports=[{"containerPort": 0}]),
            "t.spec.containers[0].ports[0].containerPort: Required value",
            id="no port",
        ),
        pytest.param(
            of(ports=[{"containerPort": 70000}]),
            "t.spec.containers[0].ports[0].containerPort: Invalid value: 70000: "
            "must be between 1 and 65535, inclusive",
            id="a port that is none",
        ),
        pytest.param(
            of(ports=[{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]),
            't.spec.containers[0].ports[1].name: Duplicate value: "a"',
            id="two ports of one name",
        ),
        pytest.param(
            of(ports=[{"containerPort": 1, "protocol": "HTTP"}]),
            't.spec.containers[0].ports[0].protocol: Unsupported value: "HTTP": '
            'supported values: "SCTP", "TCP", "UDP"',
            id="a protocol that is none",
        ),
        pytest.param(
            of(env=[{"value": "x"}]),
            "t.spec.containers[0].env[0].name: Required value",
            id="a variable without a name",
        ),
        pytest.param(
            of(volumeMounts=[{"name": "data", "mountPath": "/data"}]),
            't.spec.containers[0].volumeMounts[0].name: Not found: "data"',
            id="a mount of no volume",
        ),
        pytest.param(
            {**of(volumeMounts=[SHARED]), "volumes": [{"name": "data"}]},
            "t.spec.containers[0].volumeMounts[0].mountPropagation: Forbidden: "
            "Bidirectional mount propagation is available only to privileged containers",
            id="mounts that go on to the node, from a container without privileges",
        ),
        pytest.param(
            {
                **of(volumeMounts=[{**SHARED, "mountPropagation": "Both"}]),
                "volumes": [{"name": "data"}],
            },
            't.spec.containers[0].volumeMounts[0].mountPropagation: Unsupported value: "Both": '
            'supported values: "Bidirectional", "HostToContainer", "None"',
            id="a propagation that is none",
        ),
        pytest.param(
            of(imagePullPolicy="Sometimes"),
            't.spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": '
            'supported values: "Always", "IfNotPresent", "Never"',
            id="a policy that is none",
        ),
        pytest.param(
            of(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "1500m"}}),
            't.spec.containers[0].resources.requests: Invalid value: "1500m": '
            "must be less than or equal to cpu limit of 1",
            id="more asked for than allowed",
        ),
        pytest.param(
            of(resources={"limits": {"nvidia.com/gpu": 2}, "requests": {"nvidia.com/gpu": 1}}),
            't.spec.containers[0].resources.requests: Invalid value: "1": '
            "must be equal to nvidia.com/gpu limit of 2",
            id="half a promise of a device",
        ),
        pytest.param(
            of(resources={"limits": {"cpu": "a lot"}}),
            't.spec.containers[0].resources.limits.cpu: Invalid value: "a lot": '
            "'a lot' is not a quantity such as 100m or 1.5Gi",
            id="an amount that is none",
        ),
        pytest.param(
            of(resources={"limits": {"cpu": "-1"}}),
            't.spec.containers[0].resources.limits.cpu: Invalid value: "-1": '
            "must be greater than or equal to 0",
            id="less than nothing",
        ),
        pytest.param(
            of(resources={"limits": {"cpus": "1"}}),
            't.spec.containers[0].resources.limits.cpus: Invalid value: "cpus": '
            "must be a standard resource for containers or fully qualified",
            id="a resource that is none",
        ),
        pytest.param(
            {"containers": [APP], "volumes": [{"name": "a"}, {"name": "a"}]},
            't.spec.volumes[1].name: Duplicate value: "a"',
            id="two volumes of one name",
        ),
        pytest.param(
            {"containers": [APP], "volumes": [{}]},
            "t.spec.volumes[0].name: Required value",
            id="a volume without a name",
        ),
        pytest.param(
            {"containers": [APP], "restartPolicy": "Never"},
            't.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
            id="pods that end",
        ),
        pytest.param(
            {"containers": [APP], "activeDeadlineSeconds": 5},
            "t.spec.activeDeadlineSeconds: Forbidden: "
            "activeDeadlineSeconds in ReplicaSet is not Supported",
            id="pods with a deadline",
        ),
        pytest.param(
            {"containers": [APP], "ephemeralContainers": [APP]},
            "t.spec.ephemeralContainers: Forbidden: "
            "ephemeral containers not allowed in pod template",
            id="containers for debugging",
        ),
        pytest.param(
            {"containers": "app"},
            "t.spec.containers: must be a list, not a string",
            id="a wrong type",
        ),
    ],
)
def test_pod_rule(spec: Any, message: str) -> None:
    found = said(spec)
    assert message in found
    assert len(found) == (2 if spec == {"containers": "app"} else 1)


def test_names_have_the_forms_that_kubernetes_wants() -> None:
    found = said(
        {
            "containers": [{"name": "App", "image": "a", "ports": [_port("-x-"), _port("123")]}],
            "volumes": [{"name": "a.b"}],
        }
    )
    assert [line.split(":")[0] for line in found] == [
        "t.spec.volumes[0].name",
        "t.spec.containers[0].name",
        "t.spec.containers[0].ports[0].name",
        "t.spec.containers[0].ports[1].name",
    ]


def _port(name: str) -> dict[str, Any]:
    return {"name": name, "containerPort": 1}


def test_mounts_need_a_place_of_their_own() -> None:
    mount = {"name": "data", "mountPath": "/data"}
    spec = {
        **of(volumeMounts=[mount, mount, {"name": "data"}, {"mountPath": "/x"}]),
        "volumes": [{"name": "data"}],
    }
    assert said(spec) == [
        't.spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/data": must be unique',
        "t.spec.containers[0].volumeMounts[2].mountPath: Required value",
        "t.spec.containers[0].volumeMounts[3].name: Required value",
    ]


def test_a_rich_pod_is_accepted() -> None:
    spec = {
        "restartPolicy": "Always",
        "volumes": [{"name": "data", "emptyDir": {}}],
        "initContainers": [{"name": "init", "image": "init"}],
        **of(
            ports=[{"name": "http", "containerPort": 8080}, {"containerPort": 9090}],
            env=[{"name": "A", "value": "b"}],
            volumeMounts=[{"name": "data", "mountPath": "/data"}],
            imagePullPolicy="Always",
            resources={
                "limits": {"cpu": 1, "memory": "1Gi", "hugepages-2Mi": "2Mi", "example.com/x": 1},
                "requests": {"cpu": "100m", "memory": "1Gi", "example.com/x": "1"},
            },
        ),
    }
    assert said(spec, {"app": "web", "example.com/team": "a"}) == []


@pytest.mark.parametrize(
    ("expression", "labels", "is_selected"),
    [
        ({"key": "a", "operator": "In", "values": ["x"]}, {"a": "x"}, True),
        ({"key": "a", "operator": "In", "values": ["x"]}, {"a": "y"}, False),
        ({"key": "a", "operator": "NotIn", "values": ["x"]}, {"a": "y"}, True),
        ({"key": "a", "operator": "NotIn", "values": ["x"]}, {}, True),
        ({"key": "a", "operator": "NotIn", "values": ["x"]}, {"a": "x"}, False),
        ({"key": "a", "operator": "Exists"}, {"a": ""}, True),
        ({"key": "a", "operator": "Exists"}, {}, False),
        ({"key": "a", "operator": "DoesNotExist"}, {}, True),
        ({"key": "a", "operator": "DoesNotExist"}, {"a": ""}, False),
    ],
)
def test_expressions_select(expression: Any, labels: Any, is_selected: bool) -> None:
    selector = {"matchExpressions": [expression]}
    assert not list(selector_problems(selector, FieldPath()))
    assert selects(selector, labels) is is_selected


@pytest.mark.parametrize(
    ("expression", "path"),
    [
        ({"key": "a", "operator": "In"}, "matchExpressions[0].values"),
        ({"key": "a", "operator": "Exists", "values": ["x"]}, "matchExpressions[0].values"),
        ({"key": "a", "operator": "Is"}, "matchExpressions[0].operator"),
        ({"key": "-", "operator": "Exists"}, "matchExpressions[0].key"),
        ({"key": "a", "operator": "In", "values": ["-"]}, "matchExpressions[0].values[0]"),
        ({"key": "a", "operator": "In", "values": [5]}, "matchExpressions[0].values[0]"),
    ],
)
def test_expressions_that_select_nothing_sensible(expression: Any, path: str) -> None:
    found = selector_problems({"matchExpressions": [expression]}, FieldPath())
    assert [str(problem.path) for problem in found] == [path]


@pytest.mark.parametrize(
    "labels", [{"UPPER.example/a": "b"}, {"/a": "b"}, {"a": "-"}, {"": "b"}, {"a" * 64: "b"}]
)
def test_labels_that_kubernetes_refuses(labels: Any) -> None:
    assert len(list(label_problems(labels, FieldPath("labels")))) == 1
