"""Values as Go's structs would hold them and write them.

In: JSON of an API object, and the `Table` that knows its structure. Out: JSON with the fields that Go would write, in
Go's order: unknown fields left out, empty ones dropped or written as Go does, quantities canonical. `hashing.py`
calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from gradatim.model.podspec.table import Field, Kind, Shape, Table
from gradatim.model.quantity import QuantityError, canonical_quantity

Json: TypeAlias = dict[str, Any]
Convert: TypeAlias = Callable[[Any], Any]

#: name, converter, whether an empty result drops out, whether absence is written, what absence is written as
_Plan: TypeAlias = tuple[str, Convert, bool, bool, Any]

_ZEROS: Final[dict[Kind, Any]] = {
    Kind.STRING: "",
    Kind.BOOL: False,
    Kind.INT32: 0,
    Kind.INT64: 0,
    Kind.QUANTITY: "0",
    Kind.INT_OR_STRING: 0,
}
_TYPES: Final[dict[Kind, tuple[type, ...]]] = {
    Kind.STRING: (str,),
    Kind.BOOL: (bool,),
    Kind.INT32: (int,),
    Kind.INT64: (int,),
    Kind.INT_OR_STRING: (str, int),
    Kind.TIME: (str,),
}
#: No honest manifest nests deeper; a dishonest one must not exhaust the stack.
_MAX_DEPTH: Final = 200
#: Go structs without pointer: `omitempty` does not drop them
_ALWAYS_WRITTEN: Final = frozenset({Kind.STRUCT, Kind.QUANTITY, Kind.INT_OR_STRING})


class Canonical:
    """Turns JSON into Go's form, for the structs of one table.

    Converters are made once for each struct, at first use. They never raise: a value of another type than the table
    says is kept as plain JSON with its keys in order, so that it still counts in a hash.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._structs: dict[str, Convert] = {}

    def of(self, struct: str) -> Convert:
        """The converter of one struct; it takes a JSON object (or anything) and gives JSON."""
        if struct not in self._structs:
            plans: list[_Plan] = []
            # Known before its fields are, so that a struct may hold itself.
            self._structs[struct] = _struct_converter(plans)
            plans.extend(self._plan(field) for field in self._table[struct].fields)
        return self._structs[struct]

    def _plan(self, field: Field) -> _Plan:
        shape = field.shape
        bare_struct = shape.kind in _ALWAYS_WRITTEN and not shape.pointer
        drops_empty = field.omit_empty and not shape.pointer and not bare_struct
        written = not field.omit_empty or bare_struct
        return field.name, self._converter(shape), drops_empty, written, self._zero(shape)

    def _zero(self, shape: Shape) -> Any:
        if shape.pointer:
            return None
        if shape.kind is Kind.STRUCT:
            return self.of(shape.struct)({})
        return _ZEROS.get(shape.kind)

    def _converter(self, shape: Shape) -> Convert:
        match shape.kind:
            case Kind.STRUCT:
                return self.of(shape.struct)
            case Kind.LIST if shape.item:
                return _list_converter(self._converter(shape.item), self._zero(shape.item))
            case Kind.MAP if shape.item:
                return _map_converter(self._converter(shape.item), self._zero(shape.item))
            case Kind.QUANTITY:
                return _quantity
            case kind if kind in _TYPES:
                return _scalar_converter(_TYPES[kind])
        return plain_json


def _struct_converter(plans: list[_Plan]) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            return plain_json(value)
        result: Json = {}
        for name, convert_field, drops_empty, written, zero in plans:
            given = value.get(name)
            if given is None:
                if written:
                    result[name] = zero
                continue
            field = convert_field(given)
            if field or not drops_empty:
                result[name] = field
        return result

    return convert


def _list_converter(convert_item: Convert, zero: Any) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, list):
            return plain_json(value)
        return [zero if item is None else convert_item(item) for item in value]

    return convert


def _map_converter(convert_item: Convert, zero: Any) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            return plain_json(value)
        return {
            name: zero if value[name] is None else convert_item(value[name])
            for name in sorted(value)
        }

    return convert


def _scalar_converter(types: tuple[type, ...]) -> Convert:
    def convert(value: Any) -> Any:
        return value if type(value) in types else plain_json(value)

    return convert


def _quantity(value: Any) -> Any:
    try:
        return canonical_quantity(value)
    except QuantityError:
        return plain_json(value)


def plain_json(value: Any, depth: int = _MAX_DEPTH) -> Any:
    """The value itself, with the keys of every object in order; what lies deeper than `depth` levels becomes null."""
    if not isinstance(value, (dict, list)):
        return value
    if depth == 0:
        return None
    if isinstance(value, dict):
        return {name: plain_json(value[name], depth - 1) for name in sorted(value)}
    return [plain_json(item, depth - 1) for item in value]
