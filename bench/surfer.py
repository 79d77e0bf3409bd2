"""A person who clicks through any web application: follows links, fills in forms as one would, tries the buttons.

Knows nothing of the application: what there is to click is what the page shows. Everything comes from the seed.
"""

from __future__ import annotations

import json
import random
from typing import Any, Final

from bench.devtools import Lost, Page
from bench.profile_apps import word

NEVER: Final = r"log.?out|sign.?out|/download|shutdown|/quit|reset.?password|deactivate|\.pdf$|mailto:"
"""What nobody clicks: it ends the session or leaves the page."""

_LOOK: Final = """
(() => {
  const never = new RegExp(%s, "i"), here = location.origin, seen = (e) => e.offsetParent !== null;
  const all = (q) => [...document.querySelectorAll(q)].filter(seen);
  const links = [...new Set(all("a[href]").filter((a) => a.origin === here && !never.test(a.href) && !never.test(a.textContent)
    && a.href.split("#")[0] !== location.href.split("#")[0]).map((a) => a.href))];
  window.__buttons = all("button, [role=button], [role=menuitem], [role=tab], summary").filter((b) =>
    !b.disabled && !b.form && !never.test(b.textContent));
  window.__forms = all("form").filter((f) => !never.test(f.action + f.id));
  return {links: links.slice(0, 300), buttons: window.__buttons.length, forms: window.__forms.map((f) =>
    [...f.elements].map((e, i) => ({i, type: e.type, name: e.name || e.id || "", value: (e.value || "").slice(0, 40), need: e.required,
      max: e.maxLength || 0, options: e.options ? e.options.length : 0, free: !e.disabled && !e.readOnly && (seen(e))}))
      .filter((e) => e.free))};
})()
"""
_FILL: Final = """
((number, values, pressed) => {
  const form = window.__forms[number];
  if (!form) return false;
  for (const [i, value] of values) {
    const e = form.elements[i];
    if (!e) continue;
    if (e.type === "checkbox" || e.type === "radio") { e.checked = value; }
    else if (e.options) { if (e.options.length) e.selectedIndex = value %% e.options.length; }
    else {
      const proto = e.tagName === "TEXTAREA" ? HTMLTextAreaElement.prototype : HTMLInputElement.prototype;
      Object.getOwnPropertyDescriptor(proto, "value").set.call(e, value);
    }
    e.dispatchEvent(new Event("input", {bubbles: true}));
    e.dispatchEvent(new Event("change", {bubbles: true}));
  }
  form.target = "_self";
  const buttons = [...form.querySelectorAll("button, input[type=submit]")].filter((b) => b.type === "submit" && !b.disabled && b.offsetParent !== null);
  const button = buttons[pressed %% Math.max(1, buttons.length)];
  try { button ? button.click() : form.requestSubmit(); } catch { form.submit(); }
  return true;
})(%s)
"""
_PRESS: Final = (
    "(() => { const b = window.__buttons && window.__buttons[%d]; if (b) b.click(); return !!b; })()"
)


class Surfer:
    """One person at a site whose first page is `start`."""

    def __init__(self, page: Page, start: str, seed: str) -> None:
        self.page = page
        self.rng = random.Random(seed)
        self._start = start
        self._accent = self.rng.choice(("", "", "éèç", "äöüß", "áíñ"))

    async def surf(self, steps: int) -> None:
        """Take so many steps; whatever goes wrong, the person begins again at the first page."""
        await self._begin()
        for _ in range(steps):
            try:
                await self._step()
            except Lost:
                await self._begin()

    async def _begin(self) -> None:
        try:
            await self.page.visit(self._start)
        except Lost:
            await self.page.rest()

    async def _step(self) -> None:
        rng, page = self.rng, self.page
        sight = await page.run(_LOOK % _quoted(NEVER))
        ways = [way for way in ("links", "forms", "buttons") if sight and sight[way]]
        if not ways or rng.random() < 0.04:
            await page.visit(self._start)
            return
        shares = {"links": 5.0, "forms": 4.0, "buttons": 1.5}
        match rng.choices(ways, [shares[way] for way in ways])[0]:
            case "links":
                await page.run(f"location.href = {_quoted(rng.choice(sight['links']))}")
            case "forms":
                number = rng.randrange(len(sight["forms"]))
                values = [
                    made for field in sight["forms"][number] if (made := self._value(field)) is not None
                ]
                arguments = f"{number}, {json.dumps(values)}, {rng.randrange(4) if rng.random() < 0.3 else 0}"
                await page.run(_FILL % arguments)
            case _:
                await page.run(_PRESS % rng.randrange(sight["buttons"]))
        await page.rest()

    def _value(self, field: dict[str, Any]) -> tuple[int, object] | None:
        """What the person writes into a field: (its number, the value), None to leave it as it is."""
        rng, kind, name = self.rng, field["type"], field["name"].lower()
        written = field["value"] != ""
        if kind in ("hidden", "submit", "button", "file", "reset", "image", "fieldset", "password"):
            return None
        if kind in ("checkbox", "radio"):
            return (field["i"], rng.random() < 0.6) if rng.random() < 0.3 else None
        if field["options"]:
            return (field["i"], rng.randrange(field["options"])) if rng.random() < 0.4 else None
        if written and rng.random() < 0.6:
            return None
        if not field["need"] and not written and rng.random() < 0.25:
            return None
        text = self._text(kind, name)
        return field["i"], text[: field["max"]] if field["max"] > 0 else text

    def _text(self, kind: str, name: str) -> str:
        rng = self.rng
        if kind == "email" or "mail" in name:
            return f"{word(rng)}@{word(rng)}.example"
        if kind == "url" or "url" in name or "link" in name:
            return f"https://{word(rng)}.example/{word(rng)}?page={rng.randrange(9)}"
        if kind in ("number", "range"):
            return str(rng.randrange(1, 40))
        if kind == "date" or "date" in name:
            return f"2025-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        if kind == "time" or name.endswith("_time"):
            return f"{rng.randrange(24):02}:{rng.randrange(60):02}"
        if kind == "color":
            return f"#{rng.getrandbits(24):06x}"
        if "slug" in name or "user" in name or "prefix" in name:
            return word(rng) + str(rng.randrange(99))
        if kind == "textarea":
            return "\n\n".join(self._sentences(rng.randint(1, 4)) for _ in range(rng.randint(1, 3)))
        if kind == "search" or name in ("q", "search", "query"):
            return " ".join(word(rng, self._accent) for _ in range(rng.randint(1, 3)))
        return self._sentences(1).rstrip(".")

    def _sentences(self, count: int) -> str:
        rng, out = self.rng, []
        for _ in range(count):
            words = [word(rng, self._accent) for _ in range(rng.randint(2, 9))]
            x = rng.random()
            if x < 0.08:
                words[0] += "'s"
            elif x < 0.14:
                words[-1] = f'"{words[-1]}"'
            elif x < 0.2:
                words.insert(1, f"({rng.randrange(2000)})")
            elif x < 0.25:
                words[0] += ","
            elif x < 0.28:
                words.insert(1, "&")
            out.append(" ".join(words).capitalize() + rng.choice((".", ".", ".", "!", "?")))
        return " ".join(out)


def _quoted(text: str) -> str:
    """As a literal of JavaScript."""
    return json.dumps(text)
