"""The contract of a metric provider that asks over HTTP with httpx: what it makes of each kind of answer and failure.

In: a subclass that also gives a good answer of the service. Out: test methods that pytest collects in it.
Called by pytest in the plugin author's tests. No network and no sleeping: `ScriptedServer` stands for the service.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest

from gradatim.plugin import FieldPath, Measurement, MetricProvider, ProviderError

from .corpus import HOSTILE_BODIES
from .fakes import Answer, ScriptedServer, echo
from .metric_contract import MetricProviderContract
from .plugin_contract import check_secret_free

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

Scenario = Callable[[MetricProvider], Coroutine[Any, Any, None]]


class HTTPProviderContract(MetricProviderContract):
    """The HTTP set, on top of the basic one.

    Attributes:
        good_answer: what the service says to `good_config`.
        good_value: the value that comes of it.
        no_data_answer: what the service says when it has nothing (None: it has no such answer).
        secret_values: every secret that `query()` holds; none may show up in a message or a repr.
        most_requests: how many requests one measurement may make at most, with its retries.
    """

    good_answer: ClassVar[Answer]
    good_value: ClassVar[object]
    no_data_answer: ClassVar[Answer | None] = None
    secret_values: ClassVar[Sequence[str]] = ()
    most_requests: ClassVar[int] = 1

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

    def _run(self, server: ScriptedServer, scenario: Scenario) -> None:
        import httpx

        server.aside = self.aside

        async def whole() -> None:
            provider = self.provider(httpx.MockTransport(server))
            try:
                await scenario(provider)
            finally:
                await provider.aclose()

        asyncio.run(whole())

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


def _causes(error: BaseException) -> list[str]:
    """Texts of what an error came from: they go into logs with the traceback."""
    texts, cause = [], error.__cause__ or error.__context__
    while cause is not None:
        texts.append(repr(cause))
        cause = cause.__cause__ or cause.__context__
    return texts
