"""Shards on the nodes of a Ray cluster. Ray is imported inside functions, as in `rayal.run.ray`."""
