"""At which step do activations know of a defection, and at which does the text?"""
