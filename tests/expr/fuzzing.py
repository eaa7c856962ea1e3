"""Conditions and results at random, and what becomes of each: an answer or an `ExprError`, in bounded time.

In: a number of inputs and a seed. Out: `Tally`: how many were answered or refused, and the slowest. `test_fuzzing.py`
tries a few thousand; `python tests/expr/fuzzing.py 100000 7` so many of seed 7, for a search of an hour.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gradatim.expr import DEFAULT, ExprError, Limits, check, lint
from gradatim.expr.condition import Condition

NOW = datetime(2024, 5, 6, tzinfo=UTC)
CASES = [
    json.loads(line)
    for name in ("reference_cases.jsonl", "wording_cases.jsonl")
    for line in Path(__file__).with_name(name).read_text().splitlines()
]
CORPUS = sorted({case["condition"] for case in CASES if "condition" in case})
RESULTS = [case["result"] for case in CASES if "result" in case]

INFIX = (
    "+ - * / % ** ^ == != < > <= >= && || and or in contains startsWith endsWith matches ?? .. |"
)
LOOPS = "all none any one count filter map find findIndex findLast findLastIndex sum groupBy sortBy"
CALLS = """len abs ceil floor round int float string trim upper lower split join replace repeat indexOf
lastIndexOf hasPrefix hasSuffix max min mean median first last take reverse concat flatten uniq sort keys
values toJSON fromJSON toBase64 fromBase64 toPairs fromPairs now duration date timezone type get asInt
asFloat isNaN isInf isNil default bitand bitor bitxor bitnand bitshl bitshr bitushr bitnot"""
LEAVES = """result # #index #acc .a result.a result[0] result?.b $env 0 1 2.5 1e9 0x1F 007 9007199254740993
1e308 "a" 'é' `r` "(a+)+$" "2006-01-02" "1h30m" true false nil [] {} [1,2,3] {a:1} 1..3 1..1000000 x foo"""
#: By type, what gives it: the letters stand for a number, a text, a bool and a list of numbers.
TYPED = {
    "number": """1 0 2.5 -3 N+N N-N N*N N/N N**2 len(L) len(T) sum(L) max(N,N) min(N,N) abs(N) round(N) first(L)
