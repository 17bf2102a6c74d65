"""Ray: an actor for each embedding, Tune for the trials.

With `rayal.distributed.on_ray` the only package that imports ray.

An actor per (dataset, encoder) prepares features and map and holds them; its answer goes to the
object store once and every trial on a node reads it there without a copy. Tune schedules the
trials: one becomes available when the embedding it needs is ready. What crosses to a worker is a
trial and a path.

Ray is imported inside functions: `--help` and `--dry-run` must not wait for it, and it reads its
environment when it is imported.
"""
