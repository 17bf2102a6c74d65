"""Strategies: which images should be labeled next."""
