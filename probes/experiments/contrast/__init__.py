"""Do directions of general questions apply to what a model did?"""
