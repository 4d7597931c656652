"""What can go wrong, by name. A message says the fact, the key, what was found and what was expected."""


class RecsysError(Exception):
    """Base of all errors that the library raises on purpose."""


class DropError(RecsysError):
    """A drop that cannot be taken in: repeating the attempt on the same files cannot help."""


class NothingToRecommend(RecsysError):
    """The week may see no rating and no user, or no movie."""


class LedgerError(RecsysError):
    """The ledger does not hold what a step needs, or holds something that contradicts it."""


class ModelError(RecsysError):
    """A recipe that cannot be built, fitted, saved or loaded."""


class DriftError(RecsysError):
    """The data have drifted in a way that the settings do not let pass."""


class PublicationError(RecsysError):
    """A publication that failed its own checks; readers keep the one they have."""
