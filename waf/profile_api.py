"""The learned profile on the control port: look at it, review it, edit it. Guarded like all of that port."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from waf import edits
from waf.control.api import Route, json_answer, text_answer
from waf.control.wire import Answer, Asked
from waf.errors import ConfigError
from waf.learning import Learning
from waf.profiles import yaml_view


def profile_routes(learning: Learning, workload: Callable[[], str]) -> list[Route]:
    """Routes over the learner of this process."""

    async def show(asked: Asked) -> Answer:
        learner = learning.memory.learner
        if asked.query.get("view") == "evidence":
            text = yaml_view.evidence_of(learner.candidates(), learner.book)
        else:
            text = yaml_view.text_of(learner.book, workload())
        return text_answer(text, kind="application/yaml")

    async def status(_asked: Asked) -> Answer:
        return json_answer(edits.status(learning.memory.learner, workload()))

    async def edit(asked: Asked) -> Answer:
        try:
            wanted = msgspec.json.decode(asked.body, type=edits.Edit)
            changed = await learning.edit(wanted, time.time())
        except ConfigError as error:
            return json_answer(
                {"error": "the document cannot be used", "problems": [str(p) for p in error.problems]}, 422
            )
        except (msgspec.DecodeError, ValueError) as error:
            return json_answer({"error": str(error)}, 400)
        return json_answer({"changed": changed})

    return [
        Route("GET", "/v1/profile", show),
        Route("GET", "/v1/profile/status", status),
        Route("POST", "/v1/profile", edit),
    ]
