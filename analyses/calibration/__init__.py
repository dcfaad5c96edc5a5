"""Metrics and step attributions scored against planted truth.

`ladder` names the organisms, `instruments` what is calibrated, `measuring` and `units` take the
rows, `results`, `step_rows` and `described` make tidy tables of them (`collecting` all of an
organism's), `scoring` scores those, `summing` and `page` say what came out; `frozen` and `quoted`
carry it to the next model.
"""
