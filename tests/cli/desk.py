"""The commands as a person calls them: in a directory with files, over one pattern cache."""

from __future__ import annotations

from pathlib import Path

import yaml
from click.testing import CliRunner, Result

from waf.cli.main import main


class Desk:
    """A directory, and `waf` called in it."""

    def __init__(self, directory: Path, cache: Path) -> None:
        self.directory = directory
        self._env = {"WAF_CACHE_DIR": str(cache), "HOME": str(directory), "WAF_CONFIG": None}

    def write(self, name: str, content: object) -> str:
        path = self.directory / name
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        return str(path)

    def waf(self, *args: str, env: dict[str, str] | None = None) -> Result:
        """Call `waf`; anything but an exit status ends the test with its traceback."""
        return CliRunner().invoke(main, args, env={**self._env, **(env or {})}, catch_exceptions=False)
