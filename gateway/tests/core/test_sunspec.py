"""A SunSpec device is read where its models are, wherever that is."""

from gateway.core.meter.cadence import Cadence
from gateway.core.meter.meter_reads import SPLIT_AFTER
from gateway.core.meter.meter_state import MeterWatch
from gateway.core.meter.plan import plan_blocks
from gateway.core.meter.poll import Job
from gateway.core.meter.profile_reading import read_profile
from gateway.core.meter.sunspec import Layout, Walk, found_at, identities, place_of
from gateway.core.meter.sunspec_models import alike, points_of
from gateway.core.meter.sunspec_reads import SunspecReads
from gateway.core.reading import EXCEPTION, MODELS, SERIAL
from gateway.tests.core.simulated_bus import (
    BUS,
    SimulatedBus,
    answer,
    faults_of,
    meter,
    on_time,
    poll_of,
    readings_of,
    refusal,
    whole,
)

PLAIN = {
    "id": "acme-inverter", "maker": "Acme", "model": "Inverter", "kind": "inverter", "status": "draft",
    "protocol": "sunspec", "serial": {"default": "9600 8N1"},
    "points": [
        {"quantity": "active_power_total", "model": 103, "point": "W", "sign": "+export"},
        {"quantity": "energy_active_export", "model": 103, "point": "WH"},
        {"quantity": "dc_power_total", "model": 103, "point": "DCW"},
        {"name": "serial_number", "model": 1, "point": "SN", "poll": False},
    ],
    "sunspec": {"model": 103, "chain": [[1, 65], [103, 50]]},
}  # fmt: skip


def changed(**changes):
    plain = dict(PLAIN)
    plain.update(changes)
    return plain


def profile(**changes):
    found, problems = read_profile(changed(**changes))
    assert problems == []
    return found


def codes(**changes):
    return sorted([one.code for one in read_profile(changed(**changes))[1]])


def point_of(model, name):
    return [point for point in model.points if point.name == name][0]


def device(base, models, figures):
    """Return the registers of a device: models as (id, length), figures as {(index of the model, place): word}."""
    registers = {base: 0x5375, base + 1: 0x6E53}
    at = base + 2
    for index, (model, length) in enumerate(models):
        registers.update({at + place: 0 for place in range(length + 2)})
        registers.update({at: model, at + 1: length})
        for (which, place), word in figures.items():
            if which == index:
                registers[at + place] = word
        at += length + 2
    registers.update({at: 0xFFFF, at + 1: 0})
    return registers


# 1234 x 10 W, 70000 Wh, and 12.5 kW of direct current.
FIGURES = {(1, 14): 1234, (1, 15): 1, (1, 24): 1, (1, 25): 4464, (1, 26): 0, (1, 31): 125, (1, 32): 2}
BEHIND = {(2, place): word for (_, place), word in FIGURES.items()}  # the same behind one model more


def walked(walk, registers):
    """Walk along *registers*, refused where there are none; return the places that were read."""
    read = []
    while walk.at is not None:
        read.append(walk.at)
        if walk.at in registers and walk.at + 1 in registers:
            walk.take((registers[walk.at], registers[walk.at + 1]))
        else:
            walk.refused()
    return read


def test_points_stand_where_the_usual_chain_has_them():
    """W of model 103 is 14 behind the model's id; behind marker and 67 registers of the common model that is 40083."""
    model = profile()
    power, energy = point_of(model, "active_power_total"), point_of(model, "energy_active_export")
    assert (power.address, power.exponent_at, power.type, power.unit) == (40083, 40084, "i16", "W")
    assert (energy.address, energy.count, energy.exponent_at, energy.wrap) == (40093, 2, 40095, 1 << 32)
    assert (energy.unit, energy.factor) == ("kWh", (1, 1000))
    assert point_of(model, "serial_number").address == 40052
    assert [identity.expect for identity in model.identify] == [(0x00650032, 0x00660032, 0x00670032)]


def test_not_implemented_is_what_the_type_says():
    """Lowest number, all ones, not-a-number; a counter that every device has is 0 only when it is new."""
    model = profile(
        points=[
            {"quantity": "active_power_total", "model": 103, "point": "W", "sign": "+export"},
            {"quantity": "frequency", "model": 103, "point": "Hz"},
            {"quantity": "energy_active_export", "model": 103, "point": "WH"},
        ]
    )
    assert [point.sentinels for point in model.points[:3]] == [(0x8000,), (0xFFFF,), ()]
    meters = profile(
        points=[{"quantity": "energy_active_import_l1", "model": 203, "point": "TotWhImpPhA"}],
        sunspec={"model": 203, "chain": [[1, 65], [203, 105]]},
    )
    assert meters.points[0].sentinels == (0,)


