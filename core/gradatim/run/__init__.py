"""The running controller: caches, queues, workers, measurements, the fence around plugins, health.

In: a client and the plugins. Out: a controller at work. `controller.py` puts the parts together; `cli/run.py`, the demo
and whole-cluster tests start it. It decides nothing: it asks `decide` and has `apply` carry out the answer.
"""
