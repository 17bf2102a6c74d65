"""Runs on disk -> frames: trials planned, rounds measured, and how their rows are grouped."""
