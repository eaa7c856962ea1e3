"""The contracts for providers: each broken provider is caught by the test that is named for it.

That a sound one passes is shown with the built-in `web`, in tests/builtin/test_web_contract.py.
"""

import asyncio
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import httpx
import pytest

from gradatim import plugin as api
from gradatim.builtin.web.provider import WebProvider
from gradatim.plugin import FieldPath, Json, Measurement, Problem, ProviderError, Query, SecretRef
from gradatim.testing.fakes import Answer
from gradatim.testing.http_contract import HTTPProviderContract


class Sound(HTTPProviderContract):
    module = "gradatim.builtin.web"
    provider_class = WebProvider
    good_config: ClassVar = {
        "url": "http://a.example/",
        "headers": [{"key": "K", "value": "s3cret"}],
    }
    wrong_configs = (({}, "url"),)
    fixed_fields = frozenset({"method"})
    good_answer = Answer(body=5)
    good_value = 5.0
    secret_values = ("s3cret",)
    secret_data: ClassVar = {SecretRef("datadog"): {"api-key": "k"}}
    environment_data: ClassVar = {"GRADATIM_WEB_PLAIN_TEXT": "error", "OTHER": ""}


def caught(contract: Any, test: str, *arguments: Any) -> str:
    with pytest.raises(pytest.fail.Exception) as failed:
        getattr(contract(), test)(*arguments)
    return str(failed.value)


def with_provider(**members: Any) -> type[Sound]:
    provider = type("Broken", (WebProvider,), members)
    return type("Contract", (Sound,), {"provider_class": provider})


async def answers_wrong(self: Any, query: Query) -> Measurement:
    return Measurement(value=6.0)


async def answers_nothing(self: Any, query: Query) -> Measurement:
    return Measurement(value=5.0)


async def says_outage(self: Any, query: Query) -> Measurement:
    raise ProviderError("no", outage=True)


async def says_no_outage(self: Any, query: Query) -> Measurement:
    raise ProviderError("no", retry_after=-1)


async def says_two_lines(self: Any, query: Query) -> Measurement:
    raise ProviderError("no\nno")


async def shows_the_header(self: Any, query: Query) -> Measurement:
    raise ProviderError(str(query.config))


async def shows_the_header_in_its_cause(self: Any, query: Query) -> Measurement:
    raise ProviderError("no") from ValueError(query.config)


async def leaks_a_type(self: Any, query: Query) -> Measurement:
    text: Any = 7
    return Measurement(value=5.0, text=text)


async def swallows_cancellation(self: Any, query: Query) -> Measurement:
    try:
        return await WebProvider.measure(self, query)
    except asyncio.CancelledError:
        return Measurement(value=5.0)


async def never_answers(self: Any, query: Query) -> Measurement:
    await asyncio.Event().wait()
    return Measurement()


async def keeps_too_much(self: Any, query: Query) -> Measurement:
    return Measurement(value=5.0, metadata={"all": "x" * 10**6})


async def logs_the_header(self: Any, query: Query) -> Measurement:
    logging.getLogger("of.the.plugin").info("asking with %s", query.config)
    return Measurement(value=5.0)


async def breaks_when_closed(self: Any, query: Query) -> Measurement:
    if not self._clients:
        self._clients[False] = httpx.AsyncClient(transport=self._transport)
        return Measurement(value=5.0)
    raise RuntimeError("closed")


async def closes_nothing(self: Any) -> None:
    return


async def fails_silently(self: Any, query: Query) -> Measurement:
    raise ProviderError("no")


async def never_ends(self: Any, query: Query, measurement: Measurement) -> Measurement:
    return measurement


async def ends_as_none(self: Any, query: Query, measurement: Measurement) -> Any:
    return None


async def probe_elsewhere(self: Any, query: Query, path: FieldPath) -> list[Problem]:
    return [Problem(FieldPath("elsewhere"), "no")]


