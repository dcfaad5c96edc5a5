"""Are defections unusual, without any label?"""
