"""Compare the audit chain with heads that were noted outside the database.

A chain that was cut, restored from an older backup, or written anew with valid hashes is consistent in itself. Only a
hash that was noted earlier, in a place that whoever rewrites the chain cannot write, shows that the chain has changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from telemetry.core.audit_facts import Finding


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of the chain when it was noted: number, hash, and the time as UTC text.

    `verified` says that the chain verified then, so that the next check may build on it; `whole`, that it was read from
    its first entry on and compared with the rows, and not from the head before.
    """

    seq: int
    hash: str
    at: str
    verified: bool = True
    whole: bool = True


class NotAHead(ValueError):
    """A line of the file holds no head."""


def line_of(head: Head) -> str:
    """Return the head as one line of the file, which says `whole` only where it is not.

    >>> line_of(Head(7, "ab", "2026-03-02T01:10:00Z"))
    '{"seq": 7, "hash": "ab", "at": "2026-03-02T01:10:00Z", "verified": true}\\n'
    """
    document = asdict(head)
    if head.whole:
        del document["whole"]
    return json.dumps(document) + "\n"


def read_heads(lines: Iterable[str]) -> tuple[list[Head], list[int]]:
    """Return the heads of a file in their order, and the numbers of lines that are no head. Blank lines are skipped.

    >>> read_heads([line_of(Head(7, "ab", "t")), "torn"])
    ([Head(seq=7, hash='ab', at='t', verified=True, whole=True)], [2])
    """
    heads, unreadable = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            heads.append(_head(line))
        except NotAHead:
            unreadable.append(number)
    return heads, unreadable


def _head(line: str) -> Head:
    try:
        document = json.loads(line)
        seq, hash, at, verified = (document[name] for name in ("seq", "hash", "at", "verified"))
        whole = document.get("whole", True)  # lines of older code do not say it: all of them were
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAHead(line) from error
    is_typed = type(seq) is int and isinstance(hash, str) and isinstance(at, str)
    if not is_typed or type(verified) is not bool or type(whole) is not bool:
        raise NotAHead(line)
    return Head(seq, hash, at, verified, whole)


def last_verified(heads: Sequence[Head], *, whole: bool = False) -> Head | None:
    """Return the newest head at which the chain was verified, or read whole for it; None if it never was.

    >>> noted = [Head(7, "ab", "t"), Head(9, "cd", "t", whole=False), Head(11, "ef", "t", verified=False)]
    >>> [each and each.seq for each in (last_verified(noted), last_verified(noted, whole=True), last_verified([]))]
    [9, 7, None]
    """
    return next((head for head in reversed(heads) if head.verified and (head.whole or not whole)), None)


def verified_up_to(heads: Sequence[Head]) -> int:
    """Return the number of the last entry up to which the chain was verified; 0 if it never was.

    >>> verified_up_to([Head(7, "ab", "t"), Head(9, "cd", "t", verified=False)])
    7
    """
    found = last_verified(heads)
    return 0 if found is None else found.seq


def compare_heads(heads: Iterable[Head], hashes: Mapping[int, str], last: int) -> Iterator[Finding]:
    """Yield one finding about the first noted head that is not in the chain; nothing if all are.

    `hashes` are the hashes of the entries that heads name, by number; `last` is the number of the last entry.

    >>> [str(each) for each in compare_heads([Head(7, "ab", "Monday")], {7: "ab"}, 9)]
    []
    >>> [each.subject for each in compare_heads([Head(7, "ab", "Monday")], {7: "cd"}, 9)]
    ['audit entry 7']
    """
    missed = sorted((head for head in heads if hashes.get(head.seq) != head.hash), key=lambda head: (head.seq, head.at))
    if missed:
        first = missed[0]
        more = f"; so are {len(missed) - 1} other noted heads" if len(missed) > 1 else ""
        key = " ".join(f"{head.seq}:{head.hash}" for head in missed)
        yield Finding(f"audit entry {first.seq}", f"{_revealed(first, hashes, last)}{more}", key=f"heads {key}")


def _revealed(head: Head, hashes: Mapping[int, str], last: int) -> str:
    noted = f"was the last one on {head.at}, with the hash {head.hash[:12]}"
    if head.seq not in hashes:
        return f"{noted}, and is gone; the trail ends at {last}: its end was cut off, or an older backup was restored"
    return (
        f"{noted}, and has {hashes[head.seq][:12]} now: the trail was written anew from there or from an earlier entry "
        "on, or an older backup was restored and written on"
    )