async def probe_raises(self: Any, query: Query, path: FieldPath) -> list[Problem]:
    raise KeyError(query.run)


def follows_with_headers(self: Any, *, insecure: bool) -> httpx.AsyncClient:
    made = httpx.AsyncClient(transport=self._transport, follow_redirects=True)
    return self._clients.setdefault(insecure, made)


def wants_a_secret(self: Any, config: Json) -> list[SecretRef]:
    return [SecretRef("datadog")]


def keeps_cookies(self: Any, *, insecure: bool) -> httpx.AsyncClient:
    return self._clients.setdefault(insecure, httpx.AsyncClient(transport=self._transport))


async def probe_finds(self: Any, query: Query, path: FieldPath) -> list[Problem]:
    return [Problem(path, "never content")]


@pytest.mark.parametrize(
    ("test", "members", "arguments"),
    [
        ("test_a_good_answer_becomes_its_value", {"measure": answers_wrong}, ()),
        ("test_a_good_answer_becomes_its_value", {"measure": leaks_a_type}, ()),
        ("test_a_refused_question_is_an_error_and_no_outage", {"measure": says_outage}, (401,)),
        ("test_a_refused_question_is_an_error_and_no_outage", {"measure": answers_wrong}, (401,)),
        ("test_a_broken_service_is_an_outage", {"measure": says_no_outage}, (500,)),
        (
            "test_too_many_requests_is_an_outage_with_the_time_to_come_back",
            {"measure": says_outage},
            (),
        ),
        ("test_an_unreadable_retry_after_is_passed_over", {"measure": says_no_outage}, ("nan",)),
        ("test_no_answer_is_an_outage", {"measure": says_no_outage}, ("ReadTimeout",)),
        ("test_no_answer_is_an_outage", {"measure": says_two_lines}, ("ReadTimeout",)),
        (
            "test_whatever_the_body_is_it_is_a_measurement_or_a_provider_error",
            {"measure": shows_the_header},
            (b"",),
        ),
        (
            "test_a_service_that_echoes_the_request_gives_no_secret_away",
            {"measure": shows_the_header_in_its_cause},
            (200,),
        ),
        (
            "test_a_service_that_echoes_the_request_gives_no_secret_away",
            {"__repr__": lambda _: "<s3cret>"},
            (200,),
        ),
        (
            "test_a_service_that_echoes_the_request_gives_no_secret_away",
            {"identity": lambda _, query: str(query.config)},
            (200,),
        ),
        ("test_fifty_at_a_time_on_one_instance", {"measure": answers_wrong}, ()),
        (
            "test_a_cancelled_measurement_leaves_the_provider_fit_for_the_next",
            {"measure": swallows_cancellation},
            (),
        ),
        ("test_one_measurement_makes_few_requests", {"measure": answers_nothing}, ()),
        ("test_a_cookie_is_not_kept_for_the_next", {"_client": keeps_cookies}, ()),
        (
            "test_the_probe_says_nothing_when_all_is_well_and_never_raises",
            {"probe": probe_finds},
            (),
        ),
        (
            "test_a_service_out_of_order_may_say_when_to_come_back_too",
            {"measure": says_outage},
            (),
        ),
        ("test_a_rate_limit_is_told_apart_from_an_outage", {"measure": says_outage}, ()),
        ("test_a_service_that_hangs_is_given_up_in_time", {"measure": never_answers}, ()),
        ("test_a_service_that_hangs_is_given_up_in_time", {"measure": says_no_outage}, ()),
        ("test_a_connection_that_is_closed_half_way_is_an_outage", {"measure": says_no_outage}, ()),
        ("test_an_answer_of_ten_megabytes_is_bounded", {"measure": keeps_too_much}, ()),
        ("test_an_answer_without_end_is_given_up", {"measure": answers_wrong}, ()),
        (
            "test_a_compressed_answer_that_is_broken_is_a_provider_error",
            {"measure": answers_wrong},
            (),
        ),
        (
            "test_a_redirection_takes_no_secret_to_another_host",
            {"_client": follows_with_headers},
            (),
        ),
        (
            "test_after_closing_the_next_measurement_works_or_says_why",
            {"measure": breaks_when_closed, "aclose": closes_nothing},
            (),
        ),
        (
            "test_queries_that_differ_do_not_share_an_answer",
            {"identity": lambda *_: "all the same"},
            (),
        ),
        (
            "test_without_its_secrets_it_names_the_one_that_is_missing",
            {"secrets": wants_a_secret, "measure": fails_silently},
            (),
        ),
        (
            "test_a_secret_without_one_of_its_keys_is_named_with_the_key",
            {"secrets": wants_a_secret, "measure": fails_silently},
            (),
        ),
        (
            "test_a_probe_needs_no_rollout_and_no_secrets_and_keeps_to_its_block",
            {"probe": probe_elsewhere},
            (),
        ),
        (
            "test_a_probe_needs_no_rollout_and_no_secrets_and_keeps_to_its_block",
            {"probe": probe_raises},
            (),
        ),
        (
            "test_a_measurement_that_it_knows_nothing_of_is_resumed_and_ended_without_harm",
            {"terminate": never_ends},
            (),
        ),
        (
            "test_a_measurement_that_it_knows_nothing_of_is_resumed_and_ended_without_harm",
            {"resume": ends_as_none},
            (),
        ),
        ("test_the_secrets_that_it_wants_are_references", {"secrets": lambda *_: ["a"]}, ()),
        ("test_its_environment_variables_are_names", {"environment": lambda _: ["A=B"]}, ()),
        ("test_equal_queries_have_one_identity", {"identity": lambda *_: object()}, ()),
        ("test_the_metadata_of_a_result_is_texts", {"result_metadata": lambda *_: {"a": 1}}, ()),
        ("test_the_class_is_made_without_arguments", {"__new__": lambda _: 7}, ()),
    ],
)
def test_a_broken_provider_is_caught(
    test: str, members: dict[str, Any], arguments: tuple[Any, ...]
) -> None:
    assert caught(with_provider(**members), test, *arguments)


