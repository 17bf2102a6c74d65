"""Taking all that a queue gives out."""

from rayal.run.queue import TrialQueue


def all_batches(queue: TrialQueue) -> list[list[str]]:
    batches = []
    while batch := queue.next_batch():
        batches.append(batch)
        queue.started(batch)
    return batches