def test_what_is_wrong_with_a_profile_is_said():
    """Unknown models and figures, chains without the main model, and keys of other protocols are refused."""
    point = {"quantity": "frequency", "model": 103, "point": "Hz"}
    assert codes(points=[point]) == []
    assert codes(points=[{"quantity": "frequency", "model": 103, "point": "Hertz"}]) == ["WP-PRF-058"]
    assert codes(points=[{"quantity": "frequency", "model": 203, "point": "Hz"}]) == ["WP-PRF-059"]
    assert codes(points=[{"quantity": "frequency", "model": 103, "point": "W"}]) == ["WP-PRF-007"]
    assert codes(points=[{"quantity": "frequency", "at": 7, "model": 103, "point": "Hz"}]) == ["WP-CFG-002"]
    assert codes(sunspec={"model": 103, "chain": [[1, 65]]}) == ["WP-PRF-057"]
    assert codes(points=[point], sunspec={"model": 103, "chain": [[1], [103, 50]]}) == ["WP-PRF-056"]
    assert codes(points=[point], sunspec={"model": 103, "chain": [[103, 50]], "bases": [-1, 0]}) == ["WP-PRF-055"]
    assert codes(points=[point], sunspec={"chain": [[103, 50]]}) == ["WP-CFG-003"]
    assert codes(modbus={"function": 3}) == ["WP-CFG-002"]


def test_a_walk_finds_the_models():
    """The marker is looked for at each base; from it on every model tells where the next one begins."""
    layout = profile().sunspec
    walk = Walk(layout)
    read = walked(walk, device(50000, [(1, 66), (120, 26), (103, 50)], {}))
    assert read == [40000, 50000, 50002, 50070, 50098, 50150]
    assert walk.layout.bases == (50000,)
    assert walk.layout.chain == ((1, 50002, 66), (120, 50070, 26), (103, 50098, 50))


def test_a_walk_without_a_find():
    """Where no base has the marker, or nothing follows it, nothing was found; a chain may end in a refusal."""
    layout = profile().sunspec
    for registers in ({}, {40000: 1, 40001: 2}, {40000: 0x5375, 40001: 0x6E53}):
        walk = Walk(layout)
        walked(walk, registers)
        assert walk.layout is None
    cut = device(0, [(1, 66), (103, 50)], {})
    del cut[122]
    walk = Walk(layout)
    walked(walk, cut)
    assert [entry[0] for entry in walk.layout.chain] == [1, 103]
    walk = Walk(layout)
    endless = {40000: 0x5375, 40001: 0x6E53}
    endless.update(dict.fromkeys(range(40002, 65536), 1))
    walked(walk, endless)
    assert len(walk.layout.chain) == 100


def test_points_move_with_their_models():
    """A point keeps its place behind the id of its model; the models of one family stand for each other."""
    model = profile()
    walk = Walk(model.sunspec)
    walked(walk, device(0, [(1, 66), (120, 26), (101, 50)], {}))
    found = found_at(model, walk.layout)
    power = point_of(found, "active_power_total")
    assert (power.address, power.exponent_at) == (98 + 14, 98 + 15)
    assert point_of(found, "serial_number").address == 2 + 50
    assert found.windows == ((3, 0, 1), (3, 2, 69), (3, 70, 97), (3, 98, 149), (3, 150, 151))
    back = found_at(found, model.sunspec)
    assert back.polled() == model.polled()
    assert back.windows == model.windows


def test_the_common_model_of_a_meter_is_the_one_before_it():
    """Behind an inverter, a meter has a common model of its own; its serial number is the meter's."""
    model = profile(
        points=[
            {"quantity": "active_power_total", "model": 203, "point": "W", "sign": "+export"},
            {"name": "serial_number", "model": 1, "point": "SN", "poll": False},
        ],
        sunspec={"model": 203, "chain": [[1, 65], [103, 50], [1, 65], [203, 105]]},
    )
    assert place_of(model.sunspec, 1).at == 40121
    assert point_of(model, "serial_number").address == 40171
    walk = Walk(model.sunspec)
    walked(walk, device(40000, [(1, 66), (204, 105)], {}))
    found = found_at(model, walk.layout)
    assert point_of(found, "serial_number").address == 40002 + 50


