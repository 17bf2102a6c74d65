"""What trainings of encoders share: schedule, checkpoints, progress, the dataset map."""
