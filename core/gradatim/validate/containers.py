"""Containers of a pod template.

In: `spec` of a pod template and the names of its volumes. Out: Problems in Kubernetes' words.
Called by `pods.py`. Only rules that every Kubernetes has: what this room lets pass, the API server still judges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gradatim.model.quantity import Quantity, QuantityError, parse_quantity
from gradatim.model.reading import Reader
from gradatim.plugin import FieldPath, Problem

from .labels import dns_label_problems, is_qualified_name
from .wording import duplicate, forbidden, invalid, not_found, required, unsupported

_PORT_NAME: Final = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?")
_PORT_NAME_RULE: Final = (
    "must be at most 15 characters, lower case alphanumeric or '-', with at least one letter, and must not "
    "begin or end with '-' or contain '--'"
)
_PORTS: Final = range(1, 65_536)
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_BOTH_WAYS: Final = "Bidirectional"
_PROPAGATIONS: Final = (_BOTH_WAYS, "HostToContainer", "None")
#: What every container may ask for beside extended resources, whose names have a slash.
_RESOURCES: Final = frozenset({"cpu", "memory", "ephemeral-storage", "storage"})


def container_problems(spec: Reader, volumes: frozenset[str], path: FieldPath) -> Iterator[Problem]:
    """What is wrong with the containers and init containers of a pod."""
    containers = list(spec.objects("containers"))
    if not containers:
        yield required(path / "containers")
    names: set[str] = set()
    for key, readers in (("containers", containers), ("initContainers", None)):
        for index, container in enumerate(spec.objects(key) if readers is None else readers):
            where = path / key / index
            yield from _one(container, volumes, where)
            name = container.text("name")
            if name and name in names:
                yield duplicate(where / "name", name)
            names.add(name)


def _one(container: Reader, volumes: frozenset[str], path: FieldPath) -> Iterator[Problem]:
    name = container.text("name")
    if name:
        yield from dns_label_problems(name, path / "name")
    else:
        yield required(path / "name")
    if not container.text("image"):
        yield required(path / "image")
    yield from _port_problems(container, path / "ports")
    for index, variable in enumerate(container.objects("env")):
        if not variable.text("name"):
            yield required(path / "env" / index / "name")
    yield from _mount_problems(container, volumes, path / "volumeMounts")
    yield from _propagation_problems(container, path / "volumeMounts")
    policy = container.text("imagePullPolicy")
    if policy and policy not in _PULL_POLICIES:
        yield unsupported(path / "imagePullPolicy", policy, _PULL_POLICIES)
    yield from _resource_problems(container.object("resources"), path / "resources")


def _port_problems(container: Reader, path: FieldPath) -> Iterator[Problem]:
    names: set[str] = set()
    for index, port in enumerate(container.objects("ports")):
        where, name, number = path / index, port.text("name"), port.number("containerPort")
        if name and not _PORT_NAME.fullmatch(name):
            yield invalid(where / "name", name, _PORT_NAME_RULE)
        elif name and name in names:
            yield duplicate(where / "name", name)
        names.add(name)
        if number == 0:
            yield required(where / "containerPort")
        elif number not in _PORTS:
            yield invalid(where / "containerPort", number, "must be between 1 and 65535, inclusive")
        protocol = port.text("protocol")
        if protocol and protocol not in _PROTOCOLS:
            yield unsupported(where / "protocol", protocol, _PROTOCOLS)


def _mount_problems(
    container: Reader, volumes: frozenset[str], path: FieldPath
) -> Iterator[Problem]:
    places: set[str] = set()
    for index, mount in enumerate(container.objects("volumeMounts")):
        where, name, place = path / index, mount.text("name"), mount.text("mountPath")
        if not name:
            yield required(where / "name")
        elif name not in volumes:
            yield not_found(where / "name", name)
        if not place:
            yield required(where / "mountPath")
        elif place in places:
            yield invalid(where / "mountPath", place, "must be unique")
        places.add(place)


def _propagation_problems(container: Reader, path: FieldPath) -> Iterator[Problem]:
    """Only who may mount on the node's side may hand mounts on to it."""
    privileged = container.object("securityContext").raw.get("privileged") is True
    for index, mount in enumerate(container.objects("volumeMounts")):
        where, mode = path / index / "mountPropagation", mount.text("mountPropagation")
        if mode and mode not in _PROPAGATIONS:
            yield unsupported(where, mode, _PROPAGATIONS)
        elif mode == _BOTH_WAYS and not privileged:
            detail = "Bidirectional mount propagation is available only to privileged containers"
            yield forbidden(where, detail)


def _resource_problems(resources: Reader, path: FieldPath) -> Iterator[Problem]:
    limits: dict[str, Quantity] = {}
    requests: dict[str, Quantity] = {}
    for key, amounts in (("limits", limits), ("requests", requests)):
        yield from _amount_problems(resources.json(key), amounts, path / key)
    for name, wanted in requests.items():
        most = limits.get(name)
        if most is None or wanted.value() == most.value():
            continue
        if _is_whole(name):
            detail = f"must be equal to {name} limit of {most}"
            yield invalid(path / "requests", str(wanted), detail)
        elif wanted.value() > most.value():
            detail = f"must be less than or equal to {name} limit of {most}"
            yield invalid(path / "requests", str(wanted), detail)


def _is_whole(name: str) -> bool:
    """A resource of which no more can be promised than there is: devices and huge pages."""
    foreign = "/" in name and "kubernetes.io/" not in name
    return foreign or name.startswith("hugepages-")


def _amount_problems(
    found: Mapping[str, Any], amounts: dict[str, Quantity], path: FieldPath
) -> Iterator[Problem]:
    """What is wrong with amounts; the sound ones go into `amounts`."""
    for name, value in found.items():
        where = path / name
        standard = name in _RESOURCES or name.startswith("hugepages-")
        if not is_qualified_name(name) or not (standard or "/" in name):
            detail = "must be a standard resource for containers or fully qualified"
            yield invalid(where, name, detail)
            continue
        try:
            amount = parse_quantity(value)
        except (QuantityError, ValueError, OverflowError) as error:
            yield invalid(where, value, str(error))
            continue
        if amount.mantissa < 0:
            yield invalid(where, str(amount), "must be greater than or equal to 0")
        else:
            amounts[name] = amount
