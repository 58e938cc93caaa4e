"""Platform: the real receiver, intake, ledger and projection, killed at bad moments and set back to old backups."""

from pathlib import Path
from random import Random

from cloud_sync.keys import KeyRing, PublicKey, Signer
from cloud_sync.platform.clones import clear, clone_of, open_contradictions
from cloud_sync.platform.enrolment import Enrolment
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.receiver import Came, Receiver
from hil_tests.simulator.broker import Waiting
from hil_tests.simulator.world import World

_NAMES = ("ledger.sqlite", "ledger.sqlite-wal")
BUCKET = "b0"
_BOUND_MS = 5  # of the platform's own clock
BEFORE, INSIDE, AFTER = "before", "inside", "after"


class PlatformKilledError(BaseException):
    """The platform's process ends here."""


class Enrolled(Enrolment):
    """The one key that is enrolled, without files."""

    def __init__(self, gateway: str, key: PublicKey) -> None:
        self._gateway, self._ring = gateway, KeyRing([key])

    def of(self, gateway: str) -> KeyRing:
        """Return the keys that speak for *gateway*."""
        return self._ring if gateway == self._gateway else KeyRing()

    def gateways(self) -> list[str]:
        """Return the names of the enrolled gateways."""
        return [self._gateway]

    def check(self, gateway: str, kid: bytes, last_sequence: int) -> None:
        """No key is revoked, and none hands over."""

    def refresh(self) -> None:
        """There is nothing to look at again."""


class SimulatedPlatform:
    """The platform of one gateway."""

    def __init__(self, world: World, folder: Path, gateway: str, key: PublicKey, signer: Signer) -> None:
        folder.mkdir()
        self.dice: Random = world.dice
        self._world = world
        self._gateway = gateway
        self._folder = folder
        self._enrolled = Enrolled(gateway, key)
        self._signer = Signer(signer.kid, signer.algorithm, signer.public_bytes, self._sign)
        self._sign_really = signer.sign
        self._kill: str | None = None
        self.down_until_ms = 0
        self.set_back = 0  # how often it was
        self._open()

    def _open(self) -> None:
        self.ledger = Ledger(self._folder / _NAMES[0])
        self.receiver = Receiver(self.ledger, self._enrolled, self._signer, BUCKET)

    def _sign(self, message: bytes) -> bytes:
        if self._kill == INSIDE:
            raise PlatformKilledError
        return self._sign_really(message)

    def kill_next(self, moment: str, for_ms: int) -> None:
        """Let the process end at the next message, and be gone for a while."""
        self._kill = moment
        self._kill_for_ms = for_ms

    def deliver(self, messages: list[Waiting]) -> list[tuple[str, bytes]] | None:
        """Take messages that come together; None where they were not acknowledged."""
        if self._world.now_ms < self.down_until_ms:
            return None
        try:
            if self._kill == BEFORE:
                raise PlatformKilledError
            now_ms = self._world.now_ms
            came = [Came(one.topic, one.raw, now_ms, one.nonce, _BOUND_MS) for one in messages]
            answers = self.receiver.received_all(came)
            if self._kill == AFTER:
                raise PlatformKilledError
        except PlatformKilledError:
            self._kill = None
            self.down_until_ms = self._world.now_ms + self._kill_for_ms
            self.ledger.close()
            self._open()
            return None
        return [(answer.topic, answer.raw) for answer in answers]

    def alarms(self) -> tuple[bool, int]:
        """Return whether a clone, and how many contradictions nobody has looked into."""
        connection = self.ledger.connection
        return clone_of(connection, self._gateway) is not None, open_contradictions(connection, self._gateway)

    def clear(self, now_ms: int) -> None:
        """Say that a person looked into them."""
        with self.ledger.writing() as connection:
            clear(connection, self._gateway, "simulator", "the copy was ended", now_ms)

    def heal(self) -> None:
        """Let it run from now on."""
        self._kill = None
        self.down_until_ms = 0

    def image(self) -> dict[str, bytes]:
        """Return a backup."""
        return {name: (self._folder / name).read_bytes() for name in _NAMES if (self._folder / name).exists()}

    def put(self, image: dict[str, bytes]) -> None:
        """Put a backup back."""
        self.ledger.close()
        for path in self._folder.iterdir():
            path.unlink()
        for name, octets in image.items():
            (self._folder / name).write_bytes(octets)
        self.set_back += 1
        self._open()

    def close(self) -> None:
        """Close the ledger."""
        self.ledger.close()
