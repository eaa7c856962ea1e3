"""Canary steps, as Argo Rollouts' Go structs order them.

In: nothing. Out: the text of a table; `table.py` says how to read it. The step hash is made of it, and the schema of
`spec.strategy.canary.steps` in the Rollout CRD.
"""

from __future__ import annotations

from typing import Final

STEPS: Final = """\
CanaryStep  # One step of a canary. Normally it has one key.
  setWeight      *int32                 # Percent of the traffic (or of the pods, without a router) for the canary.
  pause          *RolloutPause          # Waits for a time, or without a duration for `promote`.
  experiment     *RolloutExperimentStep # Runs an Experiment and waits for its end.
  analysis       *RolloutAnalysis       # Runs an analysis and waits for its end.
  setCanaryScale *SetCanaryScale        # Sizes the canary apart from its traffic. Needs a traffic router.
  setHeaderRoute *SetHeaderRoute        # Sends requests with certain headers to the canary.
  setMirrorRoute *SetMirrorRoute        # Copies requests to the canary and drops its answers.
  plugin         *PluginStep            # Runs a step plugin.
RolloutPause
  duration *int-or-string  # Seconds, or a duration such as 90s or 1h30m.
RolloutExperimentStep
  templates             []RolloutExperimentTemplate required  # The sets of pods to run.
  duration              string                                # How long to run them. Until the analyses end, if absent.
  analyses              []RolloutExperimentStepAnalysisTemplateRef  # The analyses to run beside them.
  dryRun                []DryRun                              # Metrics that are measured but do not decide.
  analysisRunMetadata   AnalysisRunMetadata                   # Labels and annotations for the analysis runs.
  scaleDownDelaySeconds *int32                                # How long pods stay after the end. 30 if absent.
RolloutExperimentTemplate
  name     string required       # Name within the Experiment.
  specRef  string required       # Whose pod template to take: `stable` or `canary`.
  replicas *int32                # Number of pods. 1 if absent.
  metadata PodTemplateMetadata   # Labels and annotations added to the pods.
  selector *LabelSelector        # The pods' selector. The Rollout's own if absent.
  weight   *int32                # Percent of the traffic for these pods.
  service  *TemplateService      # Makes a Service for these pods.
TemplateService
  name string  # Name of the Service. That of the ReplicaSet if absent.
RolloutExperimentStepAnalysisTemplateRef
  name                  string required  # Name within the Experiment.
  templateName          string required  # Name of the template.
  clusterScope          *bool            # Whether it is a ClusterAnalysisTemplate.
  args                  []AnalysisRunArgument  # Values for the template's arguments.
  requiredForCompletion bool             # Whether the Experiment ends when this analysis has succeeded.
RolloutAnalysis
  templates            []AnalysisTemplateRef  # Templates whose metrics are measured together.
  args                 []AnalysisRunArgument  # Values for the templates' arguments.
  dryRun               []DryRun               # Metrics that are measured but do not decide.
  measurementRetention []MeasurementRetention # How many measurements to keep.
  analysisRunMetadata  *AnalysisRunMetadata   # Labels and annotations for the analysis runs.
AnalysisTemplateRef
  templateName string always  # Name of the template.
  clusterScope *bool          # Whether it is a ClusterAnalysisTemplate.
AnalysisRunArgument
  name      string required     # Name of the argument.
  value     string              # Its value.
  valueFrom *ArgumentValueFrom  # Where its value comes from.
ArgumentValueFrom
  podTemplateHashValue *string    # Hash of the `Stable` or the `Latest` pod template.
  fieldRef             *FieldRef  # A field of the Rollout.
FieldRef
  fieldPath string required  # Path such as metadata.labels['app'] or status.currentPodHash.
DryRun
  metricName string required  # Name of the metric, or a regular expression for several.
MeasurementRetention
  metricName string required  # Name of the metric, or a regular expression for several.
  limit      int32 required   # How many measurements to keep.
AnalysisRunMetadata
  labels      {}string  # Labels.
  annotations {}string  # Annotations.
PodTemplateMetadata
  labels      {}string  # Labels.
  annotations {}string  # Annotations.
SetCanaryScale
  weight             *int32  # Percent of spec.replicas.
  replicas           *int32  # Number of pods.
  matchTrafficWeight bool    # Follow the traffic weight again.
SetHeaderRoute
  name  string                # Name of the route, one of managedRoutes.
  match []HeaderRoutingMatch  # Headers to match. The route is removed if absent.
HeaderRoutingMatch
  headerName  string required        # Name of the header.
  headerValue *StringMatch required  # What its value must be.
StringMatch
  exact  string  # The whole text.
  prefix string  # Its beginning.
  regex  string  # A regular expression for the whole text.
SetMirrorRoute
  name       string required  # Name of the route, one of managedRoutes.
  match      []RouteMatch     # Requests to copy. The route is removed if absent.
  percentage *int32           # Percent of the matching requests. 100 if absent.
RouteMatch
  method  *StringMatch   # The method, such as GET.
  path    *StringMatch   # The path.
  headers {}StringMatch  # Headers, by name.
PluginStep
  name   string required  # Name of the plugin, such as org/name.
  config object           # What the plugin is told; the plugin defines its form.
"""
