"""A label selector as the one line that the scale subresource wants.

In: `spec.selector`. Out: text such as `app=web,tier in (a,b)`. An autoscaler finds the pods by it.
"""

from __future__ import annotations

from ..model.reading import Json, Reader


def selector_text(selector: Json) -> str:
    """The selector in the order that Kubernetes prints it: by key."""
    reader = Reader(selector)
    terms = {key: f"{key}={value}" for key, value in reader.texts("matchLabels").items()}
    for expression in reader.objects("matchExpressions"):
        key, operator = expression.text("key"), expression.text("operator")
        values = ",".join(sorted(str(v) for v in expression.list("values")))
        match operator:
            case "In":
                terms[key] = f"{key} in ({values})"
            case "NotIn":
                terms[key] = f"{key} notin ({values})"
            case "Exists":
                terms[key] = key
            case "DoesNotExist":
                terms[key] = f"!{key}"
    return ",".join(terms[key] for key in sorted(terms))
