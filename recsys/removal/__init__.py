"""The two things that remove: a movie's withdrawal, and the erasure of a user; and what there is
of a user before.
"""

from recsys.removal.erasure import erase_user
from recsys.removal.export import export_user
from recsys.removal.requester import Requester
from recsys.removal.withdrawal import undo_withdrawal, withdraw_movie

__all__ = ["Requester", "erase_user", "export_user", "undo_withdrawal", "withdraw_movie"]
