"""Experiments on activations: one folder a question, each with what it must beat."""
