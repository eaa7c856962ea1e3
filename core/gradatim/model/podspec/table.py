"""How the structure of an API type is written down, and read.

In: texts of one line a field. Out: frozen `Struct`s by name. The tables beside this module and those of
`gradatim.crds` are written so; `canonical.py` and the schema generator read the result.

A text holds structs: a line without indent names one, indented lines are its fields in the order of the Go struct.

    ContainerPort
      name           string
      containerPort  int32     required
      protocol       string    default="TCP"   # TCP, UDP or SCTP

A shape is a scalar (`string bool int32 int64 quantity int-or-string time any object`), `[]X`, `{}X` (a map), or
a struct's name; `*` makes it a pointer. A field drops out of Go's JSON when empty, unless it is `required` or
`always` (optional in the API, yet always written); `needed` is required and drops out. Lists take `atomic`, `set` or
`keys=a,b`. `since=1.37` names the first Kubernetes release with the field. A field line `...X` stands for all of X's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final


class Kind(StrEnum):
    """What a value is in Go."""

    STRING = "string"
    BOOL = "bool"
    INT32 = "int32"
    INT64 = "int64"
    QUANTITY = "quantity"
    INT_OR_STRING = "int-or-string"
    TIME = "time"
    ANY = "any"  # any JSON
    OBJECT = "object"  # any JSON object
    LIST = "[]"
    MAP = "{}"
    STRUCT = "struct"


_SCALARS: Final = frozenset(Kind) - {Kind.LIST, Kind.MAP, Kind.STRUCT}


@dataclass(frozen=True, slots=True)
class Shape:
    """The type of one value."""

    kind: Kind
    pointer: bool = False
    #: what a list or map holds
    item: Shape | None = None
    #: the name of the struct, where `kind` is STRUCT
    struct: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a struct."""

    name: str
    shape: Shape
    omit_empty: bool = True
    required: bool = False
    #: "", "atomic", "set" or "map"
    list_type: str = ""
    list_keys: tuple[str, ...] = ()
    #: the default that the CRD sets; None: it sets none
    default: Any = None
    enum: tuple[str, ...] = ()
    #: the Kubernetes release that brought the field; "": 1.34 or older
    since: str = ""
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Struct:
    """An object with known fields, in the order in which Go writes them."""

    name: str
    fields: tuple[Field, ...]
    #: server-side apply owns it as a whole
    atomic: bool = False
    doc: str = ""


Table = Mapping[str, Struct]


class TableError(ValueError):
    """A table's text is wrong: a mistake in our own source."""


def read_table(*texts: str, known: Table | None = None) -> Table:
    """The structs of all texts and of `known`, by name.

    Raises:
        TableError: a word that is none of the above, or a struct that is nowhere.
    """
    structs: dict[str, Struct] = dict(known or {})
    for text in texts:
        for header, lines in _blocks(text):
            struct = _struct(header, lines, structs)
            structs[struct.name] = struct
    for struct in structs.values():
        for field in struct.fields:
            missing = [name for name in _named(field.shape) if name not in structs]
            if missing:
                raise TableError(f"{struct.name}.{field.name}: no struct {missing[0]}")
    return MappingProxyType(structs)


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    header, lines = "", list[str]()
    for line in text.splitlines():
        if not line.strip():
            continue
        if not line.startswith(" "):
            if header:
                yield header, lines
            header, lines = line, []
        else:
            lines.append(line.strip())
    if header:
        yield header, lines


def _struct(header: str, lines: list[str], structs: Mapping[str, Struct]) -> Struct:
    words, _, doc = header.partition(" # ")
    name, *flags = words.split()
    fields: list[Field] = []
    for line in lines:
        if line.startswith("..."):
            fields.extend(structs[line.removeprefix("...")].fields)
        else:
            fields.append(_field(line))
    return Struct(name, tuple(fields), atomic="atomic" in flags, doc=doc.strip())


def _field(line: str) -> Field:
    words, _, doc = line.partition(" # ")
    name, shape, *flags = words.split()
    facts: dict[str, Any] = {}
    for flag in flags:
        key, _, value = flag.partition("=")
        facts |= _fact(line, key, value)
    return Field(name, _shape(shape), doc=doc.strip(), **facts)


def _fact(line: str, key: str, value: str) -> dict[str, Any]:
    match key:
        case "required":
            return {"omit_empty": False, "required": True}
        case "always":
            return {"omit_empty": False}
        case "needed":
            return {"required": True}
        case "atomic" | "set":
            return {"list_type": key}
        case "keys":
            return {"list_type": "map", "list_keys": tuple(value.split(","))}
        case "default":
            return {"default": json.loads(value)}
        case "enum":
            return {"enum": tuple(value.split("|"))}
        case "since":
            return {"since": value}
    raise TableError(f"unknown word {key!r} in {line!r}")


def _shape(text: str) -> Shape:
    if text.startswith("*"):
        inner = _shape(text[1:])
        return Shape(inner.kind, pointer=True, item=inner.item, struct=inner.struct)
    if text.startswith(("[]", "{}")):
        return Shape(Kind(text[:2]), item=_shape(text[2:]))
    if text in _SCALARS:
        return Shape(Kind(text))
    return Shape(Kind.STRUCT, struct=text)


def _named(shape: Shape) -> Iterator[str]:
    if shape.item:
        yield from _named(shape.item)
    elif shape.kind is Kind.STRUCT:
        yield shape.struct
