"""Goes in: the tokens of a condition. Comes out: the trees of its operands, and of what follows them.
Called by the parser, which extends it by the expressions that stand between.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from gradatim.expr import numerals
from gradatim.expr.cursor import Cursor
from gradatim.expr.errors import ExprError
from gradatim.expr.lexer import Token, TokenKind, is_word_part, is_word_start
from gradatim.expr.operators import FUNCTIONS, PREDICATES, PREFIX
from gradatim.expr.syntax import (
    Builtin,
    Call,
    Chain,
    ListLiteral,
    Literal,
    MapLiteral,
    Member,
    Name,
    Node,
    Pointer,
    Predicate,
    Sequence,
    Slice,
    Unary,
)

_CONSTANTS = {"true": True, "false": False, "nil": None}
_KEY = (
    "a map key must be a quoted string, a number, a identifier, "
    "or an expression enclosed in parentheses"
)
_KEYS = (TokenKind.NUMBER, TokenKind.STRING, TokenKind.NAME)


class Operands(Cursor, ABC):
    """Reads operands; `predicates` is how many predicates they stand in."""

    def __init__(self, tokens: list[Token], fault: ExprError | None) -> None:
        super().__init__(tokens, fault)
        self.predicates = 0

    @abstractmethod
    def expression(self, strength: int) -> Node:
        """Read an expression of operators that bind at least so strongly."""

    def sequence(self) -> Node:
        """Expressions with semicolons between them: as many as there are."""
        start = self.current.pos
        items = [self.expression(0)]
        while self.current.is_operator(";"):
            self.next()
            if self.current.kind is TokenKind.END:  # only the very last one may trail
                break
            items.append(self.expression(0))
        return items[0] if len(items) == 1 else Sequence(start, tuple(items))

    def block(self) -> Node:
        """Expressions in braces."""
        self.bracket("{")
        node = self.sequence()
        self.bracket("}")
        return node

    # -- operands ----------------------------------------------------------------------------

    def primary(self) -> Node:
        """An operand with all that follows it: a literal, a name, a call, something in brackets."""
        token = self.current
        if token.kind is TokenKind.OPERATOR:
            return self._prefixed(token)
        if token.is_bracket("("):
            self.next()
            node = self.sequence()
            self.bracket(")")
            return self._postfix(node)
        if token.kind is TokenKind.NAME:
            return self._named()
        if token.kind is TokenKind.NUMBER:
            self.next()
            return Literal(token.pos, numerals.literal(token.value, token.pos))
        if token.kind is TokenKind.STRING:
            self.next()
            return self._postfix(Literal(token.pos, token.value))
        if token.is_bracket("["):
            return self._postfix(self._list_literal())
        if token.is_bracket("{"):
            return self._postfix(self._map_literal())
        raise self.unexpected()

    def _prefixed(self, token: Token) -> Node:
        if token.value in PREFIX:
            self.next()
            operand = self.expression(PREFIX[token.value])
            return self._postfix(Unary(token.pos, token.value, operand))
        if self.predicates and token.value in ("#", "."):
            return self._pointer(token)
        if token.value == "::":
            self.next()
            return self._postfix(self.call(self.name(), ()))
        raise self.unexpected()

    def _pointer(self, token: Token) -> Node:
        name = ""
        if token.value == "#":
            self.next()
            if self.current.kind is TokenKind.NAME:
                name = self.next().value
        return self._postfix(Pointer(token.pos, name))

    def _named(self) -> Node:
        token = self.next()
        if token.value in _CONSTANTS:
            return Literal(token.pos, _CONSTANTS[token.value])
        if self.current.is_bracket("("):
            return self._postfix(self.call(token, ()))
        return self._postfix(Name(token.pos, token.value))

    def _list_literal(self) -> Node:
        pos = self.bracket("[").pos
        return ListLiteral(pos, tuple(self._items("]")))

    def _items(self, end: str) -> list[Node]:
        """Expressions with commas between them, and perhaps one more at the end."""
        found: list[Node] = []
        while not self.current.is_bracket(end):
            if found:
                self.operator(",")
                if self.current.is_bracket(end):
                    break
            found.append(self.expression(0))
        self.bracket(end)
        return found

    def _map_literal(self) -> Node:
        pos = self.bracket("{").pos
        found: list[Node] = []
        while not self.current.is_bracket("}"):
            if found:
                self.operator(",")
                if self.current.is_bracket("}"):
                    break
                if self.current.is_operator(","):
                    raise self.unexpected()
            found.append(self._key())
            self.operator(":")
            found.append(self.expression(0))
        self.bracket("}")
        return MapLiteral(pos, tuple(found))

    def _key(self) -> Node:
        if self.current.kind in _KEYS:
            token = self.next()
            return Literal(token.pos, token.value)
        if self.current.is_bracket("("):
            return self.expression(0)
        raise ExprError(f"{_KEY} (unexpected token {self.current})", self.current.pos)

    # -- calls -------------------------------------------------------------------------------

    def call(self, token: Token, piped: tuple[Node, ...]) -> Node:
        """The call of a name, which is taken already; what is piped into it comes before its arguments."""
        if token.value in PREDICATES:
            return self._predicate_call(token, piped)
        self.bracket("(")
        args = (*piped, *self._items(")"))
        if token.value in FUNCTIONS:
            return Builtin(token.pos, token.value, args)
        return Call(token.pos, Name(token.pos, token.value), args)

    def _predicate_call(self, token: Token, piped: tuple[Node, ...]) -> Node:
        self.bracket("(")
        args = list(piped)
        parts = PREDICATES[token.value][len(piped) :]
        for number, wanted in enumerate(parts):
            if self.current.is_bracket(")"):
                if wanted.endswith("?"):
                    break
                problem = f"expected at least {len(parts)} arguments"
                raise ExprError(problem, self.current.pos)
            if number:
                self.operator(",")
            args.append(self._predicate() if "predicate" in wanted else self.expression(0))
        if self.current.is_operator(","):
            self.next()
        self.bracket(")")
        return Builtin(token.pos, token.value, tuple(args))

    def _predicate(self) -> Node:
        pos = self.current.pos
        self.predicates += 1
        if self.current.is_bracket("{"):
            body = self.block()
        else:
            body = self.expression(0)
            if self.current.is_operator(";"):
                raise ExprError("wrap predicate with brackets { and }", self.current.pos)
        self.predicates -= 1
        return Predicate(pos, body)

    # -- what follows an operand -------------------------------------------------------------

    def _postfix(self, node: Node) -> Node:
        while True:
            if self.current.is_operator(".", "?."):
                node = self._member(node)
            elif self.current.is_bracket("["):
                node = self._subscript(node, optional=False)
            else:
                return node

    def _member(self, node: Node) -> Node:
        optional = self.next().value == "?."
        if optional and self.current.is_bracket("["):
            return self._subscript(node, optional=True)
        token = self.next()
        if token.kind is TokenKind.END:
            raise ExprError("unexpected end of expression", token.pos)
        if not _is_property(token):
            raise ExprError("expected name", token.pos)
        chained = isinstance(node, Chain)
        base = node.body if isinstance(node, Chain) else node  # one chain, not a chain in a chain
        prop = Literal(token.pos, token.value)
        called = self.current.is_bracket("(")
        found: Node = Member(token.pos, base, prop, optional, called)
        if called:
            self.bracket("(")
            found = Call(token.pos, found, tuple(self._items(")")))
        return Chain(token.pos, found) if chained or optional else found

    def _subscript(self, node: Node, *, optional: bool) -> Node:
        pos = self.bracket("[").pos
        if self.current.is_operator(":"):
            return self._slice(pos, node, None)
        start = self.expression(0)
        if self.current.is_operator(":"):
            return self._slice(pos, node, start)
        self.bracket("]")
        found = Member(pos, node, start, optional)
        return Chain(pos, found) if optional else found

    def _slice(self, pos: int, node: Node, start: Node | None) -> Node:
        self.operator(":")
        stop = None if self.current.is_bracket("]") else self.expression(0)
        self.bracket("]")
        return Slice(pos, node, start, stop)


def _is_property(token: Token) -> bool:
    """A name, or a word that is elsewhere an operator: `result.in`."""
    if token.kind is TokenKind.NAME:
        return True
    word = token.value
    return (
        token.kind is TokenKind.OPERATOR
        and is_word_start(word[:1])
        and all(map(is_word_part, word))
    )
