"""Puts Ray's workers on the little work of `shortened`: nodes have this folder on their path."""

import sys

if any(word.endswith("default_worker.py") for word in sys.orig_argv):
    import os
    from pathlib import Path

    from shortened import RECIPE, little_work

    # For as long as the worker lives.
    WORK = little_work(Path(os.environ["SCRATCHPAD_CACHE"]), RECIPE)
    WORK.__enter__()
