"""Goes in: the static types of a call's arguments. Comes out: what the call gives, or its refusal.
Called by `calls.py`, which types the arguments. The words are the reference's.
"""

from __future__ import annotations

from gradatim.expr.errors import ExprError
from gradatim.expr.signatures import Signature
from gradatim.expr.syntax import Builtin, Call, Node
from gradatim.expr.types import Kind, Type, assignable


def type_name(kind: Type) -> str:
    """How some functions of the reference print a type: nil has none to them."""
    return "%!s(<nil>)" if kind.kind is Kind.NIL else str(kind)


def miscounted(name: str, signature: Signature, node: Call | Builtin) -> ExprError:
    """The error of a call with more or fewer arguments than its signature has."""
    few = len(node.args) < len(signature.params)
    return ExprError(f"{'not enough' if few else 'too many'} arguments to call {name}", node.pos)


def wrong_count(expected: str, node: Builtin) -> ExprError:
    """The error of a call with another number of arguments than expected."""
    problem = f"invalid number of arguments (expected {expected}, got {len(node.args)})"
    return ExprError(problem, node.pos)


def fit(name: str, param: Type, found: Type, arg: Node) -> None:
    """Raise `ExprError` at an argument that the parameter does not take."""
    if _accepts(param, found):
        return
    if found.kind is Kind.NIL:
        raise ExprError(f"cannot use nil as argument (type {param}) to call {name}", arg.pos)
    # The space at the end is the reference's.
    raise ExprError(f"cannot use {found} as argument (type {param}) to call {name} ", arg.pos)


def fitted(name: str, signature: Signature, node: Call | Builtin, given: list[Type]) -> Type:
    """What a call gives, if its arguments fit the signature; raises `ExprError` if not."""
    if len(given) != len(signature.params):
        raise miscounted(name, signature, node)
    for arg, found, param in zip(node.args, given, signature.params, strict=True):
        fit(name, param, found, arg)
    return signature.gives


def _accepts(param: Type, found: Type) -> bool:
    if param.is_unknown:
        return True
    if found.kind is Kind.INT and param.is_number:
        return True
    return found.is_unknown or (found.kind is not Kind.NIL and assignable(found, param))
