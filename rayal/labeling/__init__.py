"""From a folder of images without labels to a classifier: choices, rounds, answers, reports."""
