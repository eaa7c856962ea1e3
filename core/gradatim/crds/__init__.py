"""The CustomResourceDefinitions that Gradatim serves: those of Argo Rollouts, under our own descriptions.

In: nothing. Out: `custom_resource_definitions()`, plain manifests. Pure; `gradatim crds` and the tests call it.
An object that Argo Rollouts' CRDs accept is accepted here, and loses no field.
"""

from __future__ import annotations

from gradatim.crds.definitions import GROUP, KINDS, VERSION, custom_resource_definitions
from gradatim.crds.yaml_text import yaml_text

__all__ = ["GROUP", "KINDS", "VERSION", "custom_resource_definitions", "yaml_text"]
