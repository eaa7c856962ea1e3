import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.kube import lines as module
from gradatim.kube.lines import json_lines


async def _chunks(*chunks):
    for chunk in chunks:
        yield chunk


async def _read(*chunks):
    return [line async for line in json_lines(_chunks(*chunks))]


@given(st.lists(st.dictionaries(st.text(), st.text(), max_size=3), max_size=6), st.data())
def test_lines_do_not_depend_on_how_the_network_cut_them(virtually, objects, data):
    stream = b"".join(json.dumps(each).encode() + b"\n" for each in objects)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert virtually(_read(*chunks)) == objects


async def test_half_a_line_at_the_end_is_dropped():
    assert await _read(b'{"a": 1}\n{"b"', b": 2") == [{"a": 1}]


async def test_empty_lines_are_nothing():
    assert await _read(b"\n \n", b'{"a":1}\r\n') == [{"a": 1}]


@pytest.mark.parametrize("line", [b"<html>\n", b"[]\n", b"\xff\xfe\n", b"3\n"])
async def test_a_line_that_is_no_object_breaks_the_stream(line):
    with pytest.raises(OSError, match="no JSON"):
        await _read(line)


async def test_a_line_without_end_breaks_the_stream(monkeypatch):
    monkeypatch.setattr(module, "LONGEST_LINE", 10)
    with pytest.raises(OSError, match="too long"):
        await _read(b"x" * 6, b"x" * 6)
