"""What becomes of a behaviour when its model is trained further.

`checkup` measures a model along training, `rates` and `probe_reading` are two of its parts.
"""
