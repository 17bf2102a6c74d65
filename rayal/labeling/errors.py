"""What a labeling project refuses."""

from __future__ import annotations


class LabelingError(ValueError):
    """A request that cannot be met; the message names the thing, the value and the way out."""
