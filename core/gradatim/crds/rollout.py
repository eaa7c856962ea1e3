"""The Rollout: what its author writes, and what the controller reports.

In: nothing. Out: the text of a table; `gradatim.model.podspec.table` says how to read it. `definitions.py` reads it.
Which fields are required, and no more than that, is Argo Rollouts' contract: what its CRD accepts, this one does.
"""

from __future__ import annotations

from typing import Final

ROLLOUT: Final = """\
RolloutSpec  # What is wanted.
  replicas                *int32           # Number of pods. The controller writes 1 if absent.
  selector                *LabelSelector   # Selects the pods. Must match the template's labels, and cannot be changed.
  template                PodTemplateSpec  # The pods to run. Leave it out with workloadRef.
  workloadRef             *ObjectRef       # Takes the pod template from another workload.
  minReadySeconds         int32            # How long a pod must be ready to count as available.
  rollbackWindow          *RollbackWindowSpec  # Which rollbacks skip all steps.
  strategy                RolloutStrategy  # How a new version is brought in: canary or blueGreen.
  revisionHistoryLimit    *int32           # How many old ReplicaSets to keep. 10 if absent.
  paused                  bool             # Stops every change until it is false again.
  progressDeadlineSeconds *int32           # Seconds without progress until the Rollout is Degraded. 600 if absent.
  progressDeadlineAbort   bool             # Whether to abort when that time is over.
  restartAt               *time            # Pods made before this time are replaced.
  analysis                *AnalysisRunStrategy  # How many finished analysis runs and experiments to keep.
ObjectRef
  apiVersion string  # apps/v1, or v1 for a PodTemplate.
  kind       string  # Deployment, ReplicaSet or PodTemplate.
  name       string  # Its name, in the same namespace.
  scaleDown  string  # When to scale the Deployment down: never, onsuccess or progressively.
RollbackWindowSpec
  revisions int32  # How many revisions back a rollback skips all steps.
AnalysisRunStrategy
  successfulRunHistoryLimit   *int32  # How many successful ones to keep. 5 if absent.
  unsuccessfulRunHistoryLimit *int32  # How many others to keep. 5 if absent.
RolloutStrategy
  blueGreen *BlueGreenStrategy  # Two full sets of pods; a Service is switched at once.
  canary    *CanaryStrategy     # A growing share of pods or traffic, step by step.
BlueGreenStrategy
  activeService               string required     # Service of the version in use.
  previewService              string              # Service of the new version before its promotion.
  previewReplicaCount         *int32              # Number of new pods before the promotion. All if absent.
  autoPromotionEnabled        *bool               # Whether to promote without being asked. true if absent.
  autoPromotionSeconds        int32               # How long to wait before that.
  maxUnavailable              *int-or-string      # How many pods may be missing in a restart. 25% if absent.
  scaleDownDelaySeconds       *int32              # How long the old pods stay after the switch. 30 if absent.
  scaleDownDelayRevisionLimit *int32              # How many old revisions may wait for that at once.
  prePromotionAnalysis        *RolloutAnalysis    # Runs before the switch, and holds it back.
  antiAffinity                *AntiAffinity       # Keeps old and new pods on different nodes.
  postPromotionAnalysis       *RolloutAnalysis    # Runs after the switch, and takes it back on failure.
  previewMetadata             *PodTemplateMetadata  # Labels and annotations of pods before their promotion.
  activeMetadata              *PodTemplateMetadata  # Labels and annotations of pods after their promotion.
  abortScaleDownDelaySeconds  *int32              # How long new pods stay after an abort. 30 if absent; 0: for ever.
AntiAffinity
  preferredDuringSchedulingIgnoredDuringExecution *PreferredAntiAffinity  # Where possible.
  requiredDuringSchedulingIgnoredDuringExecution  *RequiredAntiAffinity   # Without exception.
PreferredAntiAffinity
  weight int32 required  # How strongly, from 1 to 100.
RequiredAntiAffinity
CanaryStrategy
  canaryService               string               # Service that selects the new pods.
  stableService               string               # Service that selects the stable pods.
  steps                       []CanaryStep         # What to do, one after the other. A plain rolling update if absent.
  trafficRouting              *TrafficRouting      # What splits the traffic. The number of pods does if absent.
  maxUnavailable              *int-or-string       # How many pods may be missing. 25% if absent.
  maxSurge                    *int-or-string       # How many pods there may be beyond spec.replicas. 25% if absent.
  analysis                    *RolloutAnalysisBackground  # Runs beside the steps, and aborts on failure.
  antiAffinity                *AntiAffinity        # Keeps old and new pods on different nodes.
  canaryMetadata              *PodTemplateMetadata # Labels and annotations of pods while they are canary.
  stableMetadata              *PodTemplateMetadata # Labels and annotations of pods while they are stable.
  scaleDownDelaySeconds       *int32               # How long old pods stay after the end. 30 with trafficRouting if absent.
  scaleDownDelayRevisionLimit *int32               # How many old revisions may wait for that at once.
  abortScaleDownDelaySeconds  *int32               # How long canary pods stay after an abort. 30 if absent; 0: for ever.
  dynamicStableScale          bool                 # Scales the stable pods down as traffic leaves them.
  pingPong                    *PingPongSpec        # Two Services that take turns as stable and canary.
  minPodsPerReplicaSet        *int32               # At least so many pods in a set that has any.
  replicaProgressThreshold    *ReplicaProgressThreshold  # How much of the canary suffices to go on.
RolloutAnalysisBackground
  ...RolloutAnalysis
  startingStep *int32  # Index of the step at which it starts. 0 if absent.
PingPongSpec
  pingService string required  # One of the two Services.
  pongService string required  # The other one.
ReplicaProgressThreshold
  type  string required  # Percent or Pods.
  value int32 required   # How much of it.
RolloutStatus  # What is found. Written by the controller only.
  abort                     bool              # The update is being taken back.
  pauseConditions           []PauseCondition  # Why it is paused.
  controllerPause           bool              # The controller paused it.
  abortedAt                 *time             # When the abort began.
  currentPodHash            string            # Hash of the wanted pod template.
  currentStepHash           string            # Hash of the steps.
  replicas                  int32             # Pods of all ReplicaSets.
  updatedReplicas           int32             # Pods of the wanted version.
  readyReplicas             int32             # Pods that are ready.
  availableReplicas         int32             # Pods that have been ready for minReadySeconds.
  currentStepIndex          *int32            # Index of the step at work.
  collisionCount            *int32            # How often a hash was already taken.
  observedGeneration        string            # Generation of the spec that this status answers.
  conditions                []Condition       # Available, Progressing, Paused, Healthy, Completed and the like.
  canary                    CanaryStatus      # State of a canary.
  blueGreen                 BlueGreenStatus   # State of a blue-green switch.
  HPAReplicas               int32             # Pods that an autoscaler counts.
  selector                  string            # Selector that an autoscaler uses.
  stableRS                  string            # Hash of the stable ReplicaSet.
  restartedAt               *time             # When the last restart ended.
  promoteFull               bool              # All steps are to be skipped.
  phase                     string            # Healthy, Progressing, Paused or Degraded.
  message                   string            # Why.
  workloadObservedGeneration string           # Generation of the referenced workload.
  alb                       *ALBStatus        # What stands behind the only ALB Ingress.
  albs                      []ALBStatus       # What stands behind each ALB Ingress.
  duration                  *RolloutDuration  # How long the update took.
PauseCondition
  reason    string required  # CanaryPauseStep, BlueGreenPause, InconclusiveAnalysisRun or InconclusiveExperiment.
  startTime time required    # Since when.
Condition
  type               string required  # What is claimed.
  status             string required  # True, False or Unknown.
  lastUpdateTime     time required    # When it was last written.
  lastTransitionTime time required    # When the status last changed.
  reason             string required  # Why, in one word.
  message            string required  # Why, in a sentence.
CanaryStatus
  currentStepAnalysisRunStatus       *AnalysisRunReference  # The step's analysis run.
  currentBackgroundAnalysisRunStatus *AnalysisRunReference  # The analysis run beside the steps.
  currentExperiment                  string                 # The step's Experiment.
  weights                            *TrafficWeights        # How the traffic is split.
  stablePingPong                     string                 # Which Service is stable: ping or pong.
  stepPluginStatuses                 []StepPluginStatus     # What step plugins answered.
AnalysisRunReference
  name    string required  # Its name.
  status  string required  # Its phase.
  message string           # Why.
TrafficWeights
  canary     WeightDestination required  # The new version.
  stable     WeightDestination required  # The stable version.
  additional []WeightDestination         # Pods of experiments.
  verified   *bool                       # Whether the router has confirmed them.
WeightDestination
  weight          int32 required  # Percent, or parts of maxTrafficWeight.
  serviceName     string          # Its Service.
  podTemplateHash string          # Its ReplicaSet's hash.
StepPluginStatus
  index      int32 required   # Index of the step.
  name       string required  # Name of the plugin.
  operation  string required  # Run, Terminate or Abort.
  phase      string           # Running, Successful, Failed or Error.
  message    string           # Why.
  startedAt  *time            # When it began.
  updatedAt  *time            # When it last answered.
  finishedAt *time            # When it ended.
  backoff    string           # How long to wait before the next call.
  executions int32            # How often it was called.
  disabled   bool             # Whether it was skipped because it is switched off.
  status     object           # The plugin's own state.
BlueGreenStatus
  previewSelector                string                 # Hash that the preview Service selects.
  activeSelector                 string                 # Hash that the active Service selects.
  scaleUpPreviewCheckPoint       bool                   # The preview may grow to full size.
  prePromotionAnalysisRunStatus  *AnalysisRunReference  # The analysis run before the switch.
  postPromotionAnalysisRunStatus *AnalysisRunReference  # The analysis run after the switch.
ALBStatus
  loadBalancer      AwsResource  # The load balancer.
  canaryTargetGroup AwsResource  # The target group of the canary.
  stableTargetGroup AwsResource  # The target group of the stable version.
  ingress           string       # The Ingress.
AwsResource
  name     string required  # Its name.
  arn      string required  # Its ARN.
  fullName string           # Its name as metrics have it.
RolloutDuration
  rolloutStartedAt                *time   # When the update began.
  manualPauseStartedAt            *time   # Since when it waits for a person.
  totalManualPauseDurationSeconds *int64  # How long it has waited for people.
  finishedAt                      *time   # When it ended.
  completionStatus                string  # Promoted, FastPromoted, Aborted, Superseded, RolledBack or FastRolledBack.
"""
