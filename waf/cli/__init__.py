"""Commands for people: `waf run`, `demo`, `check`, `config`, `rules`, `explain`, `replay`, `profile`,
`report`.
"""

from waf.cli.main import main

__all__ = ["main"]
