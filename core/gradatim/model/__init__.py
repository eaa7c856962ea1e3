"""Frozen views of the objects that we read. Pure.

In: the JSON of an object as the cache holds it. Out: a frozen view with the fields that decisions need, and the
faults found on the way. A view is parsed once, when its object enters the cache, and never written back: writes are
patches of plain dicts, so that fields we do not know survive.
"""
