"""The structure of pod templates and canary steps, as Go holds them.

In: the tables of this package. Out: `POD_TEMPLATE`, all structs below a PodTemplateSpec, and `STEP`, those below a
canary step. Hashes, comparisons of templates and the CRDs' schemas are all made from them, so the three cannot differ.

The order of fields is that of k8s.io/api v0.34, with which Argo Rollouts hashes; fields of Kubernetes 1.35 to 1.37
stand where Go has them since, marked with `since`, and change no hash of a template that does without them.
"""

from __future__ import annotations

from typing import Final

from gradatim.model.podspec.containers import CONTAINERS
from gradatim.model.podspec.pods import PODS
from gradatim.model.podspec.steps import STEPS
from gradatim.model.podspec.table import Field, Kind, Shape, Struct, Table, read_table
from gradatim.model.podspec.volumes import VOLUMES

POD_TEMPLATE: Final[Table] = read_table(CONTAINERS, VOLUMES, PODS)
STEP: Final[Table] = read_table(STEPS, known=POD_TEMPLATE)

__all__ = ["POD_TEMPLATE", "STEP", "Field", "Kind", "Shape", "Struct", "Table", "read_table"]
