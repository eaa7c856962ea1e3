"""Goes in: the tree of a sound condition. Comes out: warnings about what its author hardly means.
Called by `condition.lint`, for `gradatim validate`.
"""

from __future__ import annotations

from gradatim.expr.syntax import Call, Name, Node, children


def warnings_of(tree: Node) -> list[str]:
    """One sentence for each trap, in the order of the text."""
    found: list[str] = []
    rest = [tree]
    while rest:
        node = rest.pop()
        rest.extend(reversed(list(children(node))))
        if isinstance(node, Call) and isinstance(node.callee, Name) and node.args:
            warning = _ignored_argument(node.callee.name, node.args[0])
            if warning and warning not in found:
                found.append(warning)
    return found


def _ignored_argument(name: str, arg: Node) -> str:
    if isinstance(arg, Name) and arg.name == "result":
        return ""
    if name == "isNil":
        return "isNil ignores its argument: it is true when the whole result is nil"
    if name == "default":
        return (
            "default ignores its first argument: it gives the whole result, "
            "or the second argument when the whole result is nil"
        )
    return ""
