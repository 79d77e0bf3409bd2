"""Commands for people: `waf run`, `demo`, `check`, `config`, `rules`, `explain`, `replay`, `profile`,
`report`.
"""
