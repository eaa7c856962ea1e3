"""AnalysisTemplate, ClusterAnalysisTemplate and AnalysisRun.

In: nothing. Out: the text of a table; `gradatim.model.podspec.table` says how to read it. `definitions.py` reads it.
"""

from __future__ import annotations

from typing import Final

ANALYSIS: Final = """\
AnalysisTemplateSpec  # What to measure.
  metrics              []Metric               # What is measured, and how it is judged.
  args                 []Argument             # What the metrics refer to as {{args.name}}.
  dryRun               []DryRun               # Metrics that are measured but do not decide.
  measurementRetention []MeasurementRetention # How many measurements to keep.
  templates            []AnalysisTemplateRef  # Other templates whose metrics are taken in.
AnalysisRunSpec  # What to measure.
  metrics              []Metric required      # What is measured, and how it is judged.
  args                 []Argument             # What the metrics refer to as {{args.name}}.
  terminate            bool                   # Ends the run early.
  dryRun               []DryRun               # Metrics that are measured but do not decide.
  measurementRetention []MeasurementRetention # How many measurements to keep.
  ttlStrategy          *TTLStrategy           # When the finished run is deleted.
TTLStrategy
  secondsAfterCompletion *int32  # Seconds after its end, whatever it was.
  secondsAfterFailure    *int32  # Seconds after a failure.
  secondsAfterSuccess    *int32  # Seconds after a success.
Argument
  name      string required     # Name of the argument.
  value     *string             # Its value. In a template: unless the caller gives one.
  valueFrom *ArgumentSource     # Where its value comes from.
ArgumentSource
  secretKeyRef *SecretKeyRef  # A Secret in the same namespace.
  fieldRef     *FieldRef      # A field of the Rollout.
SecretKeyRef
  name string required  # Name of the Secret.
  key  string required  # Key in it.
Metric
  name                    string required     # Name of the metric.
  interval                string              # Time between measurements, such as 30s or 5m. Measured once if absent.
  initialDelay            string              # Time before the first measurement.
  count                   *int-or-string      # How many measurements. 1, or no end with an interval, if absent.
  successCondition        string              # Expression over `result` that is true for a success.
  failureCondition        string              # Expression over `result` that is true for a failure.
  failureLimit            *int-or-string      # How many failures are allowed. 0 if absent; -1: any number.
  inconclusiveLimit       *int-or-string      # How many inconclusive measurements are allowed. 0 if absent.
  consecutiveErrorLimit   *int-or-string      # How many errors in a row are allowed. 4 if absent.
  consecutiveSuccessLimit *int-or-string      # How many successes in a row end the metric. 0, which is off, if absent.
  provider                Provider required   # Who measures. Exactly one.
AnalysisRunStatus  # What was measured. Written by the controller only.
  phase         string required  # Pending, Running, Successful, Failed, Error or Inconclusive.
  message       string           # Why.
  metricResults []MetricResult   # What became of each metric.
  startedAt     *time            # When it began.
  runSummary    RunSummary       # Metrics by outcome.
  dryRunSummary *RunSummary      # Metrics in dryRun by outcome.
  completedAt   *time            # When it ended.
RunSummary
  count        int32  # How many metrics.
  successful   int32  # Of them successful.
  failed       int32  # Of them failed.
  inconclusive int32  # Of them inconclusive.
  error        int32  # Of them in error.
MetricResult
  name               string required  # Name of the metric.
  phase              string required  # Its phase.
  measurements       []Measurement    # The latest measurements.
  message            string           # Why it has this phase.
  count              int32            # Measurements that were no errors.
  successful         int32            # Of them successful.
  failed             int32            # Of them failed.
  inconclusive       int32            # Of them inconclusive.
  error              int32            # Measurements that were errors.
  consecutiveError   int32            # Errors in a row, up to now.
  dryRun             bool             # Whether it does not decide.
  metadata           {}string         # What the provider adds, such as the query as it was sent.
  consecutiveSuccess int32            # Successes in a row, up to now.
Measurement
  phase      string required  # Its phase.
  message    string           # Why.
  startedAt  *time            # When it began.
  finishedAt *time            # When it ended.
  value      string           # What was measured.
  metadata   {}string         # What the provider adds.
  resumeAt   *time            # When to ask the provider again.
"""
