"""What recipes on torch share: devices, batches, losses, the training loop, and when it stops."""

from recsys.models.neural.averaging import WeightAverage
from recsys.models.neural.batches import Batch, BatchSizes, Grouped, Ratings
from recsys.models.neural.checkpoint import Checkpoint
from recsys.models.neural.computing import device_of, precision_of, repeatable, tensor
from recsys.models.neural.losses import binary_cross_entropy, bpr, sampled_softmax
from recsys.models.neural.stopping import Epochs, EpochSearch, Ranker, enough_epochs
from recsys.models.neural.sum_encoder import SumEncoder, products
from recsys.models.neural.training import EpochReport, Step, Trainer
from recsys.models.neural.validation import Validation

__all__ = [
    "Batch",
    "BatchSizes",
    "Checkpoint",
    "EpochReport",
    "EpochSearch",
    "Epochs",
    "Grouped",
    "Ranker",
    "Ratings",
    "Step",
    "SumEncoder",
    "Trainer",
    "Validation",
    "WeightAverage",
    "binary_cross_entropy",
    "bpr",
    "device_of",
    "enough_epochs",
    "precision_of",
    "products",
    "repeatable",
    "sampled_softmax",
    "tensor",
]
