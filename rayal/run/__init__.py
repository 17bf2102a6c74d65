"""From a plan to records: what a worker does, in this process or on a Ray cluster."""
