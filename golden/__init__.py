"""Quantisers, trainable layers, the integer Network and its exact reference."""
