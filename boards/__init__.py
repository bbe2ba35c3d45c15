"""Platforms, board tops and the flow to a bitstream."""
