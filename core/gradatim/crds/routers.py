"""`spec.strategy.canary.trafficRouting`: one block for each traffic router.

In: nothing. Out: the text of a table; `gradatim.model.podspec.table` says how to read it. `definitions.py` reads it.
Blocks of routers for which no plugin is installed are accepted too: `gradatim validate` says that nothing serves them.
"""

from __future__ import annotations

from typing import Final

ROUTERS: Final = """\
TrafficRouting
  istio            *IstioTrafficRouting       # Istio VirtualServices and DestinationRules.
  nginx            *NginxTrafficRouting       # Canary Ingresses of ingress-nginx.
  alb              *ALBTrafficRouting         # Ingresses of the AWS Load Balancer Controller.
  smi              *SMITrafficRouting         # TrafficSplits of the Service Mesh Interface.
  ambassador       *AmbassadorTrafficRouting  # Mappings of Ambassador.
  appMesh          *AppMeshTrafficRouting     # VirtualRouters and VirtualNodes of AWS App Mesh.
  traefik          *TraefikTrafficRouting     # TraefikServices.
  apisix           *ApisixTrafficRouting      # ApisixRoutes.
  plugins          object                     # Routers from plugins: the plugin's name, and its settings.
  managedRoutes    []ManagedRoute             # Routes that steps may make and remove, the first one matched first.
  maxTrafficWeight *int32                     # What all weights add up to, where the router allows other than 100.
ManagedRoute
  name string required  # Name of the route.
IstioTrafficRouting
  virtualService  *IstioVirtualService   # The VirtualService whose weights are set.
  virtualServices []IstioVirtualService  # Several of them. Not beside virtualService.
  destinationRule *IstioDestinationRule  # The DestinationRule whose subsets are set.
IstioVirtualService
  name      string required   # Its name, or name.namespace.
  routes    []string          # Names of the HTTP routes. The only one if absent.
  tlsRoutes []IstioTLSRoute   # The TLS routes.
  tcpRoutes []IstioTCPRoute   # The TCP routes.
IstioTLSRoute
  port     int64     # Port that the route matches.
  sniHosts []string  # Host names that the route matches.
IstioTCPRoute
  port int64  # Port that the route matches.
IstioDestinationRule
  name                  string required  # Its name.
  canarySubsetName      string required  # Subset of the new pods.
  stableSubsetName      string required  # Subset of the stable pods.
  additionalSubsetNames []string         # Subsets of other DestinationRules whose weights are left alone.
NginxTrafficRouting
  annotationPrefix             string    # Prefix of the annotations. nginx.ingress.kubernetes.io if absent.
  stableIngress                string    # Ingress of the stable Service.
  stableIngresses              []string  # Several of them. Not beside stableIngress.
  additionalIngressAnnotations {}string  # Annotations for the canary Ingress, which get the prefix.
  canaryIngressAnnotations     {}string  # Annotations for the canary Ingress, as they stand.
ALBTrafficRouting
  ingress          string             # Ingress of the Service.
  ingresses        []string           # Several of them. Not beside ingress.
  servicePort      int32 required     # Port of the Service.
  rootService      string             # Service that the Ingress names. stableService if absent.
  stickinessConfig *StickinessConfig  # Keeps a client on one target group.
  annotationPrefix string             # Prefix of the annotations. alb.ingress.kubernetes.io if absent.
StickinessConfig
  enabled         bool required   # Whether it is on.
  durationSeconds int64 required  # For how long, from 1 to 604800.
SMITrafficRouting
  rootService      string  # Service that clients call. stableService if absent.
  trafficSplitName string  # Name of the TrafficSplit. That of the Rollout if absent.
AmbassadorTrafficRouting
  mappings []string required  # Names of the Mappings.
AppMeshTrafficRouting
  virtualService   *AppMeshVirtualService    # The VirtualService whose router's weights are set.
  virtualNodeGroup *AppMeshVirtualNodeGroup  # The two VirtualNodes.
AppMeshVirtualService
  name   string required  # Its name.
  routes []string         # Names of the routes. The only one if absent.
AppMeshVirtualNodeGroup
  canaryVirtualNodeRef AppMeshVirtualNodeReference required  # VirtualNode of the new pods.
  stableVirtualNodeRef AppMeshVirtualNodeReference required  # VirtualNode of the stable pods.
AppMeshVirtualNodeReference
  name string required  # Its name.
TraefikTrafficRouting
  weightedTraefikServiceName string required  # Name of the TraefikService.
ApisixTrafficRouting
  route *ApisixRoute  # The ApisixRoute whose weights are set.
ApisixRoute
  name  string required  # Its name.
  rules []string         # Names of its HTTP rules. The only one if absent.
"""
