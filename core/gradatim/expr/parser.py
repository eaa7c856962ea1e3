"""Goes in: the text of a condition. Comes out: its syntax tree.
Called by `condition.py`. Precedence climbing, with the grammar of expr-lang 1.17.
"""

from __future__ import annotations

from gradatim.expr import numerals
from gradatim.expr.cursor import Cursor
from gradatim.expr.errors import ExprError
from gradatim.expr.lexer import Token, TokenKind, is_word_part, is_word_start, tokens_of
from gradatim.expr.limits import DEFAULT, Limits
from gradatim.expr.operators import (
    BINARY,
    COMPARISONS,
    FUNCTIONS,
    NEGATABLE,
    PREDICATES,
    PREFIX,
    RIGHT,
)
from gradatim.expr.syntax import (
    Binary,
    Builtin,
    Call,
    Chain,
    Conditional,
    Let,
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
    children,
)

_CONSTANTS = {"true": True, "false": False, "nil": None}
_MIXED = "Operator ({}) and coalesce expressions (??) cannot be mixed. Wrap either by parentheses."
_KEY = (
    "a map key must be a quoted string, a number, a identifier, "
    "or an expression enclosed in parentheses"
)
_KEYS = (TokenKind.NUMBER, TokenKind.STRING, TokenKind.NAME)


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


class _Parser(Cursor):
    def __init__(self, tokens: list[Token], fault: ExprError | None, limits: Limits) -> None:
        super().__init__(tokens, fault)
        self.limits = limits
        self.nesting = 0
        self.predicates = 0  # how many predicates we are inside of

    # -- expressions -------------------------------------------------------------------------

    def sequence(self) -> Node:
        start = self.current.pos
        items = [self.expression(0)]
        while self.current.is_operator(";"):
            self.next()
            if self.current.kind is TokenKind.END:  # only the very last one may trail
                break
            items.append(self.expression(0))
        return items[0] if len(items) == 1 else Sequence(start, tuple(items))

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

    def block(self) -> Node:
        self.bracket("{")
        node = self.sequence()
        self.bracket("}")
        return node

    # -- operands ----------------------------------------------------------------------------

    def primary(self) -> Node:
        token = self.current
        if token.kind is TokenKind.OPERATOR:
            return self.prefixed(token)
        if token.is_bracket("("):
            self.next()
            node = self.sequence()
            self.bracket(")")
            return self.postfix(node)
        if token.kind is TokenKind.NAME:
            return self.named()
        if token.kind is TokenKind.NUMBER:
            self.next()
            return Literal(token.pos, numerals.literal(token.value, token.pos))
        if token.kind is TokenKind.STRING:
            self.next()
            return self.postfix(Literal(token.pos, token.value))
        if token.is_bracket("["):
            return self.postfix(self.list_literal())
        if token.is_bracket("{"):
            return self.postfix(self.map_literal())
        raise self.unexpected()

    def prefixed(self, token: Token) -> Node:
        if token.value in PREFIX:
            self.next()
            operand = self.expression(PREFIX[token.value])
            return self.postfix(Unary(token.pos, token.value, operand))
        if self.predicates and token.value in ("#", "."):
            return self.pointer(token)
        if token.value == "::":
            self.next()
            return self.postfix(self.call(self.name(), ()))
        raise self.unexpected()

    def pointer(self, token: Token) -> Node:
        name = ""
        if token.value == "#":
            self.next()
            if self.current.kind is TokenKind.NAME:
                name = self.next().value
        return self.postfix(Pointer(token.pos, name))

    def named(self) -> Node:
        token = self.next()
        if token.value in _CONSTANTS:
            return Literal(token.pos, _CONSTANTS[token.value])
        if self.current.is_bracket("("):
            return self.postfix(self.call(token, ()))
        return self.postfix(Name(token.pos, token.value))

    def list_literal(self) -> Node:
        pos = self.bracket("[").pos
        return ListLiteral(pos, tuple(self.items("]")))

    def items(self, end: str) -> list[Node]:
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

    def map_literal(self) -> Node:
        pos = self.bracket("{").pos
        found: list[Node] = []
        while not self.current.is_bracket("}"):
            if found:
                self.operator(",")
                if self.current.is_bracket("}"):
                    break
                if self.current.is_operator(","):
                    raise self.unexpected()
            found.append(self.key())
            self.operator(":")
            found.append(self.expression(0))
        self.bracket("}")
        return MapLiteral(pos, tuple(found))

    def key(self) -> Node:
        if self.current.kind in _KEYS:
            token = self.next()
            return Literal(token.pos, token.value)
        if self.current.is_bracket("("):
            return self.expression(0)
        raise ExprError(f"{_KEY} (unexpected token {self.current})", self.current.pos)

    # -- calls -------------------------------------------------------------------------------

    def call(self, token: Token, piped: tuple[Node, ...]) -> Node:
        if token.value in PREDICATES:
            return self.predicate_call(token, piped)
        self.bracket("(")
        args = (*piped, *self.items(")"))
        if token.value in FUNCTIONS:
            return Builtin(token.pos, token.value, args)
        return Call(token.pos, Name(token.pos, token.value), args)

    def predicate_call(self, token: Token, piped: tuple[Node, ...]) -> Node:
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
            args.append(self.predicate() if "predicate" in wanted else self.expression(0))
        if self.current.is_operator(","):
            self.next()
        self.bracket(")")
        return Builtin(token.pos, token.value, tuple(args))

    def predicate(self) -> Node:
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

    def postfix(self, node: Node) -> Node:
        while True:
            if self.current.is_operator(".", "?."):
                node = self.member(node)
            elif self.current.is_bracket("["):
                node = self.subscript(node, optional=False)
            else:
                return node

    def member(self, node: Node) -> Node:
        optional = self.next().value == "?."
        if optional and self.current.is_bracket("["):
            return self.subscript(node, optional=True)
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
            found = Call(token.pos, found, tuple(self.items(")")))
        return Chain(token.pos, found) if chained or optional else found

    def subscript(self, node: Node, *, optional: bool) -> Node:
        pos = self.bracket("[").pos
        if self.current.is_operator(":"):
            return self.slice(pos, node, None)
        start = self.expression(0)
        if self.current.is_operator(":"):
            return self.slice(pos, node, start)
        self.bracket("]")
        found = Member(pos, node, start, optional)
        return Chain(pos, found) if optional else found

    def slice(self, pos: int, node: Node, start: Node | None) -> Node:
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
