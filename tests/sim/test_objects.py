"""What a stored object goes through: identity, versions, finalizers, owners, pages, watches."""

import asyncio

import pytest

from gradatim.sim import Sim, SimSettings, run_virtual
from gradatim.sim.failure import ApiError
from gradatim.sim.resources import Catalogue
from gradatim.sim.selectors import field_selector, label_selector, object_selector, selector_text
from gradatim.sim.store import Store

MAPS = "/api/v1/namespaces/default/configmaps"


def in_cluster(story, settings=None):
    """Play `story(sim)` in virtual time."""

    async def main():
        async with Sim(settings) as sim:
            return await story(sim)

    return run_virtual(main())


def config_map(name, **metadata):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}


def owner_of(obj, blocks=True):
    return [
        {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": obj["metadata"]["name"],
            "uid": obj["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": blocks,
        }
    ]


async def ask(sim, method, path, body=None, **query):
    code, _, answer = await sim.transport().send(
        method, path, query=query, body=body, content_type="application/merge-patch+json", timeout=5
    )
    return code, answer


def test_reads_share_what_is_stored_and_writes_replace_it():
    async def story(sim):
        sim.create_object({**config_map("a"), "data": {"x": "1"}})
        before = sim.get("ConfigMap", "a")
        assert sim.get("ConfigMap", "a") is before
        sim.patch("ConfigMap", "a", "data: {x: '2'}")
        assert before["data"] == {"x": "1"}
        assert sim.get("ConfigMap", "a")["data"] == {"x": "2"}

    in_cluster(story)


def test_revisions_only_grow_and_a_write_of_nothing_makes_none():
    async def story(sim):
        first = sim.create_object(config_map("a"))
        second = sim.patch("ConfigMap", "a", "metadata: {labels: {x: y}}")
        third = sim.patch("ConfigMap", "a", "metadata: {labels: {x: y}}")
        versions = [int(obj["metadata"]["resourceVersion"]) for obj in (first, second)]
        assert versions[0] < versions[1] == sim.store.revision
        assert third is second

    in_cluster(story)


def test_the_same_seed_plays_the_same_history():
    async def story(sim):
        made = [sim.create_object(config_map("", generateName="x-")) for _ in range(3)]
        return [(m["metadata"]["name"], m["metadata"]["uid"]) for m in made]

    assert in_cluster(story) == in_cluster(story)
    assert in_cluster(story) != in_cluster(story, SimSettings(seed=1))


def test_of_two_writers_with_one_version_the_second_is_refused():
    async def story(sim):
        version = sim.create_object(config_map("a"))["metadata"]["resourceVersion"]
        patch = {"metadata": {"resourceVersion": version, "labels": {"a": "1"}}}
        assert (await ask(sim, "PATCH", f"{MAPS}/a", patch))[0] == 200
        patch["metadata"]["labels"] = {"a": "2"}
        code, answer = await ask(sim, "PATCH", f"{MAPS}/a", patch)
        assert (code, answer["reason"]) == (409, "Conflict")
        code, _ = await ask(sim, "PUT", f"{MAPS}/a", config_map("a", uid="other"))
        assert code == 409

    in_cluster(story)


def test_what_an_owner_leaves_goes_with_it():
    async def story(sim):
        owner = sim.create_object(config_map("owner"))
        child = sim.create_object(config_map("child", ownerReferences=owner_of(owner)))
        sim.create_object(config_map("grandchild", ownerReferences=owner_of(child)))
        sim.delete("ConfigMap", "owner")
        await sim.settle()
        assert sim.list("ConfigMap") == []

    in_cluster(story)


def test_what_names_an_owner_that_never_was_goes_too():
    async def story(sim):
        ghost = {**config_map("ghost"), "metadata": {"name": "ghost", "uid": "none"}}
        sim.create_object(config_map("child", ownerReferences=owner_of(ghost)))
        await sim.settle()
        assert sim.find("ConfigMap", "child") is None

    in_cluster(story)


def test_a_foreground_deletion_waits_for_what_holds_it():
    async def story(sim):
        owner = sim.create_object(config_map("owner"))
        holding = {"ownerReferences": owner_of(owner), "finalizers": ["x.y/z"]}
        sim.create_object(config_map("child", **holding))
        await ask(sim, "DELETE", f"{MAPS}/owner", {"propagationPolicy": "Foreground"})
        await sim.settle()
        assert sim.get("ConfigMap", "owner")["metadata"]["finalizers"] == ["foregroundDeletion"]
        assert "deletionTimestamp" in sim.get("ConfigMap", "child")["metadata"]
        sim.patch("ConfigMap", "child", "metadata: {finalizers: null}")
        await sim.settle()
        assert sim.list("ConfigMap") == []

    in_cluster(story)


def test_an_orphaning_deletion_cuts_loose():
    async def story(sim):
        owner = sim.create_object(config_map("owner"))
        sim.create_object(config_map("child", ownerReferences=owner_of(owner)))
        await ask(sim, "DELETE", f"{MAPS}/owner", {"propagationPolicy": "Orphan"})
        await sim.settle()
        assert [obj["metadata"]["name"] for obj in sim.list("ConfigMap")] == ["child"]
        assert "ownerReferences" not in sim.get("ConfigMap", "child")["metadata"]

    in_cluster(story)


def test_an_object_with_two_owners_survives_one():
    async def story(sim):
        owners = [sim.create_object(config_map(name)) for name in ("one", "two")]
        references = owner_of(owners[0]) + owner_of(owners[1])
        sim.create_object(config_map("child", ownerReferences=references))
        sim.delete("ConfigMap", "one")
        await sim.settle()
        assert sim.find("ConfigMap", "child")
        sim.delete("ConfigMap", "two")
        await sim.settle()
        assert sim.find("ConfigMap", "child") is None

    in_cluster(story)


def test_a_namespace_takes_its_content_along_and_lets_nothing_in():
    async def story(sim):
        sim.create_object(config_map("a", namespace="team"))
        sim.create_object(config_map("held", namespace="team", finalizers=["x.y/z"]))
        sim.delete("Namespace", "team")
        with pytest.raises(ApiError, match="terminated"):
            sim.create_object(config_map("late", namespace="team"))
        await sim.settle()
        assert sim.get("Namespace", "team")["status"]["phase"] == "Terminating"
        assert [obj["metadata"]["name"] for obj in sim.list("ConfigMap", "team")] == ["held"]
        sim.patch("ConfigMap", "held", "metadata: {finalizers: null}", namespace="team")
        await sim.settle()
        assert sim.find("Namespace", "team") is None

    in_cluster(story)


def test_a_collection_is_deleted_by_selector():
    async def story(sim):
        for name, label in (("a", "x"), ("b", "x"), ("c", "y")):
            sim.create_object(config_map(name, labels={"l": label}))
        await ask(sim, "DELETE", MAPS, labelSelector="l=x")
        assert [obj["metadata"]["name"] for obj in sim.list("ConfigMap")] == ["c"]

    in_cluster(story)


def test_a_list_comes_in_pages_and_a_forgotten_page_is_gone():
    async def story(sim):
        for name in "edcba":
            sim.create_object(config_map(name))
        names, token = [], ""
        while True:
            _, page = await ask(
                sim, "GET", MAPS, limit="2", **({"continue": token} if token else {})
            )
            names += [obj["metadata"]["name"] for obj in page["items"]]
            token = page["metadata"].get("continue", "")
            if not token:
                break
            last = token
        assert names == list("abcde")
        sim.create_object(config_map("f"))
        sim.store.forget()
        code, answer = await ask(sim, "GET", MAPS, limit="2", **{"continue": last})
        assert (code, answer["reason"]) == (410, "Expired")
        code, _ = await ask(sim, "GET", MAPS, limit="2", **{"continue": "?"})
        assert code == 400

    in_cluster(story)


async def watched(sim, path, count, **query):
    async with sim.transport().stream(path, query=query, idle=5) as (code, events):
        assert code == 200
        return [await anext(events) for _ in range(count)]


def test_a_watch_without_a_version_begins_with_what_is_there():
    async def story(sim):
        sim.create_object(config_map("a"))
        sim.create_object(config_map("b"))
        seen = await watched(sim, MAPS, 2)
        assert [(e["type"], e["object"]["metadata"]["name"]) for e in seen] == [
            ("ADDED", "a"),
            ("ADDED", "b"),
        ]

    in_cluster(story)


def test_a_watch_repeats_what_it_missed():
    async def story(sim):
        version = str(sim.store.revision)
        sim.create_object(config_map("a"))
        sim.delete("ConfigMap", "a")
        sim.create_object(config_map("other", namespace="elsewhere"))
        seen = await watched(sim, MAPS, 2, resourceVersion=version)
        assert [event["type"] for event in seen] == ["ADDED", "DELETED"]
        revisions = [int(event["object"]["metadata"]["resourceVersion"]) for event in seen]
        assert revisions[0] < revisions[1]

    in_cluster(story)


def test_for_a_selecting_watch_objects_come_and_go_with_their_labels():
    async def story(sim):
        version = str(sim.store.revision)
        sim.create_object(config_map("a"))
        sim.patch("ConfigMap", "a", "metadata: {labels: {lit: 'yes'}}")
        sim.patch("ConfigMap", "a", "metadata: {labels: {more: x}}")
        sim.patch("ConfigMap", "a", "metadata: {labels: {lit: 'no'}}")
        sim.delete("ConfigMap", "a")
        sim.create_object(config_map("b", labels={"lit": "yes"}))
        seen = await watched(sim, MAPS, 4, resourceVersion=version, labelSelector="lit=yes")
        assert [event["type"] for event in seen] == ["ADDED", "MODIFIED", "DELETED", "ADDED"]

    in_cluster(story)


def test_a_reader_that_falls_far_behind_is_cut_off(monkeypatch):
    monkeypatch.setattr("gradatim.sim.watching.BACKLOG", 3)

    async def story(sim):
        async with sim.transport().stream(MAPS, query={}, idle=5) as (_, events):
            for name in "abcde":
                sim.create_object(config_map(name))
            assert [event async for event in events] == []

    in_cluster(story)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"sendInitialEvents": "true"}, 422),
        ({"resourceVersion": "x"}, 400),
        ({"labelSelector": "a in"}, 400),
        ({"fieldSelector": "data.x=1"}, 400),
        ({"fieldSelector": "metadata.name"}, 400),
    ],
)
def test_a_watch_that_cannot_be_is_refused(query, code):
    async def story(sim):
        async with sim.transport().stream(MAPS, query=query, idle=5) as (answered, events):
            assert answered == code
            assert [event["kind"] async for event in events] == ["Status"]

    in_cluster(story)


