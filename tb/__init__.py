"""Testbenches and the harness that runs them under Verilator."""
