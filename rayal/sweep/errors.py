"""How a sweep is refused."""


class SweepError(ValueError):
    """The sweep is refused; the message says what is wrong and the way out."""
