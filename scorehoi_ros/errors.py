"""Errors that a user can act on.

Every message says what was wrong, what was got, what was expected and what to do.  The command line prints
the message without a traceback and exits with ``exit_code``; the node and ``scorehoi label`` turn a
per-frame error into a frame status and go on.
"""

LONGEST = 80
"""Characters of a name that an error repeats."""


def plain(name: str) -> str:
    """A name from outside as errors repeat it: short, without what a terminal cannot show."""
    cut = name if len(name) <= LONGEST else f"{name[:LONGEST]}..."
    return "".join(character if character.isprintable() else "?" for character in cut)


def shown(name: str) -> str:
    """The same in quotes, for names that may be empty or hold spaces."""
    return f'"{plain(name)}"'


class ScorehoiError(Exception):
    """Base of all errors that the user can mend."""

    exit_code = 2


class InputError(ScorehoiError):
    """A file, frame, mask, bag or argument is not usable as given."""


class CameraError(ScorehoiError):
    """Camera intrinsics are missing, not finite, or do not fit the image."""


class TemplateError(ScorehoiError):
    """An object template cannot be read or has wrong units, origin or topology."""


class BodyError(ScorehoiError):
    """A body model file is missing, damaged, unsafe or of another layout."""


class WeightsError(ScorehoiError):
    """Weights of a network are missing, damaged, of another release or of another layout."""


class OutputError(ScorehoiError):
    """A result cannot be written."""

    exit_code = 3


class MissingExtraError(ScorehoiError):
    """An optional package or licensed file is needed; the message names the extra or the option."""

    exit_code = 4
