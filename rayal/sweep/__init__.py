"""A sweep: from a YAML file to a plan of trials, with every rule checked."""
