"""What the launcher says when it cannot go on."""


class StackError(Exception):
    """A service that does not start or stop, or something that the stack needs and does not find."""
