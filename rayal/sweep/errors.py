"""How a sweep is refused: all that is wrong with it is told at once."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from rayal.hints import shorten

MOST = 20  # mistakes that are told; whoever has more has one cause for them
LONGEST = 2_000  # characters of one


class SweepError(ValueError):
    """The sweep is refused; the message says what is wrong and the way out."""


class Mistakes:
    """Gathers what is wrong, a sentence each, to refuse a sweep with all of it."""

    def __init__(self, about: str) -> None:
        self._about = about
        self._sentences: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self._sentences)

    def add(self, sentence: str) -> None:
        """Note a mistake; one that is noted already counts once.

        Raises:
            SweepError: there are as many as are told; looking for more would take long.
        """
        self._sentences[_short(sentence)] = None
        if len(self._sentences) >= MOST:
            raise self._error(more=True)

    @contextmanager
    def gather(self) -> Iterator[None]:
        """Note what is raised inside, and go on after it.

        Components may raise anything while a sweep is planned, and a plugin's may even call
        sys.exit; what is no message for people is told with its type, file and line.
        """
        try:
            yield
        except SweepError:
            raise
        except (ValueError, OSError, ImportError) as error:
            for sentence in getattr(error, "sentences", None) or [text_of(error)]:
                self.add(sentence)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - see above
            self.add(f"{type(error).__name__}: {text_of(error)} ({place_of(error)})")

    def raise_if_any(self) -> None:
        """Refuse the sweep where anything is wrong.

        Raises:
            SweepError: with all that was noted, on a line each.
        """
        if self._sentences:
            raise self._error()

    def _error(self, *, more: bool = False) -> SweepError:
        sentences = list(self._sentences)
        if len(sentences) == 1:
            return SweepError(f"{self._about}: {sentences[0]}")
        count = f"{len(sentences)} mistakes" + (", and there may be more" if more else "")
        return SweepError("\n  ".join([f"{self._about}: {count}:", *sentences]))


def text_of(error: BaseException) -> str:
    """Return the message of an exception on one line, whatever that message is made of."""
    try:
        return " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - the message of a plugin's exception may itself fail
        return "its message cannot be read"


def place_of(error: BaseException, file: str = "") -> str:
    """Return "FILE, line N" of where an exception was raised, the last place in `file` if given."""
    frames = traceback.extract_tb(error.__traceback__)
    while len(frames) > 1 and isinstance(error, SystemExit) and frames[-1].name == "exit":
        frames.pop()  # trackers such as wandb put a function of theirs in the place of sys.exit
    inside = [frame for frame in frames if not file or frame.filename == file]
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    return f"{inside[-1].filename}, line {inside[-1].lineno}" if inside else file


def _short(sentence: str) -> str:
    return shorten(" ".join(sentence.split()), LONGEST)
