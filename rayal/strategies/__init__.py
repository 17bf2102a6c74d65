"""Strategies: which images should be labelled next."""
