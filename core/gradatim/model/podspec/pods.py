"""The pod template, its metadata, and how pods are placed.

In: nothing. Out: the text of a table, in the order of the Go structs of k8s.io/api v0.34; `table.py` says how to
read it. The package's `__init__` reads it.
"""

from __future__ import annotations

from typing import Final

PODS: Final = """\
PodTemplateSpec
  metadata ObjectMeta
  spec     PodSpec
ObjectMeta
  name                       string
  generateName               string
  namespace                  string
  selfLink                   string
  uid                        string
  resourceVersion            string
  generation                 int64
  creationTimestamp          time
  deletionTimestamp          *time
  deletionGracePeriodSeconds *int64
  labels                     {}string
  annotations                {}string
  ownerReferences            []OwnerReference keys=uid
  finalizers                 []string set
  managedFields              []ManagedFieldsEntry atomic
OwnerReference atomic
  apiVersion         string required
  kind               string required
  name               string required
  uid                string required
  controller         *bool
  blockOwnerDeletion *bool
ManagedFieldsEntry
  manager     string
  operation   string
  apiVersion  string
  time        *time
  fieldsType  string
  fieldsV1    any
  subresource string
PodSpec
  volumes                       []Volume keys=name
  initContainers                []Container keys=name
  containers                    []Container required keys=name
  ephemeralContainers           []EphemeralContainer keys=name
  restartPolicy                 string
  terminationGracePeriodSeconds *int64
  activeDeadlineSeconds         *int64
  dnsPolicy                     string
  nodeSelector                  {}string atomic
  serviceAccountName            string
  serviceAccount                string
  automountServiceAccountToken  *bool
  nodeName                      string
  hostNetwork                   bool
  hostPID                       bool
  hostIPC                       bool
  shareProcessNamespace         *bool
  securityContext               *PodSecurityContext
  imagePullSecrets              []LocalObjectReference keys=name
  hostname                      string
  subdomain                     string
  affinity                      *Affinity
  schedulerName                 string
  tolerations                   []Toleration atomic
  hostAliases                   []HostAlias keys=ip
  priorityClassName             string
  priority                      *int32
  dnsConfig                     *PodDNSConfig
  readinessGates                []PodReadinessGate atomic
  runtimeClassName              *string
  enableServiceLinks            *bool
  preemptionPolicy              *string
  overhead                      {}quantity
  topologySpreadConstraints     []TopologySpreadConstraint keys=topologyKey,whenUnsatisfiable
  setHostnameAsFQDN             *bool
  os                            *PodOS
  hostUsers                     *bool
  schedulingGates               []PodSchedulingGate keys=name
  resourceClaims                []PodResourceClaim keys=name
  resources                     *ResourceRequirements
  hostnameOverride              *string
  schedulingGroup               *PodSchedulingGroup since=1.36
  evictionResponders            []EvictionResponder keys=name since=1.37
PodSecurityContext
  seLinuxOptions           *SELinuxOptions
  windowsOptions           *WindowsSecurityContextOptions
  runAsUser                *int64
  runAsGroup               *int64
  runAsNonRoot             *bool
  supplementalGroups       []int64 atomic
  supplementalGroupsPolicy *string
  fsGroup                  *int64
  sysctls                  []Sysctl atomic
  fsGroupChangePolicy      *string
  seccompProfile           *SeccompProfile
  appArmorProfile          *AppArmorProfile
  seLinuxChangePolicy      *string
Sysctl
  name  string required
  value string required
PodDNSConfig
  nameservers []string atomic
  searches    []string atomic
  options     []PodDNSConfigOption atomic
PodDNSConfigOption
  name  string
  value *string
HostAlias
  ip        string required
  hostnames []string atomic
PodReadinessGate
  conditionType string required
PodOS
  name string required
PodSchedulingGate
  name string required
PodResourceClaim
  name                      string required
  resourceClaimName         *string
  resourceClaimTemplateName *string
PodSchedulingGroup
  podGroupName *string since=1.36
EvictionResponder atomic
  name     string required since=1.37
  priority *int32 required since=1.37
Toleration
  key               string
  operator          string
  value             string
  effect            string
  tolerationSeconds *int64
TopologySpreadConstraint
  maxSkew            int32 required
  topologyKey        string required
  whenUnsatisfiable  string required
  labelSelector      *LabelSelector
  minDomains         *int32
  nodeAffinityPolicy *string
  nodeTaintsPolicy   *string
  matchLabelKeys     []string atomic
Affinity
  nodeAffinity    *NodeAffinity
  podAffinity     *PodAffinity
  podAntiAffinity *PodAntiAffinity
NodeAffinity
  requiredDuringSchedulingIgnoredDuringExecution  *NodeSelector
  preferredDuringSchedulingIgnoredDuringExecution []PreferredSchedulingTerm atomic
NodeSelector atomic
  nodeSelectorTerms []NodeSelectorTerm required atomic
NodeSelectorTerm atomic
  matchExpressions []NodeSelectorRequirement atomic
  matchFields      []NodeSelectorRequirement atomic
NodeSelectorRequirement
  key      string required
  operator string required
  values   []string atomic
PreferredSchedulingTerm
  weight     int32 required
  preference NodeSelectorTerm required
PodAffinity
  requiredDuringSchedulingIgnoredDuringExecution  []PodAffinityTerm atomic
  preferredDuringSchedulingIgnoredDuringExecution []WeightedPodAffinityTerm atomic
PodAffinityTerm
  labelSelector     *LabelSelector
  namespaces        []string atomic
  topologyKey       string required
  namespaceSelector *LabelSelector
  matchLabelKeys    []string atomic
  mismatchLabelKeys []string atomic
WeightedPodAffinityTerm
  weight          int32 required
  podAffinityTerm PodAffinityTerm required
PodAntiAffinity
  ...PodAffinity
LabelSelector atomic
  matchLabels      {}string
  matchExpressions []LabelSelectorRequirement atomic
LabelSelectorRequirement
  key      string required
  operator string required
  values   []string atomic
LocalObjectReference atomic
  name string default=""
"""
