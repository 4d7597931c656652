"""What makes a publication."""

import hashlib
import json
from dataclasses import dataclass

from recsys.promotion.ledger import ModelVersion
from recsys.week import WeekPlan


@dataclass(frozen=True)
class PublicationSpec:
    """What makes a publication: equal specs are the same publication, however often it is made.

    `promotion_id` names the decision that made the model champion; None is a challenger's own
    publication, which no reader sees. `challenger` is the publication of the week's experiment from
    which the users in its share get their lists.
    """

    week: WeekPlan
    model: ModelVersion
    promotion_id: int | None
    challenger: "PublicationSpec | None" = None

    @property
    def depth(self) -> int:
        """Return how many movies of a user are kept; readers are shown the first top_n."""
        return max(self.week.depth, self.week.top_n)

    @property
    def params(self) -> dict[str, object]:
        """Return the week's parameters that shape the lists, JSON-ready."""
        names = ("top_n", "min_history", "like_threshold", "half_life_days")
        return {**{name: getattr(self.week, name) for name in names}, "depth": self.depth}

    @property
    def _params_of_key(self) -> dict[str, object]:
        """Return them without a depth where the week has none: it may have been published before
        there was one, and is the same publication still.
        """
        without = () if self.week.depth else ("depth",)
        return {name: value for name, value in self.params.items() if name not in without}

    @property
    def share(self) -> float:
        """Return the share of the users that the challenger has."""
        return self.week.experiment.share if self.challenger and self.week.experiment else 0.0

    @property
    def experiment(self) -> str | None:
        """Return the name of the experiment that the publication is part of."""
        takes_part = self.challenger is not None or self.promotion_id is None
        return self.week.experiment.name if takes_part and self.week.experiment else None

    @property
    def arm(self) -> str | None:
        """Return whose lists these are while an experiment lasts."""
        if self.experiment is None:
            return None
        return "challenger" if self.promotion_id is None else "champion"

    @property
    def key(self) -> str:
        """Return a digest of as_of, watermark, parameters, model, and of the experiment while one
        lasts.
        """
        week = self.week
        parts: list[object] = [
            week.as_of.isoformat(),
            week.watermark,
            self._params_of_key,
            self.model.fit_key,
        ]
        if self.experiment:
            challenger_key = self.challenger.key if self.challenger else "shadow"
            parts += [self.experiment, self.share, challenger_key]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    @property
    def rules(self) -> dict[str, object]:
        """Return the parameters of the rules that turn candidates into lists."""
        return {
            "publication_key": self.key,
            "experiment": self.experiment,
            "share": self.share,
            "arm": self.arm,
            **self.params,
            **self.week.snapshot.params,
        }