def test_a_secret_in_the_log_is_caught(caplog: pytest.LogCaptureFixture) -> None:
    contract = with_provider(measure=logs_the_header)
    assert "the log" in caught(contract, "test_nothing_that_it_logs_holds_a_secret", caplog)


def test_a_deadline_that_is_too_long_is_caught() -> None:
    contract = type("Contract", (Sound,), {"deadline": 9.0})
    assert "within 9.0 s" in caught(contract, "test_a_service_that_hangs_is_given_up_in_time")


def test_an_answer_that_is_read_on_and_on_is_caught() -> None:
    contract = type("Contract", (Sound,), {"largest_body": 1000})
    assert "without end were read" in caught(contract, "test_an_answer_without_end_is_given_up")


def test_an_answer_without_data_must_say_so() -> None:
    contract = type("Contract", (Sound,), {"no_data_answer": Answer(body=[])})
    assert "expected no_data" in caught(contract, "test_no_data_is_said_and_no_error")


def test_the_query_holds_what_the_provider_wants() -> None:
    contract = with_provider(secrets=lambda *_: [SecretRef("datadog"), SecretRef("none")])
    query = contract().query()
    assert query.secrets == {SecretRef("datadog"): {"api-key": "k"}, SecretRef("none"): None}
    assert query.secret_namespaces == {SecretRef("datadog"): "shop", SecretRef("none"): "shop"}
    assert query.environment == {"GRADATIM_WEB_PLAIN_TEXT": "error"}


def test_a_contract_without_a_class_says_so() -> None:
    with pytest.raises(AttributeError):
        Sound.__mro__[2].plugin_class()
    with pytest.raises(NotImplementedError):
        Sound.__mro__[3].plugin_class()


