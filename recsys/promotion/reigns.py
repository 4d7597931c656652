"""What readers had before what they have now, but for what a person took away from them."""

from collections.abc import Iterable

#: A publication, and why it went live: "published", or what a person did.
Flip = tuple[int, str]


def standing_reigns(flips: Iterable[Flip]) -> list[int]:
    """Return the publications that were live and were not rolled back from, in order: the last is
    live now.

    So whoever rolls back again and again goes further back each time. A rollback to an early one
    passes over those between: readers had them, and a person chose none of them.
    """
    standing: list[int] = []
    for publication_id, cause in flips:
        if cause == "rolled back":
            left = left_for(publication_id, standing)
            standing = [
                reign for reign in standing if reign not in left and reign != publication_id
            ]
        standing.append(publication_id)
    return standing


def left_for(publication_id: int, standing: list[int]) -> set[int]:
    """Return what a rollback leaves: all that came after the publication last, or what was live if
    it never was.
    """
    if publication_id not in standing:
        return set(standing[-1:])
    newest_first = standing[::-1]
    return set(newest_first[: newest_first.index(publication_id)])
