"""`python -m fupan`: the command line, also where the console script's folder is not on PATH."""

from fupan.cli import main

main()