mean(L) count(L,#>N) find(L,{#<N}) findIndex(L,#==N) reduce(L,#acc+#,0) int(N) float(N) (B?N:N) default(result,N)
asFloat(N) indexOf(T,T) result result[0] result.a duration("1h").Hours() let~x=N;x+N bitand(1,3) toPairs({a:N})[0][1]""",
    "text": """"a" 'é1' `r` T+T trim(T) upper(T) string(N) toJSON(L) replace(T,T,T) repeat("ab",3) join(["a"],T) type(N)
T[0:1] (B?T:T) toBase64(T) (result??T) date("2024-01-02").Format(T) split(T,"b")[0]""",
    "bool": """true false N<N N<=N N==N N!=N B&&B (B||B) !B not~(B) T==T T~contains~T T~startsWith~T T~matches~"a+" N~in~L
all(L,#<N) any(L,{#>N}) none(L,#==N) one(L,#>=N) isNaN(N) isInf(N) isNil(result) len(L)>0 (B?B:B) ("a"~in~{a:1}) L==L
date("2024-01-02")<now() (result?.a==nil) (L|any(#>N)) get({a:B},"a") if~B{B}else{B}""",
    "list": """[1,2,3] [N,N] [] 1..4 map(L,#*N) filter(L,#>N) sort(L) reverse(L) take(L,2) concat(L,L) uniq(L) flatten([L,L])
L[1:] L[:-1] sortBy(L,-#) values({a:N}) map(1..3,#+N) (B?L:L) result keys(groupBy(L,#>N))""",
}
LETTERS = {"N": "number", "T": "text", "B": "bool", "L": "list"}
PIECES = "()[]{}.,:;?!#$|&=<>+-*/%^'\"`\\ \n\t0aé\u0000\ud800"
EDGES = [
    0,
    -1,
    1e308,
    -0.0,
    float("nan"),
    float("inf"),
    2**53 + 1,
    2**63,
    -(2**63),
    "",
    "NaN",
    None,
]


@dataclass
class Tally:
    """What became of the inputs. `slowest`: seconds of the processor and the condition."""

    answers: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")

    @property
    def inputs(self) -> int:
        return self.answers.total() + self.refusals.total()


class Dice:
    """Makes conditions and results; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._ways: list[tuple[int, Callable[[], str]]] = [
            (60, lambda: self.typed("bool", self.random.randint(1, 5))),
            (20, lambda: self.expression(self.random.randint(1, 5))),
            (30, self.mutation),
            (15, self.soup),
            (7, self.noise),
            (3, self.nested),
        ]

    def condition(self) -> str:
        weights, ways = zip(*self._ways, strict=True)
        return self.random.choices(ways, weights)[0]()

    def expression(self, depth: int) -> str:
        """A sentence of the grammar, not of the types."""
        pick = self.random.choice
        if depth <= 0:
            return pick(LEAVES.split())

        def inner() -> str:
            return self.expression(depth - self.random.randint(1, 2))

        def arguments() -> str:
            return ", ".join(inner() for _ in range(self.random.choice((0, 1, 1, 1, 2, 2, 3))))

        forms = (
            lambda: f"{inner()} {pick(INFIX.split())} {inner()}",
            lambda: f"({inner()})",
            lambda: f"{pick(('!', '-', 'not ', '+'))}{inner()}",
            lambda: f"{pick(LOOPS.split())}({inner()}, {{{inner()}}})",
            lambda: f"{pick(LOOPS.split())}({inner()}, {inner()})",
            lambda: f"reduce({inner()}, {inner()}, {inner()})",
            lambda: f"{pick(CALLS.split())}({arguments()})",
            lambda: f"{inner()} | {pick(CALLS.split())}({arguments()})",
            lambda: f"{inner()} ? {inner()} : {inner()}",
            lambda: f"if {inner()} {{ {inner()} }} else {{ {inner()} }}",
            lambda: f"let x = {inner()}; {inner()}",
            lambda: f"({inner()})[{inner()}]",
            lambda: f"({inner()})[{inner()}:{inner()}]",
            lambda: f"({inner()}){pick(('.a', '?.a', '.Year()', '.Hours()', '.a.b'))}",
            lambda: f"[{arguments()}]",
            lambda: f"{{a: {inner()}, 'b': {inner()}}}",
        )
        return pick(forms)()

    def typed(self, kind: str, depth: int) -> str:
        """A sentence whose types mostly fit."""
        forms = TYPED[kind].split()
        form = self.random.choice(forms if depth > 0 else forms[:3])
        return "".join(
            f"({self.typed(LETTERS[char], depth - 1)})" if char in LETTERS else char
            for char in form
        ).replace("~", " ")

    def mutation(self) -> str:
        """A real condition with some of it gone, doubled, exchanged or from another one."""
        text = self.random.choice(CORPUS)
        for _ in range(self.random.randint(1, 4)):
            start, end = sorted(self.random.randint(0, len(text)) for _ in range(2))
            other = self.random.choice(CORPUS)
            cut = self.random.randint(0, len(other))
            middle = self.random.choice(
                ("", text[start:end] * 2, other[cut:], self.random.choice(PIECES), other)
            )
            text = (text[:start] + middle + text[end:])[:2_000]
        return text

    def soup(self) -> str:
        words = [*LEAVES.split(), *INFIX.split(), *CALLS.split(), *LOOPS.split(), *PIECES]
        return " ".join(self.random.choices(words, k=self.random.randint(1, 15)))

    def noise(self) -> str:
        raw = self.random.randbytes(self.random.randint(0, 60))
        return raw.decode(self.random.choice(("latin-1", "utf-8")), "surrogateescape")

    def nested(self) -> str:
        """Up to and beyond the limits of depth and length."""
        frame = self.random.choice(
            ("({})", "[{}]", "-{}", "not {}", "map([1], {{{}}})", "{}.a", "{} + 1", "{{a: {}}}", "len({})",
             "true ? {} : 1", "let x = 1; {}", "{} ?? 1", "{} | string()", "{}[0]")
        )  # fmt: skip
        text = "result"
        for _ in range(self.random.choice((70, 80, 81, 160, 400, 3_000))):
            text = frame.format(text)
            if len(text) > 40_000:
                break
        return text

    def result(self) -> Any:
        """A value as JSON has them; now and then one of the corpus, a long one or a deep one."""
        chosen = self.random.random()
        if chosen < 0.3:
            return self.random.choice(RESULTS)
        if chosen < 0.01 + 0.3:
            return [self.random.choice(EDGES) for _ in range(10_000)]
        if chosen < 0.02 + 0.3:
            value: Any = 1
            for _ in range(self.random.choice((100, 5_000))):
                value = [value] if self.random.random() < 0.5 else {"a": value}
            return value
        return self._value(self.random.randint(0, 4))

    def _value(self, depth: int) -> Any:
        kind = self.random.randint(0, 5 if depth else 3)
        match kind:
            case 0:
                return self.random.choice(EDGES)
            case 1:
                return self.random.choice((True, False, self.random.randint(-9, 9)))
            case 2:
                return self.random.uniform(-1e3, 1e3)
            case 3:
                return "".join(self.random.choices("ab1.é -:\u0000", k=self.random.randint(0, 8)))
            case 4:
                return [self._value(depth - 1) for _ in range(self.random.randint(0, 4))]
        return {key: self._value(depth - 1) for key in self.random.sample("abcv", 2)}


def tried(count: int, seed: int, limits: Limits = DEFAULT) -> Tally:
    """So many inputs. What raises anything but an `ExprError` goes through, with its input as a note."""
    dice, tally = Dice(seed), Tally()
    for _ in range(count):
        source, result = dice.condition(), dice.result()
        began = time.process_time()
        try:
            kind, said = _outcome(source, result, limits)
        except BaseException as error:
            error.add_note(f"seed {seed}, condition {source!r}, result {repr(result)[:2_000]}")
            raise
        (tally.answers if kind == "answer" else tally.refusals)[said] += 1
        tally.slowest = max(tally.slowest, (time.process_time() - began, source[:300]))
    return tally


def _outcome(source: str, result: object, limits: Limits) -> tuple[str, str]:
    problem = check(source)
    lint(source)
    try:
        value = Condition(source).value(result, now=NOW, limits=limits)
    except ExprError as error:
        return "refusal", " ".join(error.message.split()[:2])
    if problem is not None:
        raise AssertionError(f"refused before, and answered: {problem}")
    return "answer", type(value).__name__


def main(count: int, seed: int) -> None:
    """Print what became of them."""
    began = time.perf_counter()
    tally = tried(count, seed)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    slowest, source = tally.slowest
    click.echo(f"{tally.inputs} inputs of seed {seed} in {seconds:.0f} s, {peak} MB at most")
    click.echo(f"answers {tally.answers.total()}: {dict(tally.answers.most_common(12))}")
    click.echo(f"refusals {tally.refusals.total()}: {dict(tally.refusals.most_common(25))}")
    click.echo(f"slowest {slowest:.3f} s: {source!r}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
