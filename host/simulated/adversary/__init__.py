"""A host that attacks: full access to registers and memory, looking for one raw byte of a face."""

from __future__ import annotations

from host.simulated.adversary.run import AdversaryReport, golden_pair, run_adversary, verilated_pair

__all__ = ["AdversaryReport", "golden_pair", "run_adversary", "verilated_pair"]
