"""What goes wrong with a cluster, each with the way out in its message."""

from __future__ import annotations


class ClusterError(Exception):
    """Ray cannot do what the sweep asks; nothing was started."""


class ClusterLostError(Exception):
    """The cluster went while the sweep ran; what is finished is kept."""
