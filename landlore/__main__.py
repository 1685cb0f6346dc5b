"""`python -m landlore` is `landlore`."""

from landlore.cli import main

main()
