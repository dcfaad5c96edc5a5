"""From a model and its questions to an experiment of `probes`: what is written and read."""
