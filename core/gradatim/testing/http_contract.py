"""The contract of a metric provider that asks over HTTP with httpx: what it makes of each kind of answer and failure.

In: a subclass that also gives a good answer of the service. Out: test methods that pytest collects in it.
Called by pytest in the plugin author's tests. No network and no sleeping: `ScriptedServer` stands for the service.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest

from gradatim.plugin import FieldPath, Measurement, MetricProvider, ProviderError

from .corpus import HOSTILE_BODIES
from .fakes import Answer, ScriptedServer, echo
from .metric_contract import MetricProviderContract
from .plugin_contract import check_secret_free
from .virtual import WaitsForEverError, run_virtual

if TYPE_CHECKING:
    import httpx

_FAILURES: Final = (
    "ConnectError",
    "ConnectTimeout",
    "ReadTimeout",
    "ReadError",
    "RemoteProtocolError",
    "PoolTimeout",
)

#: Libraries that log each request, below the level that the controller shows of them.
_LIBRARIES: Final = ("httpx", "httpcore", "asyncio")
#: Characters that one measurement may ask the status to keep.
_LARGEST_KEPT: Final = 65_536

Scenario = Callable[[MetricProvider], Coroutine[Any, Any, None]]


class HTTPProviderContract(MetricProviderContract):
    """The HTTP set, on top of the basic one.

    Attributes:
        good_answer: what the service says to `good_config`.
        good_value: the value that comes of it.
        no_data_answer: what the service says when it has nothing (None: it has no such answer).
        secret_values: every secret that `query()` holds; none may show up in a message or a repr.
        most_requests: how many requests one measurement may make at most, when all is well.
        deadline: seconds after which a service that hangs must be given up, with all retries. The core gives up
            after two minutes.
        largest_body: bytes of an answer that may be read at most.
    """

    good_answer: ClassVar[Answer]
    good_value: ClassVar[object]
    no_data_answer: ClassVar[Answer | None] = None
    secret_values: ClassVar[Sequence[str]] = ()
    most_requests: ClassVar[int] = 1
    deadline: ClassVar[float] = 120.0
    largest_body: ClassVar[int] = 32 * 2**20

    def provider(self, transport: httpx.AsyncBaseTransport) -> MetricProvider:
        """The provider on a transport of the test. By default the class takes it as `transport`."""
        make: Callable[..., MetricProvider] = self.provider_class
        return make(transport=transport)

    def aside(self, request: httpx.Request) -> Answer | None:
        """The answer to a request that is not the query itself, as for a token. None: it is the query."""
        del request
        return None

    def test_a_good_answer_becomes_its_value(self) -> None:
        measurement = self._measured(self.good_answer)
        if measurement.value != self.good_value or measurement.no_data or measurement.running:
            pytest.fail(f"expected the value {self.good_value!r}, got {measurement!r:.500}")
        self._check(measurement)

    def test_no_data_is_said_and_no_error(self) -> None:
        if self.no_data_answer is None:
            pytest.skip("the service has no such answer")
        measurement = self._measured(self.no_data_answer)
        if not measurement.no_data:
            pytest.fail(f"expected no_data, got {measurement!r:.500}")

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
    def test_a_refused_question_is_an_error_and_no_outage(self, status: int) -> None:
        error = self._refused(Answer(status, body={"errors": ["no"]}))
        if error.outage:
            pytest.fail(f"{status} says that the question is wrong: asking again will not help")

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_a_broken_service_is_an_outage(self, status: int) -> None:
        if not self._refused(Answer(status, body=b"<html>oops</html>")).outage:
            pytest.fail(f"{status} says nothing about the release: set outage")

    def test_too_many_requests_is_an_outage_with_the_time_to_come_back(self) -> None:
        error = self._refused(Answer(429, headers={"Retry-After": "7"}))
        if not error.outage or error.retry_after != 7:
            pytest.fail(f"expected outage and 7 s, got {error.outage} and {error.retry_after}")

    def test_a_service_out_of_order_may_say_when_to_come_back_too(self) -> None:
        error = self._refused(Answer(503, headers={"Retry-After": "7"}))
        if not error.outage or error.retry_after != 7:
            pytest.fail(f"expected outage and 7 s, got {error.outage} and {error.retry_after}")

    def test_a_rate_limit_is_told_apart_from_an_outage(self) -> None:
        if not self._refused(Answer(429)).throttled:
            pytest.fail("429 is no fault of the service: set rate_limit with remaining=0")
        if self._refused(Answer(503)).throttled:
            pytest.fail("503 says nothing of a rate limit")

    def test_a_service_that_hangs_is_given_up_in_time(self) -> None:
        errors = []

        async def scenario(provider: MetricProvider) -> None:
            with pytest.raises(ProviderError) as caught:
                await provider.measure(self.query())
            errors.append(caught.value)

        try:
            seconds = self._run(ScriptedServer(Answer(hang=True)), scenario)
        except WaitsForEverError as error:
            raise pytest.fail.Exception(
                "it waits for an answer for ever: set a deadline"
            ) from error
        if not errors[0].outage or seconds > self.deadline:
            pytest.fail(
                f"expected an outage within {self.deadline} s: {errors[0]!r} in {seconds} s"
            )

    def test_a_connection_that_is_closed_half_way_is_an_outage(self) -> None:
        if not self._refused(replace(self.good_answer, cut=True)).outage:
            pytest.fail("half an answer says nothing about the release: set outage")

    def test_an_answer_of_ten_megabytes_is_bounded(self) -> None:
        filler = json.dumps("x" * (10 * 2**20)).encode()
        for body in (filler, b'{"data": ' + filler + b"}", b" " * (10 * 2**20)):
            self._bounded(Answer(body=body))
            self._bounded(Answer(500, body=body))

    def test_an_answer_without_end_is_given_up(self) -> None:
        server = ScriptedServer(replace(self.good_answer, endless=True))

        async def scenario(provider: MetricProvider) -> None:
            with pytest.raises(ProviderError):
                await provider.measure(self.query())

        self._run(server, scenario)
        if server.sent > self.largest_body:
            pytest.fail(f"{server.sent} bytes of an answer without end were read")

    def test_a_compressed_answer_that_is_broken_is_a_provider_error(self) -> None:
        self._refused(Answer(body=b"no gzip", headers={"Content-Encoding": "gzip"}))

    def test_a_redirection_takes_no_secret_to_another_host(self) -> None:
        elsewhere = Answer(302, headers={"Location": "https://elsewhere.invalid/"})
        server = ScriptedServer(elsewhere, self.good_answer)

        async def scenario(provider: MetricProvider) -> None:
            with suppress(ProviderError):
                await provider.measure(self.query())

        self._run(server, scenario)
        for request in server.requests:
            if request.url.host == "elsewhere.invalid":
                check_secret_free(echo(request).decode(), self.secret_values, "a request elsewhere")

    @pytest.mark.parametrize("after", ["soon", "-1", "nan", "1e400", ""])
    def test_an_unreadable_retry_after_is_passed_over(self, after: str) -> None:
        error = self._refused(Answer(429, headers={"Retry-After": after}))
        if error.retry_after is not None and not 0 <= error.retry_after < 10**9:
            pytest.fail(f"Retry-After {after!r} became {error.retry_after}")

    @pytest.mark.parametrize("failure", _FAILURES)
    def test_no_answer_is_an_outage(self, failure: str) -> None:
        if not self._refused(Answer(failure=failure)).outage:
            pytest.fail(f"{failure} says nothing about the release: set outage")

    @pytest.mark.parametrize("body", HOSTILE_BODIES, ids=lambda body: repr(body[:24]))
    def test_whatever_the_body_is_it_is_a_measurement_or_a_provider_error(
        self, body: bytes
    ) -> None:
        async def scenario(provider: MetricProvider) -> None:
            try:
                self._check(await provider.measure(self.query()))
            except ProviderError as error:
                self._check_message(error)

        self._run(ScriptedServer(Answer(body=body)), scenario)

    @pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
    def test_a_service_that_echoes_the_request_gives_no_secret_away(self, status: int) -> None:
        async def scenario(provider: MetricProvider) -> None:
            query = self.query()
            shown = [repr(provider), repr(provider.identity(query)), repr(provider.account(query))]
            for call in self._calls(provider):
                try:
                    shown.append(repr(await call))
                except ProviderError as error:
                    shown += [str(error), repr(error), *_causes(error)]
            for text in shown:
                check_secret_free(text, self.secret_values, "what the provider shows")

        server = ScriptedServer(lambda request: Answer(status, body=echo(request)))
        self._run(server, scenario)

    def test_fifty_at_a_time_on_one_instance(self) -> None:
        async def scenario(provider: MetricProvider) -> None:
            measurements = await asyncio.gather(
                *(provider.measure(self.query()) for _ in range(50))
            )
            if any(measurement.value != self.good_value for measurement in measurements):
                pytest.fail("queries at the same time got each other's answers")

        self._run(ScriptedServer(self.good_answer), scenario)

    def test_a_cancelled_measurement_leaves_the_provider_fit_for_the_next(self) -> None:
        server = ScriptedServer(Answer(hang=True), self.good_answer)

        async def scenario(provider: MetricProvider) -> None:
            task = asyncio.create_task(provider.measure(self.query()))
            await server.entered.wait()
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                pytest.fail("the provider swallowed its cancellation")
            if (await provider.measure(self.query())).value != self.good_value:
                pytest.fail("after a cancelled measurement the next one is wrong")

        self._run(server, scenario)

    def test_one_measurement_makes_few_requests(self) -> None:
        server = ScriptedServer(self.good_answer)

        async def scenario(provider: MetricProvider) -> None:
            await provider.measure(self.query())

        self._run(server, scenario)
        if not 1 <= len(server.requests) <= self.most_requests:
            pytest.fail(f"{len(server.requests)} requests for one measurement")

    def test_a_cookie_is_not_kept_for_the_next(self) -> None:
        headers = {**self.good_answer.headers, "Set-Cookie": "session=1; Path=/"}
        server = ScriptedServer(replace(self.good_answer, headers=headers))

        async def scenario(provider: MetricProvider) -> None:
            await provider.measure(self.query())
            await provider.measure(self.query())

        self._run(server, scenario)
        if any("cookie" in request.headers for request in server.requests):
            pytest.fail("one instance serves every tenant: a session of one must not reach another")

    def test_the_probe_says_nothing_when_all_is_well_and_never_raises(self) -> None:
        async def scenario(provider: MetricProvider) -> None:
            problems = await provider.probe(self.query(), FieldPath("spec"))
            if problems:
                pytest.fail(f"the probe of a sound query found {problems[0]}")

        async def unwell(provider: MetricProvider) -> None:
            await provider.probe(self.query(), FieldPath("spec"))

        self._run(ScriptedServer(self.good_answer), scenario)
        for answer in (Answer(401), Answer(500), Answer(failure="ConnectError")):
            self._run(ScriptedServer(answer), unwell)

    def test_after_closing_the_next_measurement_works_or_says_why(self) -> None:
        async def scenario(provider: MetricProvider) -> None:
            await provider.measure(self.query())
            await provider.aclose()
            try:
                await provider.measure(self.query())
            except ProviderError:
                return
            except Exception as error:
                raise pytest.fail.Exception(f"after closing it raised {error!r:.300}") from error

        self._run(ScriptedServer(self.good_answer), scenario)

    def test_nothing_that_it_logs_holds_a_secret(self, caplog: pytest.LogCaptureFixture) -> None:
        async def scenario(provider: MetricProvider) -> None:
            for call in self._calls(provider):
                with suppress(ProviderError):
                    await call

        # DEBUG of the provider's own; of the libraries beneath it what the controller lets through.
        caplog.set_level(logging.DEBUG)
        for status in (200, 401, 500):
            self._run(ScriptedServer(partial(_echoing, status)), scenario)
        for record in caplog.records:
            if record.levelno >= logging.WARNING or not record.name.startswith(_LIBRARIES):
                check_secret_free(record.getMessage(), self.secret_values, "the log")

    def _unconnected(self) -> MetricProvider:
        import httpx

        server = ScriptedServer(Answer(failure="ConnectError"))
        server.aside = self.aside
        return self.provider(httpx.MockTransport(server))

    def _bounded(self, answer: Answer) -> None:
        async def scenario(provider: MetricProvider) -> None:
            try:
                measurement = await provider.measure(self.query())
            except ProviderError as error:
                self._check_message(error)
                return
            kept = len(measurement.text) + sum(map(len, measurement.metadata.values()))
            if kept > _LARGEST_KEPT:
                pytest.fail(f"{kept} characters are to be kept of one measurement")

        self._run(ScriptedServer(answer), scenario)

    def _calls(self, provider: MetricProvider) -> list[Awaitable[object]]:
        return [provider.measure(self.query()), provider.probe(self.query(), FieldPath("spec"))]

    def _measured(self, answer: Answer) -> Measurement:
        measurements = []

        async def scenario(provider: MetricProvider) -> None:
            measurements.append(await provider.measure(self.query()))

        self._run(ScriptedServer(answer), scenario)
        return measurements[0]

    def _refused(self, answer: Answer) -> ProviderError:
        errors = []

        async def scenario(provider: MetricProvider) -> None:
            with pytest.raises(ProviderError) as caught:
                await provider.measure(self.query())
            errors.append(caught.value)

        self._run(ScriptedServer(answer), scenario)
        self._check_message(errors[0])
        return errors[0]

    def _run(self, server: ScriptedServer, scenario: Scenario) -> float:
        """Play a scenario in time that takes no time; gives how many seconds it would have taken."""
        import httpx

        server.aside = self.aside

        async def whole() -> None:
            provider = self.provider(httpx.MockTransport(server))
            try:
                await scenario(provider)
            finally:
                await provider.aclose()

        return run_virtual(whole())[1]

    def _check(self, measurement: Measurement) -> None:
        if not isinstance(measurement.text, str):
            pytest.fail(f"the text of {measurement!r:.300} is none")
        json.dumps(measurement.value)
        for text in (measurement.text, measurement.message, *measurement.metadata.values()):
            text.encode()
        check_secret_free(repr(measurement), self.secret_values, "a measurement")

    def _check_message(self, error: ProviderError) -> None:
        message = str(error)
        if not message or "\n" in message or len(message) > 1_000:
            pytest.fail(f"not a message of one line: {message!r:.1200}")
        check_secret_free(message, self.secret_values, "an error")


def _echoing(status: int, request: httpx.Request) -> Answer:
    return Answer(status, body=echo(request))


def _causes(error: BaseException) -> list[str]:
    """Texts of what an error came from: they go into logs with the traceback."""
    texts, cause = [], error.__cause__ or error.__context__
    while cause is not None:
        texts.append(repr(cause))
        cause = cause.__cause__ or cause.__context__
    return texts
