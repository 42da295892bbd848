"""Whatever happens in whatever order: a buffer has one owner, and the DMA never writes to one of the program's."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from host.driver.ring import RETIRING_FRAMES, FrameRing, Owner
from hw_anon.core.errors import ConfigError


class RingMachine(RuleBasedStateMachine):
    """A DMA that takes new addresses at the second frame after an exchange at the latest, and a greedy program."""

    @initialize(stores=st.integers(3, 6), more=st.integers(1, 5))
    def make(self, stores: int, more: int) -> None:
        self.ring = FrameRing(stores=stores, buffers=stores + more)
        self.stores = stores
        self.running = False
        self.written: dict[int, int] = {}
        """Buffers that the DMA may write to: 0 in its ring, otherwise frames until it lets go of a retired one."""
        self.held: set[int] = set()

    @precondition(lambda self: not self.running)
    @rule()
    def arm(self) -> None:
        armed = self.ring.arm()
        assert (armed is None) == (len(self.held) > self.count - self.stores)
        if armed is not None:
            self.running = True
            self.written = dict.fromkeys(armed, 0)

    @precondition(lambda self: self.running)
    @rule()
    def halt(self) -> None:
        self.ring.halt()
        self.running = False
        self.written.clear()

    @precondition(lambda self: self.running)
    @rule()
    def finish_frame(self) -> None:
        self.ring.frame_passed()
        self.written = {buffer: left - 1 if left else 0 for buffer, left in self.written.items() if left != 1}

    @precondition(lambda self: self.running)
    @rule(store=st.integers(0, 5), certain=st.booleans(), take=st.booleans())
    def exchange(self, store: int, certain: bool, take: bool) -> None:
        replacement = self.ring.spare()
        if replacement is None:
            return
        finished = self.ring.exchange(store % self.stores, replacement)
        self.written[replacement] = 0
        self.written[finished] = RETIRING_FRAMES
        if certain:
            self.ring.retire(finished)
            del self.written[finished]
            if take:
                self.ring.lease(finished)
                self.held.add(finished)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        buffer = data.draw(st.sampled_from(sorted(self.held)))
        self.ring.give_back(buffer)
        self.held.remove(buffer)

    @property
    def count(self) -> int:
        return sum(len(self.ring.owned_by(owner)) for owner in Owner)

    @invariant()
    def the_program_and_the_dma_never_share(self) -> None:
        if hasattr(self, "ring"):
            assert set(self.ring.owned_by(Owner.USER)) == self.held
            assert not self.held & set(self.written)
            assert not set(self.ring.owned_by(Owner.DRIVER)) & set(self.written)

    @invariant()
    def every_store_has_its_own_buffer(self) -> None:
        if hasattr(self, "ring") and self.running:
            buffers = [self.ring.buffer_of(store) for store in range(self.stores)]
            assert len(set(buffers)) == self.stores
            assert all(self.ring.owner(buffer) is Owner.DMA for buffer in buffers)


TestRing = RingMachine.TestCase
TestRing.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_too_few_buffers_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least one more"):
        FrameRing(stores=4, buffers=4)


def test_forbidden_steps_are_broken_invariants() -> None:
    ring = FrameRing(stores=3, buffers=5)
    ring.arm()
    with pytest.raises(AssertionError):
        ring.lease(ring.buffer_of(0))
    with pytest.raises(AssertionError):
        ring.give_back(4)
    finished = ring.exchange(0, 3)
    with pytest.raises(AssertionError):
        ring.lease(finished)
    with pytest.raises(AssertionError):
        ring.exchange(1, finished)
