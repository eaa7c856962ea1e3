import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradatim.errors import SetupError
from gradatim.kube.lease import Election, LeaseLost, LeaseTiming
from gradatim.kube.resources import LEASES

LOCK = LEASES.at("argo-rollouts", "argo-rollouts-controller-lock")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def election_of(store, identity, *, skew=0.0, **timing):
    loop = asyncio.get_running_loop()
    return Election(
        store,
        LOCK,
        identity,
        LeaseTiming(
            clock=loop.time,
            now=lambda: START + timedelta(seconds=loop.time() + skew),
            jitter=lambda: 0.0,
            **timing,
        ),
    )


def spec(store):
    return store.objects[LOCK.path]["spec"]


def now():
    return asyncio.get_running_loop().time()


def test_a_lease_that_does_not_exist_is_created(virtually, store):
    async def body():
        election = election_of(store, "one")
        await election.acquire()
        return election.is_leader, election.leader

    assert virtually(body()) == (True, "one")
    assert spec(store) == {
        "holderIdentity": "one",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-03-01T12:00:00.000000Z",
        "renewTime": "2026-03-01T12:00:00.000000Z",
        "leaseTransitions": 0,
    }


def test_renewing_keeps_the_time_of_acquisition_and_reads_nothing(virtually, store):
    async def body():
        election = election_of(store, "one")
        await election.acquire()
        store.requests.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(election.renew(), 7)

    virtually(body())
    assert [method for method, _ in store.requests] == ["PUT"] * 3  # at 2, 4 and 6 s
    assert spec(store)["acquireTime"] == "2026-03-01T12:00:00.000000Z"
    assert spec(store)["renewTime"] == "2026-03-01T12:00:06.000000Z"


@pytest.mark.parametrize("skew", [0.0, -3600.0, 3600.0])
def test_a_dead_leader_is_replaced_after_its_time_whatever_its_clock_says(virtually, store, skew):
    async def body():
        await election_of(store, "dead", skew=skew).acquire()
        await asyncio.sleep(5)
        second = election_of(store, "two")
        await second.acquire()
        return now()

    # seen first at 5 s: free when it has not changed for 15 s, tried every 2 s
    assert virtually(body()) == 21
    assert (spec(store)["holderIdentity"], spec(store)["leaseTransitions"]) == ("two", 1)


def test_a_living_leader_is_not_replaced(virtually, store):
    async def body():
        first, second = election_of(store, "one"), election_of(store, "two")
        await first.acquire()
        renewing = asyncio.create_task(first.renew())
        with suppress(TimeoutError):
            await asyncio.wait_for(second.acquire(), 120)
        renewing.cancel()
        return first.is_leader, second.is_leader, second.leader

    assert virtually(body()) == (True, False, "one")


def test_a_released_lease_is_taken_at_the_next_try(virtually, store):
    async def body():
        first, second = election_of(store, "one"), election_of(store, "two")
        await first.acquire()
        loop = asyncio.get_running_loop()
        loop.call_later(4.5, lambda: loop.create_task(first.release()))
        await second.acquire()
        return now(), first.is_leader

    assert virtually(body()) == (6.0, False)
    assert spec(store)["leaseTransitions"] == 1


FAULTS = [
    ("the server refuses", "refuse", 4.0 + 8),
    ("the server does not answer", "hang", 4.0 + 10),
]


