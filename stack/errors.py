"""What the launcher says when it cannot go on."""

from recsys.errors import RecsysError


class StackError(RecsysError):
    """A service that does not start or stop, or something that the stack needs and does not
    find.
    """