def test_what_a_device_does_not_have_is_left_out():
    """Figures behind the end of a shorter model and absent models are not read; without the main one nothing is."""
    model = profile(
        points=PLAIN["points"] + [{"name": "state_of_charge", "model": 124, "point": "ChaState"}],
        sunspec={"model": 103, "chain": [[1, 65], [103, 50], [124, 24]]},
    )
    walk = Walk(model.sunspec)
    walked(walk, device(40000, [(1, 66), (103, 30)], {}))
    names = [point.name for point in found_at(model, walk.layout).points]
    assert "active_power_total" in names
    assert "dc_power_total" not in names
    assert "state_of_charge" not in names
    walk = Walk(model.sunspec)
    walked(walk, device(40000, [(1, 66), (124, 24)], {}))
    assert found_at(model, walk.layout) is None


LENGTHS = {
    1: 66, 101: 50, 113: 60, 120: 26, 124: 24, 160: 8 + 4 * 20, 203: 105, 213: 124, 701: 153, 702: 50, 703: 17, 713: 7,
    714: 18, 802: 62,
}  # fmt: skip


def test_the_tables_agree_with_the_published_lengths():
    """Every figure of a model lies between its head and its published end, and none shares a register with another."""
    for model, length in LENGTHS.items():
        taken = []
        for point in points_of(model).values():
            count = int(point.type[5:]) if point.type[:5] == "ascii" else COUNTS[point.type]
            assert point.place >= 2 and point.place + count <= length + 2
            assert point.exponent is None or 2 <= point.exponent < length + 2
            taken += list(range(point.place, point.place + count))
        assert taken and len(taken) == len(set(taken))


def test_inverters_and_meters_are_alike_among_themselves():
    """One to three phases of a kind have the same table: inverters 101 to 103 and 111 to 113, meters 201 and 211 on."""
    for kind in ((101, 102, 103), (111, 112, 113), (201, 202, 203, 204), (211, 212, 213, 214)):
        for model in kind:
            assert alike(model) == kind and points_of(model) == points_of(kind[0]) != {}


def test_what_is_in_no_table_or_chain_has_no_place():
    """An unknown model is like itself alone and has no figures; a chain without its main model tells no device."""
    assert alike(64111) == (64111,) and points_of(64111) == {}
    assert identities(3, Layout((40000,), 103, ((1, 40002, 65),))) == ()


COUNTS = {"u16": 1, "i16": 1, "u32": 2, "u64": 4, "f32": 2, "acc32": 2, "acc32?": 2}


class Park:
    """One device on a simulated bus, whose registers may be exchanged."""

    def __init__(self, registers, serial="", **changes):
        model = profile(**changes)
        self.registers = registers
        blocks = plan_blocks(model, model.asked(), BUS.baud, BUS.turnaround_ms)
        self.poll = poll_of([Job(meter(7, serial), model, blocks)])
        self.dead = False
        self.bus = SimulatedBus(self.poll, lambda unit, at, now: self.registers.get(at, 0), self.fate)

    def fate(self, unit):
        if self.dead:
            return []
        return [(20, self.frame)] if on_time(unit) else []

    def frame(self, request, good):
        start, count = request[2] << 8 | request[3], request[4] << 8 | request[5]
        if [at for at in range(start, start + count) if at not in self.registers]:
            return refusal(request, 2)
        words = [self.registers[at] for at in range(start, start + count)]
        return whole(request, answer(request, words))

    def values(self, since=0):
        return {one.quantity: one.value for one in readings_of(self.bus.outcomes[since:])}

    def kinds(self, since=0):
        return [one.kind for one in faults_of(self.bus.outcomes[since:])]


EXPECTED = {"active_power_total": -12340, "energy_active_export": 70000, "dc_power_total": 12500}


def test_a_device_is_read_in_its_first_sweep():
    """The walk and the figures it leads to are all of one sweep; what was refused on the way is the only fault."""
    park = Park(device(50000, [(1, 66), (120, 26), (103, 50)], BEHIND))
    park.bus.run(until_ms=park.bus.now_ms + 4000)
    assert park.values() == EXPECTED
    assert park.kinds() == [EXCEPTION]  # nothing is at 40000
    walk = [ask for _, ask in park.bus.asked][:6]
    assert [(ask.frame[2] << 8 | ask.frame[3], ask.frame[5]) for ask in walk] == [
        (40000, 2), (50000, 2), (50002, 2), (50070, 2), (50098, 2), (50150, 2),
    ]  # fmt: skip
    asked = len(park.bus.asked)
    park.bus.run(until_ms=park.bus.now_ms + 20000)
    assert not [ask for _, ask in park.bus.asked[asked:] if ask.frame[5] == 2]


