"""Volumes: every source that a pod can mount.

In: nothing. Out: the text of a table, in the order of the Go structs of k8s.io/api v0.34; `table.py` says how to
read it. The CRDs leave volumes without a schema, as Argo Rollouts' do, so only hashes are made from it.
"""

from __future__ import annotations

from typing import Final

VOLUMES: Final = """\
Volume
  name                  string required
  hostPath              *HostPathVolumeSource
  emptyDir              *EmptyDirVolumeSource
  gcePersistentDisk     *GCEPersistentDiskVolumeSource
  awsElasticBlockStore  *AWSElasticBlockStoreVolumeSource
  gitRepo               *GitRepoVolumeSource
  secret                *SecretVolumeSource
  nfs                   *NFSVolumeSource
  iscsi                 *ISCSIVolumeSource
  glusterfs             *GlusterfsVolumeSource
  persistentVolumeClaim *PersistentVolumeClaimVolumeSource
  rbd                   *RBDVolumeSource
  flexVolume            *FlexVolumeSource
  cinder                *CinderVolumeSource
  cephfs                *CephFSVolumeSource
  flocker               *FlockerVolumeSource
  downwardAPI           *DownwardAPIVolumeSource
  fc                    *FCVolumeSource
  azureFile             *AzureFileVolumeSource
  configMap             *ConfigMapVolumeSource
  vsphereVolume         *VsphereVirtualDiskVolumeSource
  quobyte               *QuobyteVolumeSource
  azureDisk             *AzureDiskVolumeSource
  photonPersistentDisk  *PhotonPersistentDiskVolumeSource
  projected             *ProjectedVolumeSource
  portworxVolume        *PortworxVolumeSource
  scaleIO               *ScaleIOVolumeSource
  storageos             *StorageOSVolumeSource
  csi                   *CSIVolumeSource
  ephemeral             *EphemeralVolumeSource
  image                 *ImageVolumeSource
HostPathVolumeSource
  path string required
  type *string
EmptyDirVolumeSource
  medium    string
  sizeLimit *quantity
  mode      *int32 since=1.37
GCEPersistentDiskVolumeSource
  pdName    string required
  fsType    string
  partition int32
  readOnly  bool
AWSElasticBlockStoreVolumeSource
  volumeID  string required
  fsType    string
  partition int32
  readOnly  bool
GitRepoVolumeSource
  repository string required
  revision   string
  directory  string
SecretVolumeSource
  secretName  string
  items       []KeyToPath atomic
  defaultMode *int32
  optional    *bool
  defaultUser *int64 since=1.37
KeyToPath
  key  string required
  path string required
  mode *int32
  user *int64 since=1.37
NFSVolumeSource
  server   string required
  path     string required
  readOnly bool
ISCSIVolumeSource
  targetPortal      string required
  iqn               string required
  lun               int32 required
  iscsiInterface    string
  fsType            string
  readOnly          bool
  portals           []string atomic
  chapAuthDiscovery bool
  chapAuthSession   bool
  secretRef         *LocalObjectReference
  initiatorName     *string
GlusterfsVolumeSource
  endpoints string required
  path      string required
  readOnly  bool
PersistentVolumeClaimVolumeSource
  claimName string required
  readOnly  bool
RBDVolumeSource
  monitors  []string required atomic
  image     string required
  fsType    string
  pool      string
  user      string
  keyring   string
  secretRef *LocalObjectReference
  readOnly  bool
FlexVolumeSource
  driver    string required
  fsType    string
  secretRef *LocalObjectReference
  readOnly  bool
  options   {}string
CinderVolumeSource
  volumeID  string required
  fsType    string
  readOnly  bool
  secretRef *LocalObjectReference
CephFSVolumeSource
  monitors   []string required atomic
  path       string
  user       string
  secretFile string
  secretRef  *LocalObjectReference
  readOnly   bool
FlockerVolumeSource
  datasetName string
  datasetUUID string
DownwardAPIVolumeSource
  items       []DownwardAPIVolumeFile atomic
  defaultMode *int32
  defaultUser *int64 since=1.37
DownwardAPIVolumeFile
  path             string required
  fieldRef         *ObjectFieldSelector
  resourceFieldRef *ResourceFieldSelector
  mode             *int32
  user             *int64 since=1.37
FCVolumeSource
  targetWWNs []string atomic
  lun        *int32
  fsType     string
  readOnly   bool
  wwids      []string atomic
AzureFileVolumeSource
  secretName string required
  shareName  string required
  readOnly   bool
ConfigMapVolumeSource
  name        string
  items       []KeyToPath atomic
  defaultMode *int32
  optional    *bool
  defaultUser *int64 since=1.37
VsphereVirtualDiskVolumeSource
  volumePath        string required
  fsType            string
  storagePolicyName string
  storagePolicyID   string
QuobyteVolumeSource
  registry string required
  volume   string required
  readOnly bool
  user     string
  group    string
  tenant   string
AzureDiskVolumeSource
  diskName    string required
  diskURI     string required
  cachingMode *string
  fsType      *string
  readOnly    *bool
  kind        *string
PhotonPersistentDiskVolumeSource
  pdID   string required
  fsType string
ProjectedVolumeSource
  sources     []VolumeProjection always atomic
  defaultMode *int32
  defaultUser *int64 since=1.37
VolumeProjection
  secret              *SecretProjection
  downwardAPI         *DownwardAPIProjection
  configMap           *ConfigMapProjection
  serviceAccountToken *ServiceAccountTokenProjection
  clusterTrustBundle  *ClusterTrustBundleProjection
  podCertificate      *PodCertificateProjection
SecretProjection
  name     string
  items    []KeyToPath atomic
  optional *bool
DownwardAPIProjection
  items []DownwardAPIVolumeFile atomic
ConfigMapProjection
  name     string
  items    []KeyToPath atomic
  optional *bool
ServiceAccountTokenProjection
  audience          string
  expirationSeconds *int64
  path              string required
  user              *int64 since=1.37
ClusterTrustBundleProjection
  name          *string
  signerName    *string
  labelSelector *LabelSelector
  optional      *bool
  path          string required
  user          *int64 since=1.37
PodCertificateProjection
  signerName           string needed
  keyType              string needed
  maxExpirationSeconds *int32
  credentialBundlePath string
  keyPath              string
  certificateChainPath string
  userAnnotations      {}string since=1.35
  user                 *int64 since=1.37
PortworxVolumeSource
  volumeID string required
  fsType   string
  readOnly bool
ScaleIOVolumeSource
  gateway          string required
  system           string required
  secretRef        *LocalObjectReference required
  sslEnabled       bool
  protectionDomain string
  storagePool      string
  storageMode      string
  volumeName       string
  fsType           string
  readOnly         bool
StorageOSVolumeSource
  volumeName      string
  volumeNamespace string
  fsType          string
  readOnly        bool
  secretRef       *LocalObjectReference
CSIVolumeSource
  driver               string required
  readOnly             *bool
  fsType               *string
  volumeAttributes     {}string
  nodePublishSecretRef *LocalObjectReference
EphemeralVolumeSource
  volumeClaimTemplate *PersistentVolumeClaimTemplate
PersistentVolumeClaimTemplate
  metadata ObjectMeta
  spec     PersistentVolumeClaimSpec required
PersistentVolumeClaimSpec
  accessModes               []string atomic
  selector                  *LabelSelector
  resources                 VolumeResourceRequirements
  volumeName                string
  storageClassName          *string
  volumeMode                *string
  dataSource                *TypedLocalObjectReference
  dataSourceRef             *TypedObjectReference
  volumeAttributesClassName *string
VolumeResourceRequirements
  limits   {}quantity
  requests {}quantity
TypedLocalObjectReference atomic
  apiGroup *string always
  kind     string required
  name     string required
TypedObjectReference
  apiGroup  *string always
  kind      string required
  name      string required
  namespace *string
ImageVolumeSource
  reference  string
  pullPolicy string
"""
