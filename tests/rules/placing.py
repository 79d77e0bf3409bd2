"""Where the samples of rules are put into messages: the same way as `waf rules test` does it."""

from waf.policy.placing import as_bytes, message, place, placed, whole

__all__ = ["as_bytes", "message", "place", "placed", "whole"]
