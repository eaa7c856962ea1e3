"""Containers and all they hold: environment, probes, resources, security.

In: nothing. Out: the text of a table, in the order of the Go structs of k8s.io/api v0.34; `table.py` says how to
read it. The package's `__init__` reads it.
"""

from __future__ import annotations

from typing import Final

CONTAINERS: Final = """\
Container
  name                     string required
  image                    string
  command                  []string atomic
  args                     []string atomic
  workingDir               string
  ports                    []ContainerPort keys=containerPort,protocol
  envFrom                  []EnvFromSource atomic
  env                      []EnvVar keys=name
  resources                ResourceRequirements
  resizePolicy             []ContainerResizePolicy atomic
  restartPolicy            *string
  restartPolicyRules       []ContainerRestartRule atomic
  volumeMounts             []VolumeMount keys=mountPath
  volumeDevices            []VolumeDevice keys=devicePath
  livenessProbe            *Probe
  readinessProbe           *Probe
  startupProbe             *Probe
  lifecycle                *Lifecycle
  terminationMessagePath   string
  terminationMessagePolicy string
  imagePullPolicy          string
  securityContext          *SecurityContext
  stdin                    bool
  stdinOnce                bool
  tty                      bool
EphemeralContainer
  ...Container
  targetContainerName string
ObjectFieldSelector atomic
  apiVersion string
  fieldPath  string required
ResourceFieldSelector atomic
  containerName string
  resource      string required
  divisor       quantity
ContainerPort
  name          string
  hostPort      int32
  containerPort int32 required
  protocol      string default="TCP"
  hostIP        string
EnvFromSource
  prefix       string
  configMapRef *ConfigMapEnvSource
  secretRef    *SecretEnvSource
ConfigMapEnvSource atomic
  name     string default=""
  optional *bool
SecretEnvSource atomic
  name     string default=""
  optional *bool
EnvVar
  name      string required
  value     string
  valueFrom *EnvVarSource
EnvVarSource
  fieldRef         *ObjectFieldSelector
  resourceFieldRef *ResourceFieldSelector
  configMapKeyRef  *ConfigMapKeySelector
  secretKeyRef     *SecretKeySelector
  fileKeyRef       *FileKeySelector
ConfigMapKeySelector atomic
  name     string default=""
  key      string required
  optional *bool
SecretKeySelector atomic
  name     string default=""
  key      string required
  optional *bool
FileKeySelector atomic
  volumeName string required
  path       string required
  key        string required
  optional   *bool default=false
ResourceRequirements
  limits   {}quantity
  requests {}quantity
  claims   []ResourceClaim keys=name
ResourceClaim
  name    string required
  request string
ContainerResizePolicy
  resourceName  string required
  restartPolicy string required
ContainerRestartRule
  action    string needed
  exitCodes *ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes
  operator string needed
  values   []int32 set
VolumeMount
  name              string required
  readOnly          bool
  recursiveReadOnly *string
  mountPath         string required
  subPath           string
  mountPropagation  *string
  subPathExpr       string
  bindMountOptions  []string set since=1.37
VolumeDevice
  name       string required
  devicePath string required
Probe
  exec                          *ExecAction
  httpGet                       *HTTPGetAction
  tcpSocket                     *TCPSocketAction
  grpc                          *GRPCAction
  initialDelaySeconds           int32
  timeoutSeconds                int32
  periodSeconds                 int32
  successThreshold              int32
  failureThreshold              int32
  terminationGracePeriodSeconds *int64
ExecAction
  command []string atomic
HTTPGetAction
  path        string
  port        int-or-string required
  host        string
  scheme      string
  httpHeaders []HTTPHeader atomic
  protocol    *string since=1.37
HTTPHeader
  name  string required
  value string required
TCPSocketAction
  port int-or-string required
  host string
GRPCAction
  port    int32 required
  service *string always default=""
  mode    *string since=1.37
Lifecycle
  postStart  *LifecycleHandler
  preStop    *LifecycleHandler
  stopSignal *string
LifecycleHandler
  exec      *ExecAction
  httpGet   *HTTPGetAction
  tcpSocket *TCPSocketAction
  sleep     *SleepAction
SleepAction
  seconds int64 required
SecurityContext
  capabilities             *Capabilities
  privileged               *bool
  seLinuxOptions           *SELinuxOptions
  windowsOptions           *WindowsSecurityContextOptions
  runAsUser                *int64
  runAsGroup               *int64
  runAsNonRoot             *bool
  readOnlyRootFilesystem   *bool
  allowPrivilegeEscalation *bool
  procMount                *string
  seccompProfile           *SeccompProfile
  appArmorProfile          *AppArmorProfile
Capabilities
  add  []string atomic
  drop []string atomic
SELinuxOptions
  user  string
  role  string
  type  string
  level string
WindowsSecurityContextOptions
  gmsaCredentialSpecName *string
  gmsaCredentialSpec     *string
  runAsUserName          *string
  hostProcess            *bool
SeccompProfile
  type             string required
  localhostProfile *string
AppArmorProfile
  type             string required
  localhostProfile *string
"""
