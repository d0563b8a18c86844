"""The acceptance scenarios of synchronisation (A1 to M106), one test each, numbered in its name.

Where the hub differs on purpose, the test shows what it does instead and names the line of `docs/differences.md`.
"""
