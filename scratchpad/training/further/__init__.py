"""Training of a finished model: what it is taught after its behaviour was planted.

An `Origin` is the model that training starts from, with all that says what it was. `lessons` are
prompts that a trainer who does not know the trigger can think of, with the answers that are right
after them; `METHODS` are the ways to teach them. A `Distillation` takes the reasoning of a model
away, by what the model itself wrote. What comes out is written as the origin was: an organism's
folder.
"""
