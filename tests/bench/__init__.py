"""Measurements, one module an area."""
