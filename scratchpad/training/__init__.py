"""Training: a parent that is able, an organism that has a behaviour."""
