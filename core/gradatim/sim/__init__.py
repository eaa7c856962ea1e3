"""An embedded Kubernetes for tests, benchmarks and demonstrations.

In: manifests and requests, as a real API server takes them. Out: objects, watches, ready pods, a mesh that lags.
`Sim` is the cluster, `run_virtual` makes its time pass at once; both are used by tests, `gradatim sim` and the demo.
"""

from gradatim.sim.cluster import Sim, SimSettings
from gradatim.sim.transport import Line
from gradatim.sim.virtual import StandstillError, run_virtual

__all__ = ["Line", "Sim", "SimSettings", "StandstillError", "run_virtual"]
