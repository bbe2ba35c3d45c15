"""Amaranth generators: arithmetic, streams, layers, the accelerator and its plan."""
