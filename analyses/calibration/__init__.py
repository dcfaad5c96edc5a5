"""Metrics and step attributions scored against planted truth.

`ladder` names the organisms, `instruments` what is calibrated, `measuring` and `units` take the
rows, `results` and `collecting` make tidy tables of them; what follows is pure: `scores` and
`step_scores` say how wrong each instrument is, `known_error` what that means for the next model.
"""
