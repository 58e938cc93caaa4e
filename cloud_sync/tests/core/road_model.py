"""A road in memory for tests: a gateway's journal, a wicked network and a platform's shelf, driven by one seed."""

from cloud_sync.core.batch import Batch, Hole, batch_of, batch_payload, hole_of, read_batch
from cloud_sync.core.entry import GENESIS, Entry, chain
from cloud_sync.core.intake import ACCEPT, BEYOND_NEWEST, HOLD, Decision, Facts, Intake
from cloud_sync.core.receipt import MALFORMED, Receipt, Refusal, answer_payload, digest_of, read_answer
from cloud_sync.core.uplink import Fetch, FetchNewest, Send, Uplink

GATEWAY = "gw-1"
POISON = b"!"


class Dice:
    """Random numbers that are the same on every interpreter (a 64-bit linear congruential generator)."""

    def __init__(self, seed: int) -> None:
        self._state = seed * 2862933555777941757 + 3037000493 & (1 << 64) - 1

    def below(self, bound: int) -> int:
        self._state = self._state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        return (self._state >> 33) % bound

    def bytes16(self) -> bytes:
        return bytes([self.below(256) for _ in range(16)])


class Shelf:
    """The platform's ledger."""

    def __init__(self) -> None:
        self.chains: "dict[bytes, tuple[int, int, bytes, bytes]]" = {}  # start, head, its link, parent
        self.entries: "dict[tuple[bytes, int], tuple[bytes, bytes | None]]" = {}  # link, body
        self.known: "dict[tuple[int, bytes], bool]" = {}  # (sequence, link) -> True
        self.held: "dict[tuple[bytes, int], tuple[Batch | Hole, bytes]]" = {}  # (incarnation, first) -> (batch, digest)
        self.branches = 0
        self.newest = 0  # last sequence of what was seen before its turn

    def copy(self) -> "Shelf":
        other = Shelf()
        other.chains = dict(self.chains)
        other.entries = dict(self.entries)
        other.known = dict(self.known)
        other.held = dict(self.held)
        return other

    def facts(self, batch: "Batch | Hole") -> Facts:
        start, head, head_link = self.chains.get(batch.incarnation, (0, 0, b"", b""))[:3]
        stored = self.entries.get((batch.incarnation, batch.last_sequence))
        parent = (batch.first_sequence - 1, batch.previous_link)
        heads = [(one[1], one[2]) for one in self.chains.values()]
        siblings = [one for one in self.chains.values() if one[3] == batch.previous_link]
        below = [one[0] for one in heads if one[0] < batch.first_sequence - 1]
        held = (batch.incarnation, batch.first_sequence) in self.held
        return Facts(
            head, head_link, start, stored[0] if stored else None, parent in self.known,
            parent in heads and not siblings, held,
            len(self.held), max([key[1] for key in self.held]) if self.held else 0, max(below) if below else 0,
        )  # fmt: skip

    def take(self, raw: bytes, now_ms: int) -> "list[Receipt | Refusal]":
        """Return the answers to one message without a signature."""
        return self.judge(read_batch(raw), digest_of(raw), now_ms)

    def judge(self, batch: "Batch | Hole", digest: bytes, now_ms: int) -> "list[Receipt | Refusal]":
        """Return the answers to one batch."""
        if not isinstance(batch, Hole) and POISON in batch.bodies:
            return [Refusal(GATEWAY, digest, MALFORMED, 0, now_ms)]
        decision = Intake().accept(batch, digest, self.facts(batch), now_ms)
        if decision.verdict == HOLD:
            self.newest = max(self.newest, batch.last_sequence)
            if decision.situation == BEYOND_NEWEST:
                del self.held[max(self.held, key=lambda key: key[1])]
            self.held[(batch.incarnation, batch.first_sequence)] = (batch, digest)
            return []
        if decision.verdict != ACCEPT:
            answer = decision.refusal or decision.receipt
            assert answer is not None
            return [answer]
        answers = {batch.incarnation: self._keep(batch, decision)}
        moved = True
        while moved:
            moved = False
            for key in sorted(self.held):
                batch, digest = self.held.pop(key)
                decision = Intake().accept(batch, digest, self.facts(batch), now_ms)
                if decision.verdict == ACCEPT:
                    answers[batch.incarnation] = self._keep(batch, decision)
                    moved = True
                elif decision.verdict == HOLD:
                    self.held[key] = (batch, digest)
        return [answers[key] for key in sorted(answers)]

    def _keep(self, batch: "Batch | Hole", decision: Decision) -> Receipt:
        fresh: "list[tuple[int, bytes | None, bytes]]" = []
        if isinstance(batch, Hole):
            fresh.append((batch.last_sequence, None, batch.link))
        else:
            fresh.extend(chain(batch.previous_link, batch.first_sequence, batch.bodies))
        for sequence, body, link in fresh:
            if sequence >= decision.keep_from:
                assert (batch.incarnation, sequence) not in self.entries, "kept twice"
                self.entries[(batch.incarnation, sequence)] = (link, body)
                self.known[(sequence, link)] = True
        opened = (batch.first_sequence, 0, b"", batch.previous_link)
        start, _, _, parent_link = self.chains.get(batch.incarnation, opened)
        self.chains[batch.incarnation] = (start, batch.last_sequence, batch.link, parent_link)
        self.held.pop((batch.incarnation, batch.first_sequence), None)
        self.branches += decision.branch
        assert decision.receipt is not None
        return decision.receipt


