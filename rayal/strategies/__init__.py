"""Strategies: which images should be labeled next. One file is one strategy, named as in YAML.

What several share lies in modules that begin with `_`, or in `rayal.kernels`.
"""
