"""How a value is refused: where it stands and what is wrong with it. The error crosses borders as these two values."""

from __future__ import annotations

from typing import Self


class FieldError(ValueError):
    """A value that cannot be accepted: `path` leads to it from the object that was read, `message` says what is wrong.

    An empty path means the object itself. Whoever shows the error elsewhere (a form, an API answer) uses the two
    attributes; the text is for people and is never split again.

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
        """An error of the object itself, which names no field.

        >>> str(FieldError.because("nothing of pm is in force"))
        'nothing of pm is in force'
        """
        return cls("", message)

    @classmethod
    def joined(cls, errors: list[FieldError]) -> Self:
        """Several errors as one: a single one keeps its path, more are told together. `errors` holds at least one.

        >>> str(FieldError.joined([FieldError("n", "missing"), FieldError("edge_raw", "missing")]))
        'n: missing; edge_raw: missing'
        """
        if len(errors) == 1:
            return cls(errors[0].path, errors[0].message)
        return cls("", "; ".join(map(str, errors)))

    def under(self, place: str) -> FieldError:
        """The same fault, seen from the object that holds the faulty one at `place`."""
        return FieldError(f"{place}.{self.path}" if self.path else place, self.message)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message
