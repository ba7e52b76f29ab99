"""The program `stockyard`: one file per verb."""

from stockyard.cli.program import main

__all__ = ["main"]
