"""Mutant N of a seed: always the same bytes."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.mutants import packing
from bench.mutants.changes import CHANGES
from bench.mutants.draft import Draft
from bench.mutants.releases import Release

DAMAGED_ARCHIVES, BAD_PACKINGS = 0.12, 0.08  # shares of all mutants


@dataclass(frozen=True)
class Mutant:
    """A drop's stored files, and how they came to be. `damaged`: an archive's bytes were
    changed.
    """

    number: int
    layout: str
    source: str
    stored: dict[str, bytes]
    notes: tuple[str, ...]
    damaged: bool

    def __str__(self) -> str:
        return f"mutant {self.number} of {self.layout}: {'; '.join(self.notes)}"


def make_mutant(number: int, seed: int, releases: Mapping[str, Release]) -> Mutant:
    """Draw a release, one to three changes and a packing. Layouts take turns."""
    dice = random.Random(f"{seed}:{number}")
    release = releases[sorted(releases)[number % len(releases)]]
    draft = Draft(release, dice)
    luck = dice.random()
    damaged = luck < DAMAGED_ARCHIVES
    change_some_files(draft, dice.choice([0, 0, 1]) if damaged else dice.randint(1, 3))
    stored, packed_as = pack(draft, packings_of(luck))
    if damaged and stored:
        draft.note(packing.damage(stored, dice))
    notes = *draft.notes, packed_as
    return Mutant(number, release.layout, release.source, stored, notes, damaged)


def change_some_files(draft: Draft, n_changes: int) -> None:
    for change in draft.dice.choices(CHANGES, k=n_changes):
        if draft.files:
            change(draft)


def packings_of(luck: float) -> Sequence[packing.Packing]:
    """Return the packings of a draw from 0 to 1."""
    if luck < DAMAGED_ARCHIVES:
        return packing.ARCHIVES
    if luck < DAMAGED_ARCHIVES + BAD_PACKINGS:
        return packing.BAD_PACKINGS
    return packing.GOOD_PACKINGS


def pack(draft: Draft, packings: Sequence[packing.Packing]) -> packing.Packed:
    """Return the files as one of the packings stores them, and how that is."""
    if not draft.files:
        return {}, "nothing"
    return draft.dice.choice(packings)(draft.files, draft.dice)
