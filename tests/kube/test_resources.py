import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.kube.errors import Invalid
from gradatim.kube.resources import (
    CLUSTER_ANALYSIS_TEMPLATES,
    NAMESPACES,
    PODS,
    ROLLOUTS,
    Resource,
    Selection,
    group_path,
    split_api_version,
)

PATHS = [
    ("a core object", PODS.path("shop", "web"), "/api/v1/namespaces/shop/pods/web"),
    ("all of a kind", PODS.path(), "/api/v1/pods"),
    ("a namespace's collection", PODS.path("shop"), "/api/v1/namespaces/shop/pods"),
    ("a subresource", ROLLOUTS.path("a", "b", "status"),
     "/apis/argoproj.io/v1alpha1/namespaces/a/rollouts/b/status"),
    ("a cluster-wide kind ignores the namespace", CLUSTER_ANALYSIS_TEMPLATES.path("x", "b"),
     "/apis/argoproj.io/v1alpha1/clusteranalysistemplates/b"),
    ("a namespace itself", NAMESPACES.at("", "shop").path, "/api/v1/namespaces/shop"),
    ("an address", PODS.at("a", "b").sub("eviction").path, "/api/v1/namespaces/a/pods/b/eviction"),
    ("a selection", Selection(ROLLOUTS, "a").path, "/apis/argoproj.io/v1alpha1/namespaces/a/rollouts"),
    ("a group", group_path("apps", "v1"), "/apis/apps/v1"),
    ("the core group", group_path("", "v1"), "/api/v1"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "expected"), [p[1:] for p in PATHS], ids=[p[0] for p in PATHS])
def test_path(path, expected):
    assert path == expected


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "%2e%2e"])
@pytest.mark.parametrize(
    "make", [lambda name: PODS.path("a", name), lambda name: PODS.path(name, "b")]
)
def test_a_name_that_would_ask_for_something_else_is_refused(name, make):
    with pytest.raises(Invalid, match="cannot be the name"):
        make(name)


@given(st.text(), st.text())
def test_no_name_leaves_its_collection(namespace, name):
    try:
        path = PODS.path(namespace, name)
    except Invalid:
        return
    assert path.startswith("/api/v1/namespaces/")
    assert path.count("/") == 6
    assert path.isascii()
    assert not set(path) & set("?# \n")


def test_names_for_people():
    assert str(ROLLOUTS) == "rollouts.argoproj.io"
    assert str(ROLLOUTS.at("shop", "web").sub("status")) == "rollouts.argoproj.io/status shop/web"
    assert str(NAMESPACES.at("", "shop")) == "namespaces shop"
    assert str(Selection(PODS)) == "pods in all namespaces"


def test_api_version():
    assert PODS.api_version == "v1"
    assert ROLLOUTS.api_version == "argoproj.io/v1alpha1"
    assert split_api_version("v1") == ("", "v1")
    assert split_api_version("apps/v1") == ("apps", "v1")
    group, version = split_api_version("networking.istio.io/v1")
    assert Resource(group, version, "x", "X").api_version == "networking.istio.io/v1"
