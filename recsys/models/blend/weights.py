"""What each member of a blend weighs: learned from which movies the users of a validation slice
went on to like.

The weights make the liked among a user's candidates likely under a softmax of the weighted sum
(ListNet's top-one likelihood, Cao et al., ICML 2007). Searching NDCG@10 itself was tried and
generalised worse, at a hundred times the cost: als, ease and two popularities on the last four
weeks before ML-1M's newest tenth, NDCG@10 by two-fold cross-validation over 507 users, .151 against
.146 (scores) and .151 against .148 (ranks).
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from recsys.evaluation.metrics.ndcg import ndcg

#: With fewer users, a group takes the weights of all.
MIN_GROUP = 100

#: Users' worth of belief that a group's weights are those of all: learned from few users, they were
#: worse than those.
GROUP_PRIOR = 30.0

#: Penalty on squared weights, beside a loss of a few nats: decides between members that say the
#: same.
RIDGE = 1e-3

#: Ratings' worth of belief that each member's stars weigh the same.
STARS_PRIOR = 10.0

FOLDS = 5
K = 10


@dataclass(frozen=True)
class Candidates:
    """The N (user, movie) pairs that are ranked, ordered by user, then movie, of V users and n
    members.

    `users` (N,) int64 in 0…V−1; `points` (N, n) float32; `liked` (N,) bool; `n_relevant` (V,) int64
    ≥ 1 counts all that a user liked, among the candidates or not.
    """

    users: np.ndarray
    points: np.ndarray
    liked: np.ndarray
    n_relevant: np.ndarray

    def of(self, kept: np.ndarray) -> "Candidates":
        """Return those of the users that a mask (V,) keeps, numbered anew."""
        rows = kept[self.users]
        numbers = np.cumsum(kept) - 1
        return Candidates(
            numbers[self.users[rows]], self.points[rows], self.liked[rows], self.n_relevant[kept]
        )

    def ndcg(self, weights: np.ndarray) -> np.ndarray:
        """Return (V,) NDCG@10 of the candidates by weighted points, weights (n,) or each user's own
        (V, n); ties by movie.
        """
        own = np.broadcast_to(weights, (len(self.n_relevant), self.points.shape[1]))
        scores = np.einsum("ij,ij->i", self.points, own[self.users])
        return ndcg(self.hits(scores), self.n_relevant)

    def hits(self, scores: np.ndarray) -> np.ndarray:
        """Return (V, K) bool: which places of the lists by these scores (N,) a liked movie has."""
        order = np.lexsort((-scores, self.users))
        users = self.users[order]
        place = np.arange(len(users)) - np.searchsorted(users, users)
        listed = place < K
        hits = np.zeros((len(self.n_relevant), K), dtype=bool)
        hits[users[listed], place[listed]] = self.liked[order[listed]]
        return hits

    def informative(self) -> "Candidates":
        """Return those of the users who liked one of their candidates."""
        n_liked = np.bincount(self.users, self.liked, minlength=len(self.n_relevant))
        return self.of(n_liked > 0)


def learn_weights(candidates: Candidates, heavy: np.ndarray) -> np.ndarray:
    """Return (2, n) weights ≥ 0 that add up to 1: for users with little and with much history,
    which a mask (V,) tells apart.
    """
    spread = max(float(candidates.points.std()), 1e-9)
    candidates = replace(candidates, points=candidates.points / spread)  # for RIDGE to suit any
    with threadpool_limits(1, "blas"):
        common = most_likely(candidates)
        weights = [weights_of_group(candidates, group, common) for group in (~heavy, heavy)]
        return np.stack([shares(each) for each in weights])


def cross_validated_ndcg(candidates: Candidates, heavy: np.ndarray, seed: int) -> float:
    """Return the mean NDCG@10 of users by weights that were learned from others: what the blend is
    worth, free of its own fit.
    """
    n_users = len(heavy)
    fold = np.random.default_rng(seed).permutation(n_users) % FOLDS
    values = np.zeros(n_users)
    for number in range(min(FOLDS, n_users)):
        held_out = fold == number
        weights = learn_weights(candidates.of(~held_out), heavy[~held_out])
        own = weights[heavy[held_out].astype(int)]
        values[held_out] = candidates.of(held_out).ndcg(own)
    return float(values.mean())


def learn_star_weights(predicted: np.ndarray, stars: np.ndarray, heavy: np.ndarray) -> np.ndarray:
    """Return (2, n + 1) intercept and weights of members' predictions (R, n) by ridge regression on
    `stars` (R,); `heavy` (R,) as above.

    The members' plain average is what is believed beforehand, of all ratings together, whose
    weights in turn are of a group's.
    """
    inputs = np.column_stack([np.ones(len(stars)), predicted]).astype(np.float64)
    common = ridge(inputs, stars, plain_average(predicted.shape[1]))
    return np.stack([ridge(inputs[group], stars[group], common) for group in (~heavy, heavy)])


def plain_average(n_members: int) -> np.ndarray:
    """Return (n + 1,) no intercept, and equal weights."""
    return np.array([0.0, *np.full(n_members, 1 / max(n_members, 1))])


def weights_of_group(candidates: Candidates, group: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Return (n,) weights of a group (V,) bool; the common ones where it is small or everybody."""
    if group.sum() < MIN_GROUP or group.all():
        return common
    return most_likely(candidates.of(group), common)


