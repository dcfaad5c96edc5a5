"""Does what a probe reads carry over to a trigger, or a model, that it never saw?"""