def validating(answer: Any, name: str = "gradatim_validate_metric") -> ModuleType:
    """A plugin module whose validating hook does this with its arguments."""
    module = ModuleType("broken_plugin")

    @api.hookimpl
    def hook(key: str, config: Json, path: FieldPath) -> Any:
        return answer(key, config, path)

    @api.hookimpl
    def providers() -> Any:
        return []

    vars(module).update({name: hook, "gradatim_metric_providers": providers})
    return module


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(module: ModuleType) -> type[Sound]:
        monkeypatch.setitem(sys.modules, "broken_plugin", module)
        return type("Contract", (Sound,), {"module": "broken_plugin"})

    return install


def grows(key: str, config: Json, path: FieldPath) -> list[Problem]:
    config["seen"] = True
    return []


def refuses_arguments(key: str, config: Json, path: FieldPath) -> list[Problem]:
    return [Problem(path, "no")] if "{{" in str(config) else []


@pytest.mark.parametrize(
    ("test", "answer"),
    [
        ("test_a_foreign_key_is_left_to_others", lambda *_: []),
        ("test_a_sound_block_has_no_problems", lambda *_: None),
        ("test_a_sound_block_has_no_problems", lambda _k, _c, path: [Problem(path, "no")]),
        ("test_a_sound_block_has_no_problems", lambda *_: ()),
        ("test_each_wrong_block_is_refused_under_the_right_path", lambda *_: []),
        ("test_an_argument_may_stand_for_any_text", refuses_arguments),
        (
            "test_validation_survives_any_json_and_names_a_place_in_the_block",
            lambda _k, config, _p: [config["url"]][1:],
        ),
        (
            "test_validation_survives_any_json_and_names_a_place_in_the_block",
            lambda *_: [Problem(FieldPath("elsewhere"), "no")],
        ),
        (
            "test_validation_survives_any_json_and_names_a_place_in_the_block",
            lambda _k, _c, path: [Problem(path, "two\nlines")],
        ),
        ("test_validation_survives_any_json_and_names_a_place_in_the_block", lambda *_: ["no"]),
        ("test_validation_changes_nothing", grows),
        ("test_it_says_which_plugin_api_it_was_written_for", lambda *_: []),
        ("test_the_class_is_sound_and_registered", lambda *_: []),
    ],
)
def test_a_broken_module_is_caught(installed: Any, test: str, answer: Any) -> None:
    contract = installed(validating(answer))
    contract.good_config = {"url": "http://a.example/"}
    assert caught(contract, test)


def test_a_misspelt_hook_is_caught(installed: Any) -> None:
    contract = installed(validating(lambda *_: [], name="gradatim_validate_metrics"))
    found = caught(contract, "test_every_hook_has_a_name_that_exists_and_is_marked")
    assert "did you mean gradatim_validate_metric?" in found
    assert "mid-rollout" in caught(contract, "test_a_sound_block_has_no_problems")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import httpx\nfrom gradatim.builtin.web import *", "imports ['httpx']"),
        ("from gradatim.builtin.web import *\nraise OSError('no')", "OSError: no"),
        (
            "import socket\nfrom gradatim.builtin.web import *\n"
            "def gradatim_metric_providers(): socket.getaddrinfo('localhost', 1); return []",
            "did I/O",
        ),
    ],
)
def test_a_heavy_or_busy_module_is_caught(
    source: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "busy_plugin.py").write_text(
        source + "\nfrom gradatim.builtin.web import gradatim_validate_metric\n"
        "if 'gradatim_metric_providers' not in vars():\n"
        "    from gradatim.builtin.web import gradatim_metric_providers\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    contract = type("Contract", (Sound,), {"module": "busy_plugin"})
    assert found in caught(contract, "test_importing_is_light_and_hooks_do_no_io")


def test_the_transport_is_httpx() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    assert isinstance(Sound().provider(transport), WebProvider)