def test_istio_objects_are_the_same_under_each_of_their_versions():
    async def story(sim):
        path = "/apis/networking.istio.io/{}/namespaces/default/virtualservices"
        body = {"metadata": {"name": "a"}, "spec": {"hosts": ["a"]}}
        code, made = await ask(sim, "POST", path.format("v1beta1"), body)
        assert (code, made["apiVersion"]) == (201, "networking.istio.io/v1beta1")
        for version in ("v1", "v1alpha3"):
            _, listed = await ask(sim, "GET", path.format(version))
            expected = f"networking.istio.io/{version}"
            assert listed["apiVersion"] == listed["items"][0]["apiVersion"] == expected
            seen = await watched(sim, path.format(version), 1)
            assert seen[0]["object"]["apiVersion"] == expected

    in_cluster(story)


def test_a_definition_brings_its_resource_and_takes_it_away():
    crd = """
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata: {name: widgets.example.org}
    spec:
      group: example.org
      scope: Namespaced
      names: {kind: Widget, plural: widgets, shortNames: [wd]}
      versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
    """

    async def story(sim):
        sim.create(crd)
        widget = {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w"}}
        sim.create_object(widget)
        await sim.settle()
        conditions = sim.get("crd", "widgets.example.org")["status"]["conditions"]
        assert {c["type"]: c["status"] for c in conditions}["Established"] == "True"
        _, found = await ask(sim, "GET", "/apis/example.org/v1")
        assert [entry["name"] for entry in found["resources"]] == ["widgets"]
        sim.delete("crd", "widgets.example.org")
        await sim.settle()
        assert (await ask(sim, "GET", "/apis/example.org/v1/widgets"))[0] == 404
        assert sim.store.listed("widgets.example.org") == []

    in_cluster(story)


def test_writes_of_clients_are_counted():
    async def story(sim):
        me = sim.transport(user_agent="me")
        sending = {"query": {}, "content_type": "application/json", "timeout": 5}
        await me.send("POST", MAPS, body=config_map("a"), **sending)
        await me.send("POST", MAPS, body=config_map("a"), **sending)
        await me.send("GET", MAPS, body=None, **sending)
        await me.send("DELETE", f"{MAPS}/a", body=None, **sending)
        await sim.transport("you").send("POST", MAPS, body=config_map("b"), **sending)
        assert sim.writes.count() == 4
        assert sim.writes.count(user_agent="me", verb="create") == 2
        assert sim.writes.by_resource("me") == {"create configmaps": 2, "delete configmaps": 1}
        assert [write.code for write in sim.writes.latest] == [201, 409, 200, 201]
        sim.writes.clear()
        assert sim.writes.count() == 0

    in_cluster(story)


def test_until_waits_for_a_change_and_not_for_ever():
    async def story(sim):
        loop = asyncio.get_running_loop()
        loop.call_later(7, sim.create_object, config_map("late"))
        await sim.until(lambda: sim.find("ConfigMap", "late"))
        assert loop.time() == pytest.approx(7, abs=0.1)
        with pytest.raises(TimeoutError):
            await sim.until(lambda: False, within=3)

    in_cluster(story)


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("a=1", True),
        ("a==1", True),
        ("a!=1", False),
        ("b!=1", True),
        ("a in (1, 2)", True),
        ("a notin (1,2)", False),
        ("b notin (1)", True),
        ("a", True),
        ("!a", False),
        ("!b", True),
        ("a=1,c in (3,4),!d", True),
        ("a=1,c=4", False),
    ],
)
def test_label_selectors_select(selector, selected):
    match = label_selector(selector)
    assert match is not None
    assert match({"a": "1", "c": "3"}) is selected


