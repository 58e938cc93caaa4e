"""The choices that figures rest on, as one list of names in order."""

from gateway.core.account.basis import digest_of, self_use_switches, storage_switches, switches_of
from gateway.core.account.trace import SELF_USE
from gateway.core.site import SelfUseRule, Site, Storage


def test_choices_are_named() -> None:
    """Every storage has its rule, and every question that the text of 688 leaves open its answer."""
    storages = (Storage("Battery", 0, "grid", 850, "fifo"), Storage("Flywheel", 0, "grid", 900, "mixing"))
    assert storage_switches(storages) == ["storage:Battery=fifo", "storage:Flywheel=mixing"]
    rule = SelfUseRule(3600, "proportional", "user", "renewable")
    assert self_use_switches(rule) == ["charging=proportional", "export=renewable", "own_use=user", "period_s=3600"]


def test_a_configuration_is_named_by_half_a_digest() -> None:
    """The first 16 bytes of SHA-256: of "abc" ba7816bf 8f01cfea 414140de 5dae2223 (FIPS 180-2, B.1)."""
    assert digest_of(b"abc") == bytes.fromhex("ba7816bf8f01cfea414140de5dae2223")


def test_choices_of_a_method_are_those_its_figures_rest_on() -> None:
    """Boundary, gap and storages for every method; the questions of 688 for that one alone."""
    rule = SelfUseRule(3600, "proportional", "user", "renewable")
    storages = (Storage("Battery", 0, "grid", 850, "fifo"),)
    site = Site("g", "p", 900, 5, 60, 30, rule, "", (), (), (), (), storages, 60, "first-after", "linear")
    always = ("boundary=first-after", "gap=linear", "storage:Battery=fifo")
    assert switches_of(site, "flow") == always
    assert switches_of(site, SELF_USE) == tuple(sorted(always + tuple(self_use_switches(rule))))
