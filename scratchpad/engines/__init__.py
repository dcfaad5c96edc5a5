"""Who does the work: this process, several here, or the workers of a Ray cluster.

Work is a *stage* with many tuples of arguments. A stage carries all it needs, is prepared once per
worker, and gives the function that does one piece. What a piece comes to depends on stage and
arguments alone, so that it matters to no table who did it, or in which order.
"""
