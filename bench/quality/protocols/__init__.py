"""The protocols, by the name that ONLY= takes. A new one is one module and one line here."""

from bench.quality.protocols.base import Protocol
from bench.quality.protocols.fit_time import FitTime
from bench.quality.protocols.mult_vae import MultVAE
from bench.quality.protocols.ncf import NCF
from bench.quality.protocols.new_movies import NewMovies
from bench.quality.protocols.pairs import Gowalla, UltraGCN
from bench.quality.protocols.rating import Rating
from bench.quality.protocols.temporal import Temporal
from bench.quality.protocols.weeks import Weeks

PROTOCOLS: dict[str, type[Protocol]] = {
    kind.name: kind
    for kind in (NCF, Temporal, Gowalla, UltraGCN, Rating, NewMovies, FitTime, MultVAE, Weeks)
}
