from hypothesis import given
from hypothesis import strategies as st

from gradatim.kube.ratelimit import TokenBucket

steps = st.lists(st.floats(0, 3), min_size=1, max_size=200)


@given(st.floats(0.1, 50), st.integers(1, 20), steps)
def test_never_more_than_the_burst_and_the_rate_allow(rate, burst, pauses):
    bucket, now, taken = TokenBucket(rate, burst), 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.try_take(now)
        assert taken <= burst + rate * now + 1e-6


@given(st.floats(0.1, 50), st.integers(1, 20), steps)
def test_reservations_keep_their_order_and_the_rate(rate, burst, pauses):
    bucket, now, starts = TokenBucket(rate, burst), 0.0, []
    for pause in pauses:
        now += pause
        starts.append(now + bucket.reserve(now))
    assert starts == sorted(starts)
    for first, later in zip(starts, starts[burst:], strict=False):
        assert later - first >= 1 / rate - 1e-6


def test_the_burst_is_free_and_then_it_waits():
    bucket = TokenBucket(10, 3)
    assert [bucket.reserve(5.0) for _ in range(5)] == [0, 0, 0, 0.1, 0.2]


def test_a_clock_that_goes_back_gives_nothing():
    bucket = TokenBucket(1, 1)
    assert bucket.try_take(100)
    assert not bucket.try_take(0)
    assert not bucket.try_take(100.5)
    assert bucket.try_take(101)


def test_no_rate_is_no_limit():
    bucket = TokenBucket(0, 1)
    assert all(bucket.reserve(0) == 0 and bucket.try_take(0) for _ in range(1000))
