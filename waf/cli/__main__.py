"""`python -m waf.cli`, the same as `waf`."""

from waf.cli.main import main

main()
