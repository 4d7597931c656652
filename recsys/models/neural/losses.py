"""Losses of scores against what users liked: a softmax over a sample of the movies, pairs, and
yes or no.
"""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["binary_cross_entropy", "bpr", "sampled_softmax"]


def sampled_softmax(scores: Tensor, likes: Tensor, log_chance: Tensor) -> Tensor:
    """Return the mean over all likes of −log softmax, where (B, C) scores are of a sample of the
    movies.

    Each movie's share of the sum is divided by its chance to be in the sample, so that the sum
    stands for the whole catalogue (log-q correction: Bengio & Senécal 2008; Yi et al. 2019). Likes
    of the batch's other users are the negatives.
    """
    corrected = scores - log_chance
    log_share = corrected - torch.logsumexp(corrected, dim=1, keepdim=True)
    return -(log_share * likes).sum() / likes.sum().clamp(min=1)


def bpr(positives: Tensor, negatives: Tensor) -> Tensor:
    """Return the mean of −log σ(positive − negative) over pairs of scores (N,), or (N, 1) and
    (N, n) (Rendle et al. 2009).
    """
    return functional.softplus(negatives - positives).mean()


def binary_cross_entropy(positives: Tensor, negatives: Tensor) -> Tensor:
    """Return the mean of −log σ(positive) and of −log(1 − σ(negative)) over all scores: N
    positives, and (N, n) sampled negatives (He et al. 2017).
    """
    total = functional.softplus(-positives).sum() + functional.softplus(negatives).sum()
    return total / (positives.numel() + negatives.numel())