def test_a_device_that_comes_back_with_other_models_is_walked_anew():
    """After silence nothing is believed before a new walk; then the figures are read at their new place."""
    park = Park(device(40000, [(1, 66), (103, 50)], FIGURES))
    park.bus.run(until_ms=park.bus.now_ms + 12000)
    assert park.values() == EXPECTED
    park.dead = True
    park.bus.run(until_ms=park.bus.now_ms + 30000)
    since = len(park.bus.outcomes)
    moved = dict(FIGURES)
    # Where the figures were, something else stands now.
    park.registers = device(
        40000, [(1, 66), (120, 26), (103, 50)], {(2, place): moved[(1, place)] for _, place in moved}
    )
    park.dead = False
    park.bus.run(until_ms=park.bus.now_ms + 60000)
    assert park.values(since) == EXPECTED
    assert {one.value for one in readings_of(park.bus.outcomes[since:]) if one.quantity == "active_power_total"} == {
        -12340
    }


def test_a_device_of_other_models_gives_no_values():
    """Where the main model is not there, or nothing of SunSpec, that is a fault of each sweep, and one walk a sweep."""
    for registers in (
        device(40000, [(1, 66), (203, 105)], {}),
        dict.fromkeys(list(range(9)) + [40000, 40001, 50000, 50001], 7),
    ):
        park = Park(registers)
        park.bus.run(until_ms=park.bus.now_ms + 14000)
        assert park.values() == {}
        assert park.kinds() == [MODELS] * 3
        assert len(park.bus.asked) <= 3 * 5


def test_the_serial_number_is_read_where_the_walk_found_it():
    """A device with another serial number is refused; the right one is read, all in the first sweep."""
    text = {(0, 50): 0x4142, (0, 51): 0x3700}
    figures = dict(FIGURES)
    figures.update(text)
    park = Park(device(40000, [(1, 66), (103, 50)], figures), "AB7")
    park.bus.run(until_ms=park.bus.now_ms + 4000)
    assert park.values() == EXPECTED
    park = Park(device(40000, [(1, 66), (103, 50)], figures), "AB8")
    park.bus.run(until_ms=park.bus.now_ms + 4000)
    assert park.values() == {}
    assert set(park.kinds()) == {SERIAL}


def test_two_models_alike_in_one_chain_are_no_late_answer():
    """An inverter and the meter behind it have common models of one length: both are steps of the walk."""
    chain = [[1, 65], [103, 50], [1, 65], [203, 105]]
    park = Park(
        device(40000, chain, {(3, 18): 0xFB2E, (3, 22): 1}),
        points=[{"quantity": "active_power_total", "model": 203, "point": "W", "sign": "+export"}],
        sunspec={"model": 203, "chain": [[1, 65], [203, 105]]},
    )
    park.bus.run(until_ms=park.bus.now_ms + 4000)
    assert (park.values(), park.kinds()) == ({"active_power_total": 12340}, [])


def test_reads_that_the_walk_has_replaced_are_left_alone():
    """While the models are looked for, a refusal or damage of a read from before it changes nothing."""
    model = profile()
    blocks = plan_blocks(model, model.asked(), BUS.baud, BUS.turnaround_ms)
    reads = SunspecReads(BUS, meter(7), model, blocks, MeterWatch("m7", 300, 0, False), Cadence(12, 0))
    (step,) = reads.wanted()
    old = blocks[0]
    assert old not in reads.blocks and not reads.believes(old)
    reads.set_back(old)
    assert (reads.refused(old, 0), reads.damaged(old, 0), reads.blocks) == ([], [], [step])


def test_figures_that_the_device_refuses_are_read_in_parts():
    """Once the models are found, their reads are split like those of any meter; damage alone splits none so soon."""
    model = profile()
    blocks = plan_blocks(model, model.asked(), BUS.baud, BUS.turnaround_ms)
    reads = SunspecReads(BUS, meter(7), model, blocks, MeterWatch("m7", 300, 0, False), Cadence(12, 0))
    registers = device(40000, [(1, 65), (103, 50)], {})
    for _ in range(4):
        (step,) = reads.wanted()
        found, foreign = reads.take(step, (registers[step.start], registers[step.start + 1]), 0, 0)
        assert (found, foreign) == ([], False)
    block = [one for one in reads.blocks if len(one.points) > 1][0]
    assert reads.damaged(block, 0) == [] and block in reads.blocks
    for _ in range(SPLIT_AFTER):
        parts = reads.refused(block, 0)
    assert len(parts) == 2 and block not in reads.blocks
