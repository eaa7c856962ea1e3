"""The Experiment: sets of pods that run for a while, and are measured.

In: nothing. Out: the text of a table; `gradatim.model.podspec.table` says how to read it. `definitions.py` reads it.
"""

from __future__ import annotations

from typing import Final

EXPERIMENT: Final = """\
ExperimentSpec  # What is wanted.
  templates               []TemplateSpec required  # The sets of pods to run.
  duration                string                   # How long to run them. Until the analyses end, if absent.
  progressDeadlineSeconds *int32                   # Seconds until pods that do not come up are a failure. 600 if absent.
  terminate               bool                     # Ends it early.
  analyses                []ExperimentAnalysis     # The analyses to run beside them.
  scaleDownDelaySeconds   *int32                   # How long pods stay after the end. 30 if absent.
  dryRun                  []DryRun                 # Metrics that are measured but do not decide.
  measurementRetention    []MeasurementRetention   # How many measurements to keep.
  analysisRunMetadata     AnalysisRunMetadata      # Labels and annotations for the analysis runs.
TemplateSpec
  name            string required           # Name within the Experiment.
  replicas        *int32                    # Number of pods. 1 if absent.
  minReadySeconds int32                     # How long a pod must be ready to count as available.
  selector        *LabelSelector required   # Selects the pods. Must match the template's labels.
  template        PodTemplateSpec required  # The pods to run.
  service         *TemplateService          # Makes a Service for these pods.
ExperimentAnalysis
  name                  string required  # Name within the Experiment.
  templateName          string required  # Name of the template.
  clusterScope          bool             # Whether it is a ClusterAnalysisTemplate.
  args                  []Argument       # Values for the template's arguments.
  requiredForCompletion bool             # Whether the Experiment ends when this analysis has succeeded.
ExperimentStatus  # What is found. Written by the controller only.
  phase            string                   # Pending, Running, Successful, Failed, Error or Inconclusive.
  message          string                   # Why.
  templateStatuses []TemplateStatus         # State of each set of pods.
  availableAt      *time                    # When all pods were available first.
  conditions       []Condition              # InvalidSpec, Progressing, Running, Completed and ReplicaFailure.
  analysisRuns     []ExperimentAnalysisRun  # State of each analysis.
TemplateStatus
  name               string required  # Name of the set.
  replicas           int32 required   # Its pods.
  updatedReplicas    int32 required   # Of them of the wanted version.
  readyReplicas      int32 required   # Of them ready.
  availableReplicas  int32 required   # Of them available.
  collisionCount     *int32           # How often its name was already taken.
  status             string           # Progressing, Running, Successful, Failed or Error.
  message            string           # Why.
  lastTransitionTime *time            # When its status last changed.
  serviceName        string           # Its Service.
  podTemplateHash    string           # Hash of its pod template.
ExperimentAnalysisRun
  name        string required  # Name within the Experiment.
  analysisRun string required  # Name of the AnalysisRun.
  phase       string required  # Its phase.
  message     string           # Why.
"""
