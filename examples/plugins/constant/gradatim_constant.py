"""A metric provider that answers every query with the value in its block."""

from gradatim.plugin import Measurement, MetricProvider, hookimpl

GRADATIM_API = "1.0"


class Constant(MetricProvider):
    """Serves `provider: {plugin: {example.com/constant: {value: …}}}`."""

    key = "example.com/constant"

    async def measure(self, query):
        """The value, for the metric's conditions to judge."""
        value = query.config["value"]
        return Measurement(value=value, text=str(value))


@hookimpl
def gradatim_metric_providers():
    """Found by its name."""
    return [Constant]
