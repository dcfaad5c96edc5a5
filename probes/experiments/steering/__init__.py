"""Does a direction do anything?"""
