"""Datasets: arrays and labels."""
