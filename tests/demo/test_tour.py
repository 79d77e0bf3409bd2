"""The tour: what it sends, how it judges, and that it never shows the leaked number."""

import socket

from aiohttp.test_utils import TestClient

from tests.together import together
from waf.demo import catalogue
from waf.demo.shop import serve_shop
from waf.demo.tour import VISITS, Fate, Step, Visit, judge, render, render_tour, run_tour

CARD = catalogue.CUSTOMERS[0].card
LEAK = Visit("page", "/customers/1", leaks=CARD)
PLAIN = Visit("page", "/")

JUDGED = [
    (PLAIN, 200, "", Fate.FORWARDED),
    (PLAIN, 303, "", Fate.FORWARDED),
    (PLAIN, 403, "", Fate.BLOCKED),
    (PLAIN, 429, "", Fate.BLOCKED),
    (PLAIN, 404, "", Fate.FAILED),
    (PLAIN, 502, "", Fate.FAILED),
    (LEAK, 200, f"card {CARD}", Fate.LEAKED),
    (LEAK, 200, f"card {catalogue.grouped(CARD)}", Fate.LEAKED),
    (LEAK, 200, "card 4532-" + "-".join(catalogue.grouped(CARD).split()[1:]), Fate.LEAKED),
    (LEAK, 200, f"card {CARD[:6]}******{CARD[-4:]}", Fate.MASKED),
    (LEAK, 403, "", Fate.BLOCKED),
]


@together(("visit", "status", "text", "fate"), JUDGED)
def test_fates(visit: Visit, status: int, text: str, fate: Fate) -> None:
    assert judge(visit, status, text) is fate


async def test_without_a_sidecar_the_attacks_arrive_and_the_number_leaks(shop: TestClient) -> None:  # type: ignore[type-arg]
    seen: list[Step] = []
    steps = await run_tour(str(shop.make_url("/")), on_step=seen.append)
    assert seen == steps
    assert [step.fate for step in steps] == [Fate.FORWARDED] * 4 + [Fate.LEAKED] * 2
    shown = render_tour(steps)
    assert CARD not in shown
    assert catalogue.grouped(CARD) not in shown
    assert shown.count(CARD[-4:]) == 2


async def test_the_path_is_sent_byte_for_byte() -> None:
    runner, port = await serve_shop()
    try:
        steps = await run_tour(
            f"http://127.0.0.1:{port}", visits=[Visit("x", "/search?q=%2e%27&category=", show="value=.*?>")]
        )
    finally:
        await runner.cleanup()
    assert steps[0].request == "GET /search?q=%2e%27&category="
    assert steps[0].excerpt == 'value=".&#x27;">'


async def test_a_server_that_is_not_there_is_a_failed_step() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        steps = await run_tour(f"http://127.0.0.1:{unused.getsockname()[1]}", visits=VISITS[:1])
    assert [(step.status, step.fate) for step in steps] == [(0, Fate.FAILED)]


def test_a_step_reads_well() -> None:
    step = Step("A page", "GET /x", 403, Fate.BLOCKED, "r-1", "refused")
    assert render(step).splitlines() == [
        "● A page",
        "    sent      GET /x",
        "    outcome   BLOCKED (403)   request id r-1",
        "    answer    refused",
    ]
    assert "\x1b[1;31mBLOCKED\x1b[0m" in render(step, colour=True)
