"""Goes in: the text of a condition. Comes out: its syntax tree.
Called by `condition.py`. Precedence climbing, with the grammar of expr-lang 1.17.
"""

from __future__ import annotations

from gradatim.expr.errors import ExprError
from gradatim.expr.lexer import Token, TokenKind, tokens_of
from gradatim.expr.limits import DEFAULT, Limits
from gradatim.expr.operands import Operands
from gradatim.expr.operators import BINARY, COMPARISONS, NEGATABLE, RIGHT
from gradatim.expr.syntax import Binary, Conditional, Let, Node, Unary, children

_MIXED = "Operator ({}) and coalesce expressions (??) cannot be mixed. Wrap either by parentheses."


def parse(source: str, limits: Limits = DEFAULT) -> Node:
    """The syntax tree of a condition.

    Raises `ExprError` at a syntax error, and when the text or its tree is beyond the limits.
    """
    if len(source) > limits.source:
        raise ExprError(f"the condition is longer than {limits.source} characters")
    tokens, fault = tokens_of(source)
    parser = _Parser(tokens, fault, limits)
    tree = parser.sequence()
    if parser.current.kind is not TokenKind.END:
        raise parser.unexpected()
    _measure(tree, limits)
    return tree


def _measure(tree: Node, limits: Limits) -> None:
    """Refuse a tree whose later walks would be too long or too deep."""
    count = 0
    level = [tree]
    for _ in range(limits.height):
        count += len(level)
        if count > limits.nodes:
            raise ExprError("compilation failed: expression exceeds maximum allowed nodes")
        level = [child for node in level for child in children(node)]
        if not level:
            return
    raise ExprError("the condition chains or nests too many parts")


class _Parser(Operands):
    def __init__(self, tokens: list[Token], fault: ExprError | None, limits: Limits) -> None:
        super().__init__(tokens, fault)
        self.limits = limits
        self.nesting = 0

    def expression(self, strength: int) -> Node:
        self.nesting += 1
        if self.nesting > self.limits.nesting:
            raise ExprError("the condition nests too deeply", self.current.pos)
        if strength == 0 and self.current.is_operator("let"):
            node = self.declaration()
        elif strength == 0 and self.current.is_operator("if"):
            node = self.branch()
        else:
            node = self.infix(self.primary(), strength)
            if strength == 0:
                node = self.ternary(node)
        self.nesting -= 1
        return node

    def infix(self, left: Node, strength: int) -> Node:
        previous = ""
        while True:
            negation = self.negation(strength)
            token = self.current
            power = BINARY.get(token.value, -1) if token.kind is TokenKind.OPERATOR else -1
            if power < strength:
                return left
            self.next()
            if token.value == "|":
                left = self.call(self.name(), (left,))
            elif previous == "??" and token.value != "??":
                raise ExprError(_MIXED.format(token.value), token.pos)
            elif token.value in COMPARISONS:
                left = self.comparison(left, token, power)
            else:
                right = self.expression(power if token.value in RIGHT else power + 1)
                left = Binary(token.pos, token.value, left, right)
            if negation is not None:
                left = Unary(negation.pos, "not", left)
            previous = token.value

    def negation(self, strength: int) -> Token | None:
        """Take the `not` of `not in` and its like, if it belongs to this level."""
        if not self.current.is_operator("not"):
            return None
        following = self.token(self.index + 1)
        if following.value not in NEGATABLE or following.kind is not TokenKind.OPERATOR:
            raise ExprError(f"unexpected token {following}", following.pos)
        return self.next() if BINARY[following.value] >= strength else None

    def comparison(self, left: Node, token: Token, power: int) -> Node:
        """`a < b < c` is `a < b && b < c`."""
        whole: Node | None = None
        while True:
            right = self.expression(power + 1)
            link = Binary(token.pos, token.value, left, right)
            whole = link if whole is None else Binary(token.pos, "&&", whole, link)
            if self.current.kind is not TokenKind.OPERATOR or self.current.value not in COMPARISONS:
                return whole
            left = right
            token = self.next()

    def ternary(self, node: Node) -> Node:
        while self.current.is_operator("?"):
            pos = self.next().pos
            if self.current.is_operator(":"):  # a ?: b
                self.next()
                node = Conditional(pos, node, node, self.expression(0))
            else:
                then = self.expression(0)
                self.operator(":")
                node = Conditional(pos, node, then, self.expression(0))
        return node

    def declaration(self) -> Node:
        self.operator("let")
        name = self.name()
        self.operator("=")
        value = self.expression(0)
        self.operator(";")
        return Let(name.pos, name.value, value, self.sequence())

    def branch(self) -> Node:
        pos = self.operator("if").pos
        test = self.expression(0)
        then = self.block()
        self.operator("else")
        other = self.nested_branch() if self.current.is_operator("if") else self.block()
        return Conditional(pos, test, then, other)

    def nested_branch(self) -> Node:
        self.nesting += 1
        if self.nesting > self.limits.nesting:
            raise ExprError("the condition nests too deeply", self.current.pos)
        node = self.branch()
        self.nesting -= 1
        return node
