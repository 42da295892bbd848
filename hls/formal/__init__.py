"""Formal proofs of the release path: harnesses, the properties that they state, seeded bugs, and the runner."""