def most_likely(candidates: Candidates, prior: np.ndarray | None = None) -> np.ndarray:
    """Return (n,) weights ≥ 0 under which the candidates that were liked are the likeliest, drawn
    towards a `prior` if there is one.
    """
    n_members = candidates.points.shape[1]
    start = np.full(n_members, 1 / n_members) if prior is None else prior
    informative = candidates.informative()
    n_users = len(informative.n_relevant)
    if not n_users:
        return start
    strength = 0.0 if prior is None else GROUP_PRIOR / n_users
    loss = ListLoss(informative, start, strength)
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * n_members).x


class ListLoss:
    """Mean cross-entropy of users' likes under a softmax of weighted points, and its gradient, as a
    function of weights (n,).
    """

    def __init__(self, candidates: Candidates, prior: np.ndarray, prior_strength: float) -> None:
        self.users = candidates.users
        self.n_users = len(candidates.n_relevant)
        self.prior = prior
        self.prior_strength = prior_strength
        self.points = candidates.points.astype(np.float64)
        self.starts = np.searchsorted(self.users, np.arange(self.n_users))
        n_liked = np.add.reduceat(candidates.liked.astype(np.float64), self.starts)
        share = candidates.liked / n_liked[self.users]
        self.target = share @ self.points

    def __call__(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = self.likelihood(weights)
        penalty, slope = self.penalty(weights)
        return loss / self.n_users + penalty, gradient / self.n_users + slope

    def likelihood(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the users' cross-entropies added up, and their gradient."""
        scores = self.points @ weights
        highest = np.maximum.reduceat(scores, self.starts)
        odds = np.exp(scores - highest[self.users])
        sums = np.add.reduceat(odds, self.starts)
        loss = (np.log(sums) + highest).sum() - self.target @ weights
        return loss, (odds / sums[self.users]) @ self.points - self.target

    def penalty(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """Return what weights (n,) that are large or off the prior cost, and its gradient."""
        off = weights - self.prior
        penalty = RIDGE * weights @ weights + self.prior_strength * off @ off
        return float(penalty), 2 * (RIDGE * weights + self.prior_strength * off)


def shares(weights: np.ndarray) -> np.ndarray:
    """Return the weights (n,) over their sum; equal ones where all are 0."""
    total = weights.sum()
    return weights / total if total > 0 else np.full(len(weights), 1 / len(weights))


def ridge(inputs: np.ndarray, stars: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return (k,) coefficients of `inputs` (R, k) for `stars` (R,), drawn to a prior (k,)."""
    with threadpool_limits(1, "blas"):
        square = inputs.T @ inputs + STARS_PRIOR * np.eye(len(prior))
        return np.linalg.solve(square, inputs.T @ stars + STARS_PRIOR * prior)
