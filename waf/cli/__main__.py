"""`python -m waf.cli`, the same as `waf`."""

from waf.cli.entry import main

main()
