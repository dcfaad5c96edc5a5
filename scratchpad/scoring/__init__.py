"""Scoring: what the model does after a variant, by likelihood and by judged samples."""