@pytest.mark.parametrize(("fault", "_latest"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_leader_that_cannot_renew_stops_before_another_one_may_start(
    virtually, store, fault, _latest
):
    async def body():
        election = election_of(store, "one")
        await election.acquire()
        worked = []

        async def work():
            while True:
                worked.append(now())
                await asyncio.sleep(0.5)

        loop = asyncio.get_running_loop()
        broken = dict.fromkeys(["PUT", "GET"], 500)
        loop.call_later(
            3, (store.refuse.update if fault == "refuse" else store.hang.update), broken
        )
        with pytest.raises(LeaseLost, match="argo-rollouts-controller-lock: not renewed in time"):
            await election.lead(work)
        return worked[-1]

    last_renewal = 2.0
    assert last_renewal + 8 < virtually(body()) < last_renewal + 15


def test_a_lease_taken_by_another_one_is_lost_at_once(virtually, store):
    async def body():
        election = election_of(store, "one")

        async def work():
            await asyncio.sleep(5)
            lease = store.objects[LOCK.path]
            metadata = {**lease["metadata"], "resourceVersion": "999"}
            taken = {**lease["spec"], "holderIdentity": "thief", "leaseTransitions": 7}
            store.objects[LOCK.path] = {**lease, "metadata": metadata, "spec": taken}
            await asyncio.sleep(100)

        with pytest.raises(LeaseLost, match="taken by thief"):
            await election.lead(work)
        return now(), election.is_leader

    assert virtually(body()) == (6.0, False)
    assert spec(store)["holderIdentity"] == "thief"


def test_a_short_fault_of_the_server_costs_nothing(virtually, store):
    async def body():
        loop = asyncio.get_running_loop()
        loop.call_later(3, store.refuse.update, {"PUT": 500, "GET": 500})
        loop.call_later(9, store.refuse.clear)
        election = election_of(store, "one")
        await election.lead(lambda: asyncio.sleep(60))
        return election.fault

    assert virtually(body()) == ""


def test_when_the_work_ends_the_lease_is_given_up(virtually, store):
    async def body():
        await election_of(store, "one").lead(lambda: asyncio.sleep(5))

    virtually(body())
    assert (spec(store)["holderIdentity"], spec(store)["leaseDurationSeconds"]) == ("", 1)


def test_when_it_is_cancelled_the_work_ends_first_and_then_the_lease(virtually, store):
    order = []

    async def body():
        async def work():
            try:
                await asyncio.sleep(100)
            finally:
                await asyncio.sleep(1)
                order.append(spec(store)["holderIdentity"])

        task = asyncio.create_task(election_of(store, "one").lead(work))
        await asyncio.sleep(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        order.append(spec(store)["holderIdentity"])

    virtually(body())
    assert order == ["one", ""]


def test_the_works_own_fault_comes_out(virtually, store):
    async def work():
        raise ValueError("mine")

    async def body():
        await election_of(store, "one").lead(work)

    with pytest.raises(ValueError, match="mine"):
        virtually(body())
    assert spec(store)["holderIdentity"] == ""


def test_a_server_that_is_away_at_the_start_is_waited_for(virtually, store):
    async def body():
        store.refuse["GET"] = 503
        asyncio.get_running_loop().call_later(5, store.refuse.clear)
        await election_of(store, "one").acquire()
        return now()

    assert virtually(body()) == 6


SETUP = [
    (
        "we may not read it",
        {"GET": 403},
        "leader election: get leases.coordination.k8s.io argo-rollouts/",
    ),
    ("we may not create it", {"POST": 403}, "leader election: create leases.coordination.k8s.io"),
    (
        "its namespace does not exist",
        {"POST": 404},
        "leader election: create leases.coordination.k8s.io",
    ),
]


@pytest.mark.parametrize(("refuse", "said"), [s[1:] for s in SETUP], ids=[s[0] for s in SETUP])
def test_what_the_operator_must_mend_is_said_at_once(virtually, store, refuse, said):
    store.refuse.update(refuse)

    async def body():
        await election_of(store, "one").acquire()

    with pytest.raises(SetupError, match=said):
        virtually(body())


def test_fields_of_others_survive_a_renewal(virtually, store):
    async def body():
        election = election_of(store, "one")
        await election.acquire()
        lease = store.objects[LOCK.path]
        lease["metadata"]["labels"] = {"kept": "yes"}
        lease["spec"]["strategy"] = "OldestEmulationVersion"
        with suppress(TimeoutError):
            await asyncio.wait_for(election.renew(), 5)

    virtually(body())
    assert store.objects[LOCK.path]["metadata"]["labels"] == {"kept": "yes"}
    assert spec(store)["strategy"] == "OldestEmulationVersion"


class Flaky:
    """A candidate's own network: at times it refuses, swallows requests, or is late with answers."""

    def __init__(self, store, faults):
        self.store = store
        self.faults = faults

    async def send(self, *request, timeout, **more):
        fault = next((kind for start, end, kind in self.faults if start <= now() < end), "none")
        if fault == "refused":
            raise ConnectionRefusedError
        if fault == "lost":
            await asyncio.sleep(timeout)
            raise TimeoutError
        answer = await self.store.send(*request, timeout=timeout, **more)
        if fault == "late":
            await asyncio.sleep(4.9)
        if fault == "answer lost":
            await asyncio.sleep(timeout)
            raise TimeoutError
        return answer


faults = st.lists(
    st.builds(
        lambda start, length, kind: (start, start + length, kind),
        st.floats(0, 100),
        st.floats(0, 40),
        st.sampled_from(["refused", "lost", "late", "answer lost"]),
    ),
    max_size=3,
)


@given(st.lists(faults, min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_never_two_lead_at_once_and_someone_leads_in_the_end(virtually, new_store, networks):
    store, leading, led = new_store(), [], []

    async def candidate(number):
        async def work():
            assert leading == []
            leading.append(number)
            led.append((number, now()))
            try:
                await asyncio.sleep(1000)
            finally:
                leading.clear()

        election = election_of(Flaky(store, networks[number]), f"candidate-{number}")
        while True:
            with suppress(LeaseLost):
                await election.lead(work)

    async def body():
        # after 140 s all faults are over, and 30 s later there is a leader
        with suppress(TimeoutError):
            async with asyncio.timeout(170), asyncio.TaskGroup() as group:
                for number in range(3):
                    group.create_task(candidate(number))
                await asyncio.sleep(169)
                assert len(leading) == 1

    virtually(body())
    assert led
