"""Against a real Prometheus server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gradatim.plugin import FieldPath, ProviderError, Query
from gradatim_prometheus import PrometheusProvider
from gradatim_prometheus.config import END, START

pytestmark = pytest.mark.prometheus

PATH = FieldPath("spec", "metrics", 0, "provider", "prometheus")


@dataclass
class Asked:
    """A provider and the server it is to ask."""

    address: str
    moment: datetime
    provider: PrometheusProvider = field(default_factory=PrometheusProvider)
    certificate: str = ""
    times: Mapping[FieldPath, datetime] = field(default_factory=dict)

    def query(self, expression: str, **config: Any) -> Query:
        return Query(
            config={"address": self.address, "query": expression, **config},
            metric="success-rate",
            namespace="shop",
            now=self.moment,
            times=self.times,
        )

    async def measure(self, expression: str, **config: Any):
        return await self.provider.measure(self.query(expression, **config))

    async def probe(self, expression: str, **config: Any) -> list[str]:
        query = self.query(expression, **config)
        return [str(one) for one in await self.provider.probe(query, PATH)]


@pytest.fixture
async def server(prometheus_server):
    asked = Asked(prometheus_server.address, prometheus_server.moment)
    yield asked
    await asked.provider.aclose()


@pytest.fixture
async def guarded(guarded_prometheus_server):
    asked = Asked(guarded_prometheus_server.address, guarded_prometheus_server.moment)
    asked.certificate = guarded_prometheus_server.certificate
    yield asked
    await asked.provider.aclose()


@pytest.mark.parametrize(
    ("expression", "value", "text"),
    [
        pytest.param(
            'http_success_ratio{service="checkout"}',
            [0.95],
            "[0.95]",
            id="a vector of one is a list",
        ),
        pytest.param(
            "sort(http_success_ratio)",
            [0.95, 1.0],
            "[0.95,1]",
            id="a vector of two keeps its order",
        ),
        pytest.param(
            'http_success_ratio{service="checkout"}[10m]',
            [0.97, 0.95],
            "[0.97,0.95]",
            id="a matrix is a flat list",
        ),
        pytest.param("scalar(http_requests)", 12345678.0, "12345678", id="a scalar is a number"),
        pytest.param("http_requests * 1e6", [12345678e6], "[12345678000000]", id="no exponent"),
        pytest.param("vector(1e-7)", [1e-7], "[0.0000001]", id="no negative exponent either"),
        pytest.param("1/0", float("inf"), "+Inf", id="infinity"),
        pytest.param("vector(-1/0)", [float("-inf")], "[-Inf]", id="minus infinity"),
    ],
)
async def test_measures(server, expression: str, value: object, text: str) -> None:
    measured = await server.measure(expression)
    assert (measured.value, measured.text) == (value, text)
    assert not measured.no_data
    assert measured.verdict is None


async def test_nan_is_a_value_and_its_text_is_what_prometheus_prints(server) -> None:
    measured = await server.measure("0/vector(0)")
    assert [str(one) for one in measured.value] == ["nan"]
    assert (measured.text, measured.no_data) == ("[NaN]", False)


@pytest.mark.parametrize("expression", ["nothing_by_this_name", "nothing_by_this_name[5m]"])
async def test_an_empty_result_is_an_answer_without_data(server, expression: str) -> None:
    measured = await server.measure(expression)
    assert (measured.value, measured.text, measured.no_data) == ([], "[]", True)


async def test_samples_are_those_of_the_moment_of_asking(server) -> None:
    later = Asked(server.address, server.moment.replace(hour=13))
    assert (await later.measure("http_success_ratio")).no_data
    await later.provider.aclose()


async def test_a_string_is_no_measurement(server) -> None:
    with pytest.raises(ProviderError, match="yields a string"):
        await server.measure('"healthy"')


async def test_a_query_that_does_not_parse_says_why_and_is_no_outage(server) -> None:
    with pytest.raises(
        ProviderError, match=r"refused the query \(400\): bad_data: .*parse error"
    ) as caught:
        await server.measure("sum(http_requests")
    assert not caught.value.outage


async def test_a_query_that_fails_says_why(server) -> None:
    with pytest.raises(ProviderError, match=r"refused the query \(422\): execution: .*duplicate"):
        await server.measure("http_success_ratio * on() group_left() http_success_ratio")


async def test_a_trailing_slash_does_not_matter(server) -> None:
    asked = Asked(server.address + "/", server.moment, server.provider)
    assert (await asked.measure("vector(1)")).value == [1.0]


async def test_a_sound_query_has_no_problems_even_without_data(server) -> None:
    assert await server.probe("nothing_by_this_name") == []


async def test_a_probe_finds_the_query_that_does_not_parse(server) -> None:
    (problem,) = await server.probe("sum(")
    assert problem.startswith("spec.metrics[0].provider.prometheus.query: Prometheus at http://127")
    assert "parse error" in problem


async def test_a_probe_finds_the_query_that_yields_a_string(server) -> None:
    (problem,) = await server.probe('"healthy"')
    assert problem.startswith(
        "spec.metrics[0].provider.prometheus.query: the query yields a string"
    )


async def test_a_probe_asks_about_the_server_when_the_query_still_waits_for_an_argument(
    server,
) -> None:
    assert await server.probe("sum({{args.selector}})") == []


async def test_basic_authentication_opens_the_guarded_server(guarded) -> None:
    user = {"username": "gradatim", "password": "open-sesame"}
    measured = await guarded.measure("vector(1)", insecure=True, authentication={"basicAuth": user})
    assert measured.value == [1.0]


async def test_the_wrong_password_is_named_as_such_and_not_repeated(guarded) -> None:
    user = {"username": "gradatim", "password": "open-barley"}
    (problem,) = await guarded.probe("vector(1)", insecure=True, authentication={"basicAuth": user})
    assert problem.startswith("spec.metrics[0].provider.prometheus.authentication: ")
    assert "refused the credentials (401)" in problem
    assert "barley" not in problem


async def test_credentials_in_the_address_open_it_too(guarded) -> None:
    address = guarded.address.replace("https://", "https://gradatim:open-sesame@")
    asked = Asked(address, guarded.moment, guarded.provider)
    assert (await asked.measure("vector(1)", insecure=True)).value == [1.0]


async def test_a_certificate_that_nobody_vouches_for_is_refused(guarded) -> None:
    with pytest.raises(ProviderError, match="certificate verify failed") as caught:
        await guarded.measure("vector(1)")
    assert caught.value.outage


def _text(path: str | Path) -> str:
    return Path(path).read_text()


async def test_a_certificate_that_the_block_vouches_for_is_taken_and_no_other(guarded) -> None:
    user = {"username": "gradatim", "password": "open-sesame"}
    ours = _text(guarded.certificate)
    config = {"authentication": {"basicAuth": user}}
    assert (await guarded.measure("vector(1)", caCert=ours, **config)).value == [1.0]
    other = _text(Path(__file__).with_name("ca.pem"))
    with pytest.raises(ProviderError, match="certificate verify failed"):
        await guarded.measure("vector(1)", caCert=other, **config)
    broken = "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----"
    with pytest.raises(ProviderError, match="caCert holds no certificate") as caught:
        await guarded.measure("vector(1)", caCert=broken, **config)
    assert caught.value.field == "caCert"


async def test_a_certificate_that_the_environment_vouches_for_is_taken(
    guarded, monkeypatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", guarded.certificate)
    user = {"username": "gradatim", "password": "open-sesame"}
    asked = Asked(guarded.address, guarded.moment)
    measured = await asked.measure("vector(1)", authentication={"basicAuth": user})
    await asked.provider.aclose()
    assert measured.value == [1.0]


def _over(asked: Asked, start: timedelta, end: timedelta = timedelta()) -> Asked:
    times = {START: asked.moment - start, END: asked.moment - end}
    return Asked(asked.address, asked.moment, asked.provider, times=times)


RANGE = {"start": 'now() - duration("5m")', "end": "now()", "step": "1m"}


async def test_a_range_query_gives_one_flat_list_series_after_series(server) -> None:
    asked = _over(server, timedelta(minutes=5))
    measured = await asked.measure("sort(http_success_ratio)", rangeQuery=RANGE)
    # the range vector's order is that of the labels; samples stay valid for five minutes
    assert measured.value == [1.0, 1.0, 0.97, 0.97, 0.97, 0.97, 0.95, 0.95]
    assert measured.text == "[1,1,0.97,0.97,0.97,0.97,0.95,0.95]"


async def test_a_range_without_samples_has_no_data(server) -> None:
    asked = _over(server, timedelta(hours=3), timedelta(hours=2))
    measured = await asked.measure("http_success_ratio", rangeQuery=RANGE)
    assert (measured.value, measured.no_data) == ([], True)


@pytest.mark.parametrize(
    ("start", "end", "step", "message"),
    [
        pytest.param(0, 60, "1m", "end timestamp must not be before start time", id="back in time"),
        pytest.param(3600, 0, "1ms", "exceeded maximum resolution", id="too many points"),
    ],
)
async def test_a_range_that_the_server_refuses_is_named_as_such(
    server, start: int, end: int, step: str, message: str
) -> None:
    asked = _over(server, timedelta(seconds=start), timedelta(seconds=end))
    (problem,) = await asked.probe("up", rangeQuery={**RANGE, "step": step})
    assert problem.startswith("spec.metrics[0].provider.prometheus.rangeQuery: Prometheus at")
    assert message in problem


async def test_a_service_that_is_really_scraped_is_judged_through_tls_and_a_password(
    scraping_prometheus_server, scraped
) -> None:
    assert scraped.served.wait(timeout=30)
    user = {"username": "gradatim", "password": "open-sesame"}
    ca = _text(scraping_prometheus_server.certificate)
    config = {"caCert": ca, "authentication": {"basicAuth": user}}
    share = (
        'sum(shop_requests_total{code="200"}) / sum(shop_requests_total)',
        'count_over_time(shop_requests_total{code="200"}[1m]) > 3',
    )
    asked = Asked(scraping_prometheus_server.address, datetime.now(UTC))
    for _ in range(2000):  # the server stores what it has scraped a moment later
        asked.moment = datetime.now(UTC)
        if not (await asked.measure(share[1], **config)).no_data:
            break
    measured = await asked.measure(share[0], **config)
    over = _over(asked, timedelta(milliseconds=400))
    series = await over.measure(share[0], rangeQuery={**RANGE, "step": "200ms"}, **config)
    await asked.provider.aclose()
    assert (measured.value, measured.text) == ([0.97], "[0.97]")
    assert series.value == [0.97] * 3
