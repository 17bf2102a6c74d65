"""Learners: labels in, probabilities out."""
