"""Who looks at what."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gradatim.run.dependencies import Dependencies


def test_a_change_concerns_all_who_look_at_it() -> None:
    looks: Dependencies[str] = Dependencies()
    looks.set("a", ["service", "template"])
    looks.set("b", ["service"])
    assert set(looks.on("service")) == {"a", "b"}
    assert looks.on("template") == ("a",)
    looks.set("a", ["other"])
    assert looks.on("service") == ("b",)
    assert looks.on("template") == ()
    looks.forget("b")
    assert looks.on("service") == ()


NAMES = st.sampled_from("abcd")


@given(st.lists(st.tuples(NAMES, st.frozensets(st.integers(0, 4)))))
def test_both_directions_agree_and_nothing_is_left_of_who_is_forgotten(
    history: list[tuple[str, frozenset[int]]],
) -> None:
    looks: Dependencies[str] = Dependencies()
    now: dict[str, frozenset[int]] = {}
    for name, things in history:
        looks.set(name, things)
        now[name] = things
    for thing in range(5):
        assert set(looks.on(thing)) == {n for n, things in now.items() if thing in things}
    for name in now:
        looks.forget(name)
    assert vars(looks) == {"_of": {}, "_dependents": {}}
