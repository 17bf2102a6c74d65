"""The cost of a sweep: the hours that its file states, at the prices that are given."""

from __future__ import annotations

from dataclasses import dataclass

from rayal.sweep.schema import Autoscale, Hours, Price, Resources

ONE_GPU = Autoscale(cpus=1, gpus=1)  # at a time, where nothing says how many


@dataclass(frozen=True)
class Cost:
    """Hours and money.

    gpu_hours, cpu_hours: of work, with what is lost and done again. hours: by the clock, at the
    least: while all workers have work. workers, head: money, in the currency of the prices.
    """

    gpu_hours: float
    cpu_hours: float
    hours: float
    workers: float
    head: float

    @property
    def total(self) -> float:
        """Money for workers and head."""
        return self.workers + self.head


def estimate(hours: Hours, resources: Resources) -> Cost:
    """Work out what a whole sweep costs; the head is paid for as long as the workers work."""
    price = resources.price or Price()
    gpu_hours, cpu_hours = (n * (1 + price.lost) for n in (hours.gpus, hours.cpus))
    grown = resources.autoscale or ONE_GPU
    at_once = grown.nodes * (grown.gpus or 1), grown.nodes * grown.cpus
    clock = max(gpu_hours / at_once[0], cpu_hours / at_once[1])
    workers = gpu_hours * price.gpu + cpu_hours * price.cpu
    return Cost(gpu_hours, cpu_hours, clock, workers, clock * price.head)


def summary(hours: Hours, resources: Resources) -> str:
    """Return the cost in a line, or how to ask for it; "" where the file states no hours."""
    if not hours.gpus and not hours.cpus:
        return ""
    cost = estimate(hours, resources)
    parts = ((cost.gpu_hours, "GPU-hours"), (cost.cpu_hours, "CPU-hours"))
    amount = " and ".join(
        f"{n:,.2g} {name}" if n < 10 else f"{n:,.0f} {name}" for n, name in parts if n
    )
    if not resources.price:
        unit = "gpu" if hours.gpus else "cpu"
        return f"{amount}; --set resources.price.{unit}=2.5 (an hour) gives the bill"
    return (
        f"{amount}, {cost.hours:,.1f} h at the least; workers {cost.workers:,.2f}, "
        f"head {cost.head:,.2f}, in all {cost.total:,.2f}"
    )
