"""Drives the simulated camera through every fault, against its golden model. Needs neither FINN nor torch."""