class Journal:
    """The gateway's card: what is in it survives the process."""

    def __init__(self) -> None:
        self.entries: "list[tuple[bytes, Entry]]" = []  # (incarnation, Entry)
        self.outbox: "list[tuple[int, int, bytes, bytes, bytes | None]]" = []  # the last is the hole, if set aside
        self.through = 0

    def link_at(self, sequence: int) -> bytes:
        return self.entries[sequence - 1][1].link if 0 < sequence <= len(self.entries) else GENESIS

    def write(self, incarnation: bytes, bodies: "tuple[bytes, ...]") -> None:
        first = len(self.entries) + 1
        previous = self.link_at(first - 1)
        batch = batch_of(GATEWAY, incarnation, first, previous, bodies)
        for entry in chain(previous, first, bodies):
            self.entries.append((incarnation, entry))
        self.outbox.append((first, batch.last_sequence, incarnation, batch_payload(batch), None))

    def next_sealed(self, after: int) -> "tuple[int, int, bytes, bytes] | None":
        for first, last, incarnation, raw, hole in self.outbox:
            if last > after:
                return first, last, incarnation, hole or raw
        return None

    def set_aside(self, first: int) -> None:
        for index in range(len(self.outbox)):
            row = self.outbox[index]
            if row[0] == first:
                batch = read_batch(row[3])
                assert isinstance(batch, Batch)
                self.outbox[index] = row[:4] + (batch_payload(hole_of(batch)),)

    def forget(self, batches: int) -> None:
        """Lose the newest batches, as a card does that lied about its flush."""
        for _ in range(min(batches, len(self.outbox))):
            first = self.outbox.pop()[0]
            del self.entries[first - 1 :]
            self.through = min(self.through, first - 1)


class Road:
    """The world: everything happens in the order of its time and of the dice."""

    def __init__(self, seed: int, window: int = 4) -> None:
        self.dice = Dice(seed)
        self.window = window
        self.now_ms = 0
        self.shelf = Shelf()
        self.backup = Shelf()
        self.journal = Journal()
        self.wire: "list[tuple[int, int, str, bytes]]" = []  # (due, number, "up" or "down", bytes)
        self.number = 0
        self.loss_percent = 0
        self.delay_ms = 200
        self.set_aside: "list[tuple[int, int, str]]" = []
        self.refusals: "list[str]" = []
        self.boot()

    def boot(self) -> None:
        self.incarnation = self.dice.bytes16()
        self.uplink = Uplink(self.journal.through, self.window, 5000, 500, 20000)
        self.uplink.connected()

    def carry(self, direction: str, raw: bytes) -> None:
        copies = 0 if self.dice.below(100) < self.loss_percent else 1 + (self.dice.below(10) == 0)
        for _ in range(copies):
            self.number += 1
            self.wire.append((self.now_ms + 20 + self.dice.below(self.delay_ms), self.number, direction, raw))

    def write(self, bodies: "tuple[bytes, ...]") -> None:
        self.journal.write(self.incarnation, bodies)
        self.uplink.sealed()

    def step(self, until_ms: int) -> None:
        """Let everything happen that is due before *until_ms*."""
        while True:
            wake_ms = self.offer()
            due = min(self.wire)[0] if self.wire else until_ms
            self.now_ms = min(until_ms, max(self.now_ms, min(due, wake_ms)))
            if self.now_ms >= until_ms:
                return
            arrived = sorted([one for one in self.wire if one[0] <= self.now_ms])
            self.wire = [one for one in self.wire if one[0] > self.now_ms]
            for _, _, direction, raw in arrived:
                self.arrive(direction, raw)

    def offer(self) -> int:
        while True:
            action = self.uplink.next(self.now_ms, self.dice.below(1000000))
            if isinstance(action, Send):
                self.carry("up", action.raw)
            elif isinstance(action, Fetch):
                sealed = self.journal.next_sealed(action.after)
                if sealed is None:
                    self.uplink.nothing()
                else:
                    self.uplink.offer(*sealed)
            elif isinstance(action, FetchNewest):
                newest = self.journal.outbox[-1]
                if newest[0] > action.after + 1:
                    self.carry("up", newest[4] or newest[3])
            else:
                return action.until_ms if action.until_ms is not None else 1 << 62

    def arrive(self, direction: str, raw: bytes) -> None:
        if direction == "up":
            for given in self.shelf.take(raw, self.now_ms):
                self.carry("down", answer_payload(given))
            return
        answer = read_answer(raw)
        if isinstance(answer, Receipt):
            if self.journal.link_at(answer.through_sequence) == answer.link:
                for freed in self.uplink.receipted(answer, raw, self.now_ms):
                    self.journal.through = max(self.journal.through, freed.through)
            return
        assert isinstance(answer, Refusal)
        self.refusals.append(answer.reason)
        aside = self.uplink.refused(answer, self.now_ms, self.dice.below(1000000))
        if aside is not None:
            self.set_aside.append((aside.first, aside.last, aside.reason))
            self.journal.set_aside(aside.first)

    def settle(self, limit_ms: int = 3600000) -> None:
        """Let the road be good and time pass until all is receipted; assert that it comes to that."""
        self.loss_percent = 0
        end_ms = self.now_ms + limit_ms
        while self.journal.through < len(self.journal.entries) and self.now_ms < end_ms:
            self.step(self.now_ms + 1000)
        assert self.journal.through == len(self.journal.entries), (self.uplink.state, self.uplink.in_flight())

    def missing(self) -> "list[int]":
        """Return the sequences of the journal that the shelf does not keep with the same link."""
        lost = []
        for incarnation, entry in self.journal.entries:
            link, body = self.shelf.entries.get((incarnation, entry.sequence), (b"", b""))
            if body != entry.body or link != entry.link:
                lost.append(entry.sequence)
        return lost
