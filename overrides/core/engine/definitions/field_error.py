"""The error of a value that is refused: where the value is, and what is wrong with it, as two separate texts."""

from __future__ import annotations

from typing import Self


class FieldError(ValueError):
    """A value that cannot be accepted: `path` leads to it from the object that was read, `message` says what is wrong.

    An empty path means the object itself. Code that shows the error elsewhere (a form, an API response) uses the two
    attributes; the text is for people and is never parsed.

    >>> error = FieldError("n", "must be 0 to 1e+09").under("stats")
    >>> error.path, error.message, str(error)
    ('stats.n', 'must be 0 to 1e+09', 'stats.n: must be 0 to 1e+09')
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(path, message)
        self.path = path
        self.message = message

    @classmethod
    def because(cls, message: str) -> Self:
        """Return an error of the object itself, without a path.

        >>> str(FieldError.because("nothing of pm is in force"))
        'nothing of pm is in force'
        """
        return cls("", message)

    @classmethod
    def joined(cls, errors: list[FieldError]) -> Self:
        """Return one error for one or more: a single error keeps its path, several become one message without a path.

        >>> str(FieldError.joined([FieldError("n", "missing"), FieldError("edge_raw", "missing")]))
        'n: missing; edge_raw: missing'
        """
        if len(errors) == 1:
            return cls(errors[0].path, errors[0].message)
        return cls("", "; ".join(map(str, errors)))

    def under(self, place: str) -> FieldError:
        """Return the same error with its path seen from the object that holds the faulty one at `place`."""
        return FieldError(f"{place}.{self.path}" if self.path else place, self.message)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message
