"""Pure functions from a ladder's tables to scores: no model, no file.

`scores`, `step_scores`, `verdicts` and `reference` say how wrong an instrument is, `selection`
which one to take, `known_error` what that means for the next model, `error_sources` and
`carrying` where errors come from and whether tiny organisms stand for others; `ranking` holds the
order in which metrics are listed.
"""
