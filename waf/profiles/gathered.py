"""What a store knows of the replicas whose deltas it asks for, and the one profile that it makes of it.

Kept apart for each replica, since one that begins anew (a restart, a store that came too late) hands out its whole, and
that takes the place of all that was had of it: so whatever comes twice or is asked again counts once. The profile is
made of the sum. Knows neither files nor the network.
"""

from __future__ import annotations

from typing import Final

import msgspec

from waf.config.schema import Profiles
from waf.profiles import store
from waf.profiles.book import Book
from waf.profiles.constraints import CAPS, Stage
from waf.profiles.learner import MONTH, Learner
from waf.profiles.merge import merged
from waf.profiles.model import State
from waf.profiles.outbox import Handed

MAGIC: Final = b"\x89WAFGAT\n"
MAX_REPLICAS: Final = 1_000


HEARD: Final = 86_400.0  # seconds for which it counts how a replica holds its traffic against the profile


class _Replica(msgspec.Struct):
    mark: str
    state: State
    reach: str = ""
    heard: float = 0.0


class Gathered:
    """All of it. `config` says how much evidence a constraint needs; its mode is each sidecar's own business.

    Constraints come as far as some replica holds traffic against them: of those that only discover none could complain.
    """

    def __init__(self, config: Profiles) -> None:
        self._memory: Final = int(config.memory)
        self._learner: Final = Learner(msgspec.structs.replace(config, mode="discover"), b"")
        self._replicas: dict[str, _Replica] = {}
        self._month = 0
        self.key = ""  # names the secret under which all of them learn

    def mark(self, replica: str) -> str:
        """What to ask a replica with, "" for one that is not known."""
        return self._replicas[replica].mark if replica in self._replicas else ""

    def take(self, handed: Handed, key: str, now: float, reach: str = "") -> None:
        """Add what a replica handed out, whose profile is in the mode `reach` where it is furthest.

        Raises ValueError (`store.Damaged`), and changes nothing then.
        """
        if self.key and key != self.key:
            raise ValueError(
                "it learned under another secret than the others; give all one (sensitive.key_file)"
            )
        if handed.replica not in self._replicas and len(self._replicas) >= MAX_REPLICAS:
            raise ValueError(f"more than {MAX_REPLICAS} replicas")
        states = [store.load(delta.state, self._memory) for delta in handed.deltas]
        known = self._replicas.get(handed.replica)
        if known is None and not handed.whole:
            raise ValueError("it hands out parts of what is not known here; ask it without a mark")
        if not handed.whole:
            self._learner.heed(handed.deltas, now)
        self.key = key
        before = [] if handed.whole or known is None else [known.state]
        state = merged([*before, *states], self._memory)
        self._replicas[handed.replica] = _Replica(handed.mark, state, reach, now)

    def compile(self, now: float) -> tuple[bytes, list[str]]:
        """The profile as it stands now (`Book.dump`), and the constraints that changed with it."""
        month = int(now // MONTH)
        if self._month and month > self._month:
            for replica in self._replicas.values():
                replica.state.age(now)
        self._month = month
        told = [CAPS[r.reach] for r in self._replicas.values() if r.reach in CAPS and now - r.heard < HEARD]
        self._learner.reach = max(told, default=self._learner.reach)
        self._learner.rest_on(merged([r.state for r in self._replicas.values()], self._memory), now)
        changed = self._learner.advance(now)
        book: Book = msgspec.structs.replace(self._learner.book, versions=())
        return book.dump(), [str(key) for key in changed]

    @property
    def learner(self) -> Learner:
        """What it judges with, for reviews and edits."""
        return self._learner

    def dump(self) -> bytes:
        replicas = [
            [name, r.mark, store.dump(r.state), r.reach, r.heard] for name, r in self._replicas.items()
        ]
        book = self._learner.book.dump()
        return store.seal([self.key, self._month, replicas, book], MAGIC, dense=True)

    def load(self, data: bytes) -> None:
        """The inverse of `dump`. Raises `store.Damaged`."""
        try:
            key, month, replicas, book = store.unseal(data, MAGIC)
            self.key, self._month = str(key), int(month)
            self._replicas = {
                str(name): _Replica(str(mark), store.load(state, self._memory), *_heard(*more))
                for name, mark, state, *more in replicas
            }
            self._learner.reach = max(
                (CAPS[r.reach] for r in self._replicas.values() if r.reach in CAPS), default=Stage.DISCOVER
            )
            self._learner.book = Book.load(book)
        except (TypeError, ValueError) as error:
            raise store.Damaged(str(error)) from None


def _heard(reach: str = "", heard: float = 0.0) -> tuple[str, float]:
    """How a replica was kept; the first versions kept neither."""
    return str(reach), float(heard)
