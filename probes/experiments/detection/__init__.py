"""Can activations tell, at any layer and position, that a model is about to defect?"""
