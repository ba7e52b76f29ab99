"""`python -m stockyard`."""

from stockyard.cli import main

main()
