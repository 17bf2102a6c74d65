"""Networks trained on the images of a task."""
