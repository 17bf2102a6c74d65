"""Encoders: images in, features (N, D) and perhaps a dataset map out."""