def test_an_empty_selector_selects_all_and_an_absent_one_nothing():
    assert label_selector(" ") is None
    assert field_selector(Catalogue()["pods"], "") is None
    assert object_selector({})({}) is True
    assert object_selector(None)({}) is False


EXPRESSIONS = {
    "matchLabels": {"b": "2", "a": "1"},
    "matchExpressions": [
        {"key": "c", "operator": "In", "values": ["y", "x"]},
        {"key": "d", "operator": "NotIn", "values": ["z"]},
        {"key": "e", "operator": "Exists"},
        {"key": "f", "operator": "DoesNotExist"},
    ],
}


def test_a_selector_object_selects_as_its_text_does():
    text = selector_text(EXPRESSIONS)
    assert text == "a=1,b=2,c in (x,y),d notin (z),e,!f"
    fits = {"a": "1", "b": "2", "c": "x", "e": ""}
    for labels in (fits, {**fits, "f": ""}, {**fits, "d": "z"}, {**fits, "c": "q"}, {"a": "1"}):
        match = label_selector(text)
        assert match is not None
        assert object_selector(EXPRESSIONS)(labels) is match(labels)
    assert selector_text("x=y") == "x=y"
    assert selector_text(None) == ""
    with pytest.raises(ApiError):
        object_selector({"matchExpressions": [{"key": "a", "operator": "Near"}]})


def test_field_selectors_select():
    pods = Catalogue()["pods"]
    match = field_selector(pods, "spec.nodeName=n,status.phase!=Failed,metadata.name==a")
    assert match is not None
    pod = {"metadata": {"name": "a"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}
    assert match(pod)
    assert not match({**pod, "status": {"phase": "Failed"}})


def test_the_store_forgets_what_is_too_old():
    store = Store(history=3)
    for number in range(5):
        store.put("things", {"metadata": {"name": f"t{number}", "uid": f"u{number}"}})
    assert store.horizon == 3
    assert [event.revision for event in store.since(4, "things")] == [5, 6]
    assert list(store.since(0, "others")) == []
