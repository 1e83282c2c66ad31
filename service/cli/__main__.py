"""`python -m service.cli` is the command `paperpath`."""

from service.cli import main

main()
