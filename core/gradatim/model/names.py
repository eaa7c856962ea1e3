"""Labels, annotations and reasons that manifests, tools and live clusters rely on.

These are the contract with what Argo Rollouts left in a cluster and with the tools that read it: its CLI, its
dashboard, GitOps health checks. Changing one is an incompatibility.
"""

from __future__ import annotations

from typing import Final

POD_HASH: Final = "rollouts-pod-template-hash"
INSTANCE_ID: Final = "argo-rollouts.argoproj.io/controller-instance-id"
MANAGED_BY: Final = "argo-rollouts.argoproj.io/managed-by-rollouts"
SCALE_DOWN_DEADLINE: Final = "scale-down-deadline"
REVISION: Final = "rollout.argoproj.io/revision"
WORKLOAD_GENERATION: Final = "rollout.argoproj.io/workload-generation"
REVISION_HISTORY: Final = "rollout.argoproj.io/revision-history"
DESIRED_REPLICAS: Final = "rollout.argoproj.io/desired-replicas"
EPHEMERAL_METADATA: Final = "rollout.argoproj.io/ephemeral-metadata"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
NOTIFIED: Final = "notified.notifications.argoproj.io"
EXPERIMENT_NAME: Final = "experiment.argoproj.io/name"
EXPERIMENT_TEMPLATE: Final = "experiment.argoproj.io/template-name"
ROLLOUT_TYPE: Final = "rollout-type"
STEP_INDEX: Final = "step-index"
#: Label of a metric's Jobs and of their pods: the uid of the AnalysisRun that they measure for.
JOB_OF_RUN: Final = "analysisrun.argoproj.io/uid"

#: A setting of ours on one Rollout: seconds that a change of traffic takes to reach every proxy.
PROPAGATION_DELAY: Final = "gradatim.dev/traffic-propagation-delay"

#: A note of ours on a Rollout whose pods replace those of a Deployment: how many that had before.
REPLICAS_BEFORE: Final = "gradatim.dev/replicas-before-rollout"

#: A note of ours on a Rollout with a router outside the cluster: the managed routes that it was last told.
OUTSIDE_ROUTES: Final = "gradatim.dev/outside-routes"

#: Settings of ours on a template, a Rollout or an AnalysisRun: what a measurement without data or without an answer
#: means, for how long it is asked again, and whether it takes part in the broker.
ON_NO_DATA: Final = "gradatim.dev/on-no-data"
NO_DATA_BUDGET: Final = "gradatim.dev/no-data-budget"
ON_PROVIDER_ERROR: Final = "gradatim.dev/on-provider-error"
PROVIDER_ERROR_BUDGET: Final = "gradatim.dev/provider-error-budget"
BROKER: Final = "gradatim.dev/broker"
#: The same for single metrics: JSON, by name of the metric.
BY_METRIC: Final = "gradatim.dev/by-metric"

#: How single metrics are judged beside a baseline: JSON, by name of the metric. In the metadata of a measurement: what
#: the comparison has found.
JUDGE: Final = "gradatim.dev/judge"

#: Notes of ours in the metadata of a metric's result while it waits: since when, and until when it is left alone.
SILENT_SINCE: Final = "gradatim.dev/silent-since"
ASKED_AGAIN_AT: Final = "gradatim.dev/asked-again-at"
HELD: Final = "gradatim.dev/holds-the-rollout"

#: Annotations of a Rollout that its ReplicaSets never get.
NOT_COPIED: Final = frozenset(
    {
        LAST_APPLIED,
        REVISION,
        REVISION_HISTORY,
        DESIRED_REPLICAS,
        NOTIFIED,
        REPLICAS_BEFORE,
        OUTSIDE_ROUTES,
    }
)
