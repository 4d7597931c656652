"""Mutant N of a seed: always the same bytes."""

import random
from collections.abc import Mapping
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
    layouts = sorted(releases)
    release = releases[layouts[number % len(layouts)]]
    draft = Draft(release, dice)
    luck = dice.random()
    damaged = luck < DAMAGED_ARCHIVES
    n_changes = dice.choice([0, 0, 1]) if damaged else dice.randint(1, 3)
    for change in dice.choices(CHANGES, k=n_changes):
        if draft.files:
            change(draft)
    if damaged:
        packings = packing.ARCHIVES
    else:
        packings = (
            packing.BAD_PACKINGS
            if luck < DAMAGED_ARCHIVES + BAD_PACKINGS
            else packing.GOOD_PACKINGS
        )
    stored, how = dice.choice(packings)(draft.files, dice) if draft.files else ({}, "nothing")
    if damaged and stored:
        draft.note(packing.damage(stored, dice))
    return Mutant(number, release.layout, release.source, stored, (*draft.notes, how), damaged)
