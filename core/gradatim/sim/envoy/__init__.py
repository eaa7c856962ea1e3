"""A real Envoy in front of the embedded cluster: Istio's objects and ready endpoints as its configuration.

In: a running `Sim`. Out: a port on loopback whose requests a real proxy routes, to pods that really answer.
`RealMesh` is all of it; the lab in `tests/mesh` and the demo use it. Real time only, and no part of Istio runs.
"""

from gradatim.sim.envoy.follower import Lag
from gradatim.sim.envoy.program import EnvoyFault, envoy_program
from gradatim.sim.envoy.realmesh import RealMesh
from gradatim.sim.envoy.visitors import Reply, Visitors

__all__ = ["EnvoyFault", "Lag", "RealMesh", "Reply", "Visitors", "envoy_program"]
