"""The engine's face: what the policy calls. Immutable; a reload builds a new one.

Differs from the first draft of the contract in this: `check_request` takes the reading itself, so that a body
is only parsed into fields where its text holds a candidate; `response_filter` is told whether to `enforce`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from waf.config.schema import Sensitive
from waf.http1.memo import Memo
from waf.messages import Request, Response
from waf.model import PatternStore
from waf.patterns import Expression
from waf.sensitive.coding import codings, decoder
from waf.sensitive.containers import Container, container_of, readable_charset, sniffed
from waf.sensitive.entities import Entity, custom_entity
from waf.sensitive.exact import ExactData, exact_entity
from waf.sensitive.find import Finder
from waf.sensitive.headers import HeadHits, redact_head, suspicious
from waf.sensitive.heads import accepts_gzip, truthful
from waf.sensitive.mask import Key
from waf.sensitive.orders import Lift, Policy
from waf.sensitive.records import RecordMask
from waf.sensitive.requests import Readable, RequestCheck, RequestHits
from waf.sensitive.responses import Clean, ResponseFilter, Unread
from waf.sensitive.screened import Screened
from waf.sensitive.stream import Redactor
from waf.sensitive.tally import Tally, remark
from waf.sensitive.uploads import UploadSearch
from waf.sensitive.views import view

if TYPE_CHECKING:
    from waf._speed import Values

__all__ = ["Clean", "Detector", "RequestHits", "ResponseFilter", "Unread"]


_FEW: Final = 3


class _Kind(msgspec.Struct, frozen=True):
    """What a Content-Type says of how a whole body is to be read."""

    container: Container | None  # None: there is no text in it
    readable: bool
    by_column: bool  # values may be sensitive by the head of their column alone


def _kind_of(content_type: bytes) -> _Kind:
    container = container_of(content_type)
    return _Kind(container, readable_charset(content_type), container is Container.CSV)


class Detector:
    """Sensitive data in requests, responses and our own records."""

    def __init__(
        self,
        policy: Policy,
        traffic: Finder,
        records: RecordMask,
        key: Key,
        others: Sequence[Expression] = (),
    ) -> None:
        self.policy: Final = policy
        self.key: Final = key
        self.entities: Final = traffic.entities
        self._finder = traffic
        self._requests = RequestCheck(traffic, key, by_field=any(rule.fields for rule in policy.config.rules))
        self._kinds = Memo(_kind_of, capacity=256, longest=128)
        self._clean = Clean(Tally(key))
        self._clean_unmet = Clean(self._clean.tally, unmet=True)
        self.others: Final = tuple(others)
        """Expressions of others that `screen` looks for on the way: see `Screened.unmet`."""
        self._records = records

    @classmethod
    def build(
        cls,
        config: Sensitive,
        entities: Sequence[Entity],
        store: PatternStore | None,
        key: bytes,
        exact: Mapping[str, ExactData] | None = None,
        others: Sequence[Expression] = (),
    ) -> Detector:
        """`entities` come from `parse_entities`, `key` is at least 32 secret bytes, `exact` holds the hashed
        lists.

        Raises ConfigError with everything that cannot be used.
        """
        policy = Policy(config)
        own = [
            custom_entity(
                entity.id,
                entity.pattern,
                validator=entity.validator,
                context=entity.context,
                negative=entity.negative_context,
                mask=entity.mask,
                confidence=entity.confidence,
                where=f"sensitive.custom[{number}]",
            )
            for number, entity in enumerate(config.custom)
        ]
        keys = Key(key)
        lists = exact or {}
        own += [exact_entity(name, data) for name, data in lists.items()]
        everything = [*entities, *own]
        wanted = [entity for entity in everything if policy.wants(entity)]
        records = Finder.build(everything, store, lists, sieved=False)  # what is recorded is short
        # A database of its own for traffic pays only if it is much smaller.
        spared = len(everything) - len(wanted)
        if spared <= _FEW:
            traffic = records.only(wanted, store, others)
        else:
            traffic = Finder.build(wanted, store, lists, others=others)
        return cls(policy, traffic, RecordMask(records.stricter()), keys, others)

    # ----------------------------------------------------------------------------------------- our own
    # records

    def mask(self, data: bytes) -> str:
        """`model.Mask`: every entity masked, controls escaped, at most 120 characters."""
        return self._records.excerpt(data)

    def mask_text(self, text: str, name: str = "") -> str:
        """`text` of any length with every entity masked; `name` is the field it stood in, if any."""
        return self._records.text(text, name)

    # -------------------------------------------------------------------------------------------------
    # requests

    def check_request(
        self,
        reading: Readable,
        path: bytes,
        lift: Lift | None = None,
        head_clear: bool = False,
        body_clear: bool = False,
    ) -> RequestHits | None:
        """What a request carries; None for nothing. `path` is as on the wire, without query.

        `head_clear`: it is known that there is nothing in the head (see `screened`), `body_clear` the same of the body.
        """
        return self._requests.check(
            reading, lambda: self.policy.orders("request", path).lifted(lift), head_clear, body_clear
        )

    @property
    def screened(self) -> tuple[frozenset[bytes], Values, bytes | None] | None:
        """What `Heads.clear` is told of sensitive data in heads; None without the accelerator."""
        return self._requests.screened

    def request_stream(
        self,
        request: Request,
        hits: RequestHits | None,
        spared: Callable[[], None],
        lift: Lift | None = None,
    ) -> tuple[UploadSearch, RequestHits] | None:
        """A search of a body that is too long to be held, and the hits that grow with it; None where there is no text.

        `hits` are those of the head. `spared` is called at the end if something passed that policy wants altered.
        """
        orders = self.policy.orders("request", request.path).lifted(lift)
        tally = Tally(self.key)
        if hits is not None:
            tally.include(hits.tally)
        search = UploadSearch(self._finder, self.key, orders, request, tally, spared)
        return None if search.idle else (search, RequestHits((), tally, orders))

    def redact_request(self, request: Request, body: bytes, hits: RequestHits) -> tuple[Request, bytes]:
        """The request as policy lets it go on; the same objects where nothing is to be altered."""
        return self._requests.redact(request, body, hits)

    # ------------------------------------------------------------------------------------------------
    # responses

    def screen(
        self,
        request: Request,
        response: Response,
        body: bytes,
        enforce: bool = True,
        ceilings: dict[str, int] | None = None,
        lift: Lift | None = None,
    ) -> Screened | ResponseFilter | Unread | Clean | None:
        """For a whole body that has no coding and is no range: what it has to go through, by its `whole`.

        `Clean` goes on as it is, its head too; None: the type holds no text.
        """
        kind = self._kinds[response.headers.get(b"content-type") or b""]
        container = kind.container
        if container is None:
            return None
        if not kind.readable:
            return self.response_filter(request, response, enforce, ceilings, lift)
        seen = view(body, container is Container.FORM)
        found, unmet = self._finder.look(seen.text, True)
        unmet = unmet and seen.text is body
        if not found and not kind.by_column:
            return self._clean_unmet if unmet else self._clean
        orders = self.policy.orders("response", request.path).lifted(lift)
        enforce = enforce and (orders.acts or ceilings is not None)
        if (
            ceilings is None
            and self._finder.judge is not None
            and response.status != 206
            and not orders.blocks
            and (container := sniffed(container, body)) is not None
        ):
            if enforce:
                response = truthful(response, False, False, orders.lengthens)
            return Screened(
                response, self._finder, container, orders, self.key, seen, found, enforce=enforce, unmet=unmet
            )  # fmt: skip
        passed = self.response_filter(request, response, enforce, ceilings, lift)
        if isinstance(passed, ResponseFilter):
            passed.look_at(seen, found)
        return passed

    def reads(self, response: Response) -> bool:
        """True where the body of a response of this type is searched."""
        return self._kinds[response.headers.get(b"content-type") or b""].container is not None

    def clears_answer(self, content_type: bytes) -> bytes | None:
        """A program (see `prefilter.program`) that lets pass plain bodies of this type (ASCII without an escape) that
        `screen` calls clean; None where it takes more to tell.
        """
        kind = self._kinds[content_type]
        if kind.container is None or kind.container is Container.FORM or kind.by_column or not kind.readable:
            return None
        return self._finder.program

    @property
    def clean(self) -> Clean:
        """What `screen` gives where nothing was found."""
        return self._clean

    def head_hits(
        self, request: Request, response: Response, enforce: bool = True, lift: Lift | None = None
    ) -> HeadHits | None:
        """What the headers of a response carry; None for nothing."""
        if not suspicious(self._finder, response):
            return None
        orders = self.policy.orders("response", request.path).lifted(lift)
        return redact_head(self._finder, self.key, orders, response, enforce=enforce)

    def bodyless(self, request: Request, response: Response) -> Response:
        """The head of a response that has no body, such as one to HEAD, as it would be for one that is redacted."""
        kind = self._kinds[response.headers.get(b"content-type") or b""]
        if kind.container is None:
            return response
        orders = self.policy.orders("response", request.path)
        if not orders.acts:
            return response
        return truthful(response, False, False, orders.lengthens)

    def response_filter(
        self,
        request: Request,
        response: Response,
        enforce: bool = True,
        ceilings: dict[str, int] | None = None,
        lift: Lift | None = None,
    ) -> ResponseFilter | Unread | None:
        """What the body goes through; None where the type holds no text.

        With `enforce` false the body is only looked at. `ceilings` are the most values of an entity that this
        endpoint may send (see `anomaly`); beyond them the body is refused. `lift` tells what people took back.
        """
        headers = response.headers
        content_type = headers.get(b"content-type")
        container = container_of(content_type)
        names = codings(headers.get(b"content-encoding"))
        config = self.policy.config
        ranged = response.status == 206
        parts = ranged and (content_type or b"").lower().startswith(b"multipart/byteranges")
        if container is None and not parts:
            return None
        orders = self.policy.orders("response", request.path).lifted(lift)
        inflate = decoder(names) if names else None
        unread = ""
        if container is None:
            unread = "several ranges in one body"
        elif names and inflate is None:
            unread = "a content coding that cannot be undone here"
        elif not readable_charset(content_type):
            unread = "a character set in which nothing could be found"
        block = config.undecodable == "block"
        if container is None or unread or (ranged and block):
            finding = remark(
                "sensitive.undecodable", unread or "a part of a body, in which values may be cut"
            )
            return Unread(response, finding, Tally(self.key), block=block, enforce=enforce)
        enforce = enforce and (orders.acts or ceilings is not None)
        bodyless = request.method == b"HEAD" or response.status in (204, 304)
        gzip = bool(names) and accepts_gzip(request)
        remarks = [remark("sensitive.partial", "a range was answered: values may be cut")] if ranged else []
        head = response
        if enforce:
            head = truthful(response, bool(names), gzip, orders.lengthens)
        return ResponseFilter(
            head,
            Redactor(
                self._finder, container, orders, self.key, enforce=enforce, ceilings=ceilings, sniff=True
            ),
            enforce=enforce,
            inflate=inflate,
            gzip=gzip and not bodyless,
            changes_length=enforce and not bodyless and (bool(names) or orders.lengthens),
            may_block=enforce and (orders.blocks or ceilings is not None),
            remarks=remarks,
        )
