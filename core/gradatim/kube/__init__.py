"""The only room that talks to the API server, and it imports nothing of ours but the error roots.

`login` gives a transport, `Client` sends through it. `Watch` lists and watches, `Reflector` feeds a `Cache` from it,
`Election` holds the lease, `EventRecorder` writes Events. Every object is a plain dict; every fault is a `KubeError`.
"""
