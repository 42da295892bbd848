"""Simulation of stitched designs with Verilator: build, drive, measure. Needs neither FINN nor torch."""
