"""What is asked of the meters of a bus, planned for least bus time, and what its sweeps cost."""

from gateway.core.meter.meter_reads import points_to_ask
from gateway.core.meter.plan import block_us, class_of, plan_blocks
from gateway.core.meter.poll import Job
from gateway.core.meter.profile import FAST, SLOW, DeviceProfile
from gateway.core.site import Bus, Site


def jobs_of(site: Site, profiles: dict[str, DeviceProfile], bus: Bus) -> tuple[Job, ...]:
    """Return what is to be read on *bus*."""
    jobs = []
    for meter in site.meters:
        if meter.bus == bus.name:
            profile = profiles[meter.profile]
            points = points_to_ask(meter, profile)
            blocks = plan_blocks(profile, points, bus.baud, bus.turnaround_ms, site.slow_sweeps)
            jobs.append(Job(meter, profile, blocks))
    return tuple(jobs)


def sweep_us(jobs: tuple[Job, ...], bus: Bus, slow_sweeps: int) -> int:
    """Return how long the longest usual sweep takes, all meters answering: all fast reads, and its share of slow ones.

    Slow reads take turns; the longest of them are taken to come together.
    """
    taken = [(class_of(block), block_us(block, bus.baud, 1000 * bus.turnaround_ms)) for job in jobs for block in job[2]]
    slow = sorted((us for kind, us in taken if kind == SLOW), reverse=True)
    return sum(us for kind, us in taken if kind == FAST) + sum(slow[: -(-len(slow) // slow_sweeps)])
