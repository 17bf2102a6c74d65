"""Numerics that components share; they import nothing of rayal."""
