"""`python -m scratchpad`."""

from scratchpad.cli import main

main()
