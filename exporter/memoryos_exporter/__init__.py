"""Prometheus exporter for MemoryOS."""

__version__ = "0.1.0"
