"""What the API server accepts, by its schemas. `kubernetes_validate` reads megabytes of them for each object; here, once."""

from __future__ import annotations

import functools

from kubernetes_validate import ValidationError, utils, validate

__all__ = ["ValidationError", "validate"]

utils.schema_contents = functools.cache(utils.schema_contents)
