"""Configuration: the schema of waf.yaml and the way from text to it. Reads no files itself."""

from waf.config.schema import Config

__all__ = ["Config"]
