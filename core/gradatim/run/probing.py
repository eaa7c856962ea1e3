"""Asks, before any release does, whether the metrics of templates could be measured now.

In: a template, the plugins and a reader of Secrets. Out: Problems: a Secret without its key, an address that does not
answer, a query that is refused. `gradatim plugins doctor --templates` calls it, and the controller at its start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from gradatim.decide.analysis.redaction import Redactor
from gradatim.decide.analysis.substitution import UnresolvedError, substitute
from gradatim.decide.analysis.times import resolve_times
from gradatim.decide.analysis.validation import provider_block
from gradatim.errors import GradatimError
from gradatim.model.analysis import Argument, Metric, Template, parse_metric
from gradatim.plugin import FieldPath, Json, MetricProvider, Problem, ProviderError, Query
from gradatim.run.fence import Call, Fence
from gradatim.run.inquiry import Providers, Surroundings
from gradatim.run.secretcache import SecretReader

#: Templates probed at the same time: nobody waits for the answer.
_AT_ONCE: Final = 4
_LONGEST: Final = 1_024

Found = tuple[Template, list[Problem]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One metric, by name, its provider, and the block with what arguments are known."""

    metric: str
    provider: MetricProvider
    block: Json


class Probing:
    """Probes templates. What depends on an argument that only a run gives is left out."""

    def __init__(
        self,
        providers: Providers,
        fence: Fence,
        secrets: SecretReader,
        surroundings: Surroundings,
        clock: Callable[[], datetime],
    ) -> None:
        self._providers = providers
        self._fence = fence
        self._secrets = secrets
        self._surroundings = surroundings
        self._clock = clock

    async def templates(self, templates: Iterable[Template]) -> list[Found]:
        """Each template with what stands against measuring it, in their order."""
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(template: Template) -> Found:
            async with turns:
                return template, await self.template(template)

        return list(await asyncio.gather(*map(one, templates)))

    async def template(self, template: Template) -> list[Problem]:
        """What stands against measuring its metrics now. Never raises; no Problem shows a secret."""
        problems = []
        values, secrets = await self._arguments(template)
        for index, metric in enumerate(template.metrics):
            path = FieldPath("spec", "metrics", index)
            try:
                told = parse_metric(substitute(metric.raw, values))[0]
                problems += await self._metric(template, told, path, secrets)
            except UnresolvedError:
                continue  # a tag that is nobody's argument: validation speaks of it
            except GradatimError as error:
                problems.append(Problem(path, _line(str(error), secrets)))
        return problems

    async def _arguments(self, template: Template) -> tuple[dict[str, str], list[str]]:
        """What each tag stands for, an argument without a value for itself; and the secrets among them."""
        values, secrets = {}, []
        for arg in template.args:
            text = await self._value(template, arg)
            if arg.from_secret is not None and text is not None:
                secrets.append(text)
            tag = f"args.{arg.name}"
            values[tag] = f"{{{{{tag}}}}}" if text is None else text
        return values, secrets

    async def _value(self, template: Template, arg: Argument) -> str | None:
        if arg.from_secret is None:
            return arg.value
        if template.cluster_scope:
            return None  # its Secrets are those of each run's namespace
        name, key = arg.from_secret
        with suppress(GradatimError):
            return ((await self._secrets(template.meta.namespace, name)) or {}).get(key)
        return None

    async def _metric(
        self, template: Template, metric: Metric, path: FieldPath, secrets: list[str]
    ) -> list[Problem]:
        key, block = provider_block(metric)
        if not isinstance(block, dict):
            return []
        provider = self._fence.ask(
            Call(provider=key, method="__init__"), lambda: self._providers.metric_provider(key)
        )
        under = metric.provider.get("plugin")
        where = path / "provider"
        where = where / "plugin" / key if isinstance(under, dict) and key in under else where / key
        call = Call(provider=key, method="probe", secrets=tuple(secrets))
        query = await self._query(template, _Asked(metric.name, provider, block), call)
        if query is None:
            return []
        hidden = [text for found in query.secrets.values() for text in (found or {}).values()]
        call = replace(call, secrets=(*secrets, *hidden))
        try:
            found = await self._fence.call(call, lambda: provider.probe(query, where))
        except ProviderError as error:
            return [Problem(where, str(error))]
        return [Problem(one.path, _line(one.message, call.secrets)) for one in found]

    async def _query(self, template: Template, asked: _Asked, call: Call) -> Query | None:
        """The query; None where only a run knows in which namespace its Secrets are."""
        refs = self._fence.ask(call, lambda: tuple(asked.provider.secrets(asked.block)))
        told = self._fence.ask(call, lambda: dict(asked.provider.times(asked.block)))
        namespaces = {}
        for ref in refs:
            if ref.in_run_namespace and template.cluster_scope:
                return None
            namespaces[ref] = (
                template.meta.namespace if ref.in_run_namespace else self._surroundings.namespace
            )
        now = self._clock()
        times = {place: source for place, source in told.items() if "{{" not in source}
        return Query(
            config=asked.block,
            metric=asked.metric,
            namespace=template.meta.namespace,
            now=now,
            secrets={ref: await self._secrets(ns, ref.name) for ref, ns in namespaces.items()},
            secret_namespaces=namespaces,
            environment=self._surroundings.environment,
            times=resolve_times(times, now),
        )


def shown(template: Template) -> str:
    """A template for messages: kind, namespace and name."""
    kind = "ClusterAnalysisTemplate" if template.cluster_scope else "AnalysisTemplate"
    parts = filter(None, (template.meta.namespace, template.meta.name))
    return f"{kind} {'/'.join(parts)}"


def _line(text: str, secrets: Iterable[str]) -> str:
    return " ".join(Redactor(secrets).message(text).split())[:_LONGEST]
