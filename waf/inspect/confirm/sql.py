"""Does a value, put where an app puts it into a SQL statement, become more than a literal?

Owns the judgement on SQL for all dialects. Knows nothing of rules, views or fields.

A value reaches SQL inside quotes, as a bare number or name, or (rarely) in a comment. Inside quotes it can only act
after its *first* quote of that kind, and what follows must go on as SQL: text with an apostrophe does not. Bare, it
acts from its first byte. So the value is read from each of these starting points: tokens, then one letter a token,
then calls and parentheses reduced from the inside out, then compared with a short table of shapes. Prose drops out
because two plain words in a row are no SQL at those places.

The letters of a shape:
    1 constant    s closed string   q string open at the end   z the same, empty   v variable
    n name        g call of an unknown function   G of a SQL function   H of a dangerous one, or such inside
    X system catalogue   e subselect   E select   U set operator   T statement, checked with what follows it
    & logic   | "||"   = comparison   o arithmetic, a star   k clause word   b order/group by   h having
    l limit   i into a file   a case word   c comment that takes the rest   ( ) , ;   ? anything else
"""

from __future__ import annotations

import re
from typing import Final

from waf.inspect.confirm.guarded import Guarded
from waf.inspect.confirm.shape import WINDOW, is_document, of_value
from waf.inspect.confirm.sql_left import SETS, leaves_dollars
from waf.inspect.confirm.sql_plain import plain
from waf.inspect.confirm.sql_reduction import shape_of
from waf.inspect.confirm.sql_said import has_own, is_false, is_question, is_script
from waf.inspect.confirm.sql_shapes import bare, behind, is_afloat, is_glued
from waf.inspect.confirm.sql_tails import ends_statement
from waf.inspect.confirm.sql_tokens import tokens
from waf.inspect.confirm.sql_words import LETTERS, STATEMENTS
from waf.model import Confidence

_SET_FORM: Final = re.compile(rb"union(?:\s|/\*[^*]{0,24}\*/)+(?:all|distinct)\b|union/\*[^*]{0,24}\*/select")
_WHERE: Final = re.compile(rb"[\s)'\"/*]where[\s(/]")
_CUT_TAIL: Final = re.compile(rb"(?:--|#|/\*|;)[\s+\-/*#;\x00]*+\w?\W{0,12}\Z", re.S)
_OPEN_MAX: Final = 16  # bytes of a literal that is left for the app's quote to close, where little else tells
_GLANCE: Final = 512  # bytes of a document that are read from a starting point
_OPENING: Final = 4096  # bytes behind the last of them within which those are, whatever is rewritten there
_LONG: Final = 1536  # bytes of a document that is not read whole, if that need not be
_PIECE: Final = 768  # of these bytes so many are left whatever is rewritten, or they do not tell
_EDGE: Final = 64  # bytes at the end of a piece that may belong to what is rewritten there
_AROUND: Final = 128  # bytes before a quote that are read with it, for the sign directly before it
_ENDLESS: Final = re.compile(rb"[\w\s:\[\]]*['\"`]")  # what is rewritten may have begun before
_NAME: Final = 64  # bytes in which a word that begins a statement ends
_STATEMENT_MAX: Final = (
    200  # bytes of a value that is a statement; longer ones are scripts that somebody posts
)
_SAID: Final = re.compile(rb"(?:--|#)[\s>]*(?:[a-z\x80-\xff']{2,}[,.!?]*\s+){2}[a-z\x80-\xff]{2,}")
_RUNS: Final = re.compile(rb"\b(?:exec|execute|prepare|waitfor|shutdown|xp_\w+|sp_\w+|into|openrowset)\b")
_AFLOAT_START: Final = re.compile(
    rb"\bunion[\s(/+]|\b(?:and|or)[\s(/+]+(?:sleep|benchmark|pg_sleep)|;\s*(?=[a-z])|\b(?:waitfor|exec)\s"
)
_AFLOAT_SIGN: Final = re.compile(rb";|u(?<!\wu)nion|a(?<!\wa)nd|o(?<!\wo)r|w(?<!\ww)aitfor|e(?<!\we)xec")
_TRIES: Final = 3
_FEW_WORDS: Final = re.compile(rb"(?:[^ ]*+ ){4}[^ ]*+")
_SPEAKS: Final = re.compile(
    rb"\s*(?:extractvalue|updatexml|gtid_subset|exp|polygon|utl_\w+\.\w+|dbms_\w+\.\w+)\s*\(.*?"
    rb"(?:\(\s*select\b|\b(?:user|version|database|schema|now)\(\)|@@\w)",
    re.S,
)
"""A call whose error, name or delay tells of the database that is asked about in it."""
_ASKS: Final = re.compile(
    rb"\s*select\s+(?:(?:current_|session_|system_)?user|version|database|schema|sqlite_version)\s*\(\s*\)\s*;?\s*(?:--|#|\Z)"
)

_TRUTH: Final = re.compile(
    rb"\s*-?\d{1,12}['\")]*(?:\s|/\*\w*\*/)+(?:(?:or|\|\||xor|and|&&)(?:\s|/\*\w*\*/)+(?:not\s+)?(?:true|false)|(?:x?or|and)\s+not\s+\d{1,3}"
    rb"|(?:not\s+)?(?:rlike|regexp)\s+\d+)\s*$|\s*-?\d{1,12}['\")]*\s+is\s+(?:not\s+)?(?:null|true|false)\s+(?:x?or|and|\|\||&&)\s+[\w'\"(]"
)
_SET_TABLE: Final = Guarded(
    re.compile(
        rb"(?:^\s*-?\d{1,12}|['\"])[\s)]*union\s+(?:(?:all|distinct)\s+)?table\s+[\w.`]+\s*(?:limit\s+\d|--|#|;|$)"
    )
)
_SAME: Final = re.compile(
    rb"\s*-?\d{1,12}['\")]*\s+(?:or|and|\|\||&&)\s+[\[`\"]?([a-z_]\w{0,40})[\]`\"]?\s?(?:=|<=|>=|like)\s?[\[`\"]?\1[\]`\"]?\s*\Z"
)
"""1 or [id]=[id]: what is compared with itself."""
_JOINED: Final = re.compile(
    rb"\A\s*[a-z_][\w.]{0,40}(?:\s+(?:as\s+)?[a-z_]\w{0,20})?\s+(?:(?:cross|natural|inner|left|right|full)\s+(?:outer\s+)?)?join\s+[a-z_][\w.]{0,40}"
    rb"(?:\s+(?:as\s+)?[a-z_]\w{0,20})?\s+on\s*\(?(\d{1,9})\s?=\s?\1\)?\s*+;?\s*+(?:--|#|/\*)"
)
"""Another table, whatever it has."""
_EQUAL: Final = re.compile(
    rb"\A[^'\"]{0,200}['\"][\s)]*(?:x?or|and|\|\||&&)[\s(]*(['\"])(\w{1,12})\1\s?=\s?\1\2\1[\s)]*(?:x?or|and|\|\||&&)[\s(]"
)
"""' or '1'='1' or …: a condition that holds, whatever follows it."""
_ASKED: Final = re.compile(
    rb"\A\s*-?\d{1,12}['\")]{0,4}\s+(?:not\s+)?(?:r?like|regexp|x?or|and|&&|\|\||div|mod|in)\s+[(+~-]*[a-z_]\w{1,40}\s?\("
    rb"[^\r\n]{0,200}?\b(?:(?:current_|session_|system_)?user|version|database|schema|db_name|user_name)\s?\(\s?\)"
)
"""5 and f(user()): a call that is told who asks."""
_ASKED_OF: Final = re.compile(
    rb"\A\s*+[a-z_][\w.]{0,40}(?:\s*+[-+*/%^&|=<>!]{1,3}|\s++(?:not\s++)?(?:r?like|regexp|x?or|and|div|mod|in)\b)[\s(+~-]*+"
    rb"(?:ascii|ord|if|iif|ifnull|nullif|substr(?:ing)?|mid|left|right|hex|(?:char_)?length|len|concat(?:_ws)?|md5|sha1|lower|upper|field|elt"
    rb"|instr|locate|strcmp|conv|bin|cast|convert|coalesce|to_char|crc32|exp|rand|floor)\s?\("
    rb"[^\r\n]{0,200}?\b(?:(?:current_|session_|system_)?user|version|database|schema|db_name|user_name|suser_name|sqlite_version)\s?\(\s?\)"
    rb"[^\r\n]{0,100}\)\s*+(?:;?\s*+(?:--|#|/\*)\W{0,12}+\w?\W{0,12}+)?\Z"
)
"""name rlike(if(ascii(user())=114,1,0x28)): the same behind a column, and nothing behind it."""
_UNKNOWN: Final = re.compile(
    rb"\A\s*-?\d{1,12}['\")]{0,4}\s+(?:x?or|and)\s+[a-z]{2,20}_[a-z_]{2,30}\([^()\r\n]{0,60}\)\s*(?:is\s+(?:not\s+)?null|[<>=!]=?\s?['\d@])"
)
"""1 and format_bytes(1) is not null: a call with a name of parts, that is compared."""
_EXECUTES: Final = re.compile(
    rb"\bcopy\b[^;]{1,200}\bprogram\s*['$]|\bexec(?:ute)?\s+(?:master\.+\w*\.*)?xp_cmdshell\b"
)
"""No box for queries is for these."""
_HELD: Final = re.compile(
    rb"\A[^'\"]{0,200}['\"][\s)]*+(?:x?or|\|\|)[\s(]++(?:not\s++)?(?:(?:true|false)[\s)]*+(?:--\s|#|/\*)|-?\d{1,9}\)*+(?:--\s|#|/\*))"
    rb"|\A\s*+[\w.@-]{0,40}['\"][\s)]*+(?:x?or|\|\|)[\s(]++-?\d{1,9}[\s)]*+(?:--\s|#|/\*)"
    rb"|\A\s*+[a-z][\w.@-]{2,40}['\"][\s)]*+(?:#|/\*)"
    rb"|\A[^'\"]{0,200}(?<=[a-z0-9)])(['\"])\s?(?:\|\||&&|x?or|<=>|<>|[<>]=?|[=^*/+&|-])\s?\1[\w%]{0,3}\Z"
    rb"|\A[^'\"]{0,200}['\"][\s);]*+exec(?:ute)?\s{0,8}(?:[\[\"]?master[\]\"]?\.{1,2}(?:\[?dbo\]?\.)?)?[\[\"]?[sx]p_\w"
)
"""' or true-- and words, admin'# and words, a literal that an operator makes true or false, and procedures of SQL Server."""
_HELD_MAX: Final = 2048  # bytes of a value that are read for them
_TABLE_MAX: Final = 65_536
_PHRASE: Final = re.compile(
    rb'"(?!\s*(?:\|\||&&|x?or\b|and\b|union\b|[-+*/^]\s?\())[^"]*"'
)  # what search boxes take for one term
_PLUS: Final = Guarded(re.compile(rb"\+(?:x?or|and|union|select|from|where|order|having|like|between|in)\+"))
_COMMENT_TAIL: Final = re.compile(rb"(?:--|#|/\*|;)[\s+\-/*#;\x00]*+[\w/]{0,8}\W{0,12}\Z", re.S)
_TWO_WORDS: Final = re.compile(rb"\s+[a-z]+\s+[a-z]+")
_ONE_LOGIC: Final = re.compile(rb"\s*(?:or|and)\s*")  # and nothing that makes what is false true
_WORDLESS: Final = re.compile(rb"(?:[^a-z\x80-\xff]++|x?or\b|and\b|div\b|mod\b|r?like\b){1,24}")  # '*1 or '1
_OPENERS: Final = b"[{(,:= \t\r\n"


def judge(value: bytes) -> Confidence | None:
    """How sure it is that `value` acts as SQL. None: it only looks like it.

    HIGH: it leaves the literal and goes on as SQL. MEDIUM: it is a whole SQL statement, which apps with a query
    box take as data. The time is bounded: at most seven starting points, `WINDOW` bytes from each.
    """
    document = is_document(value)
    if document and len(value) > _LONG and (acts := _glance(value)) is not None:
        return Confidence.HIGH if acts else None
    encoded = b" " not in value
    value = (_opening(value) if document else value).lower()  # no word of SQL cares
    if encoded and b"+" in value and _PLUS.found(value):  # still as forms encode it
        value = value.replace(b"+", b" ")
    value = plain(value)
    if _quoted(value, document) or (b"$" in value and leaves_dollars(value[:WINDOW])):
        return Confidence.HIGH
    window = _GLANCE if document else WINDOW
    shape = _shape(value, _start(value), window)
    told = bare(shape)
    script = is_script(value)
    if told.acts and not (script or (shape.endswith("s?") and is_question(value))):
        return Confidence.HIGH
    if document:
        return None
    if _by_expressions(value):
        return Confidence.HIGH
    if (script or (len(value) <= _STATEMENT_MAX and shape[:1] in "TE")) and _EXECUTES.search(
        value, 0, _HELD_MAX
    ):
        return Confidence.HIGH
    if len(value) <= _STATEMENT_MAX and told.statement:
        # A statement breaks out of nothing: with a sentence for a comment, or if it only sets, it is a person's.
        said = (_SAID.search(value) or shape.startswith("Tv")) and not _RUNS.search(value)
        return Confidence.MEDIUM if said else Confidence.HIGH
    if not script and shape[:1] not in "TE" and _acts_afloat(value):
        return Confidence.HIGH
    if (told.flat and _SPEAKS.match(value)) or _ASKS.match(value):
        return Confidence.HIGH
    return Confidence.MEDIUM if told.plain else None


def _by_expressions(value: bytes) -> bool:
    """What needs no tokens. Each is asked only about what may begin as it does."""
    first = value.lstrip()[:1]
    if (first.isdigit() or first == b"-") and (
        _TRUTH.match(value) or _SAME.match(value) or _ASKED.match(value) or _UNKNOWN.match(value)
    ):
        return True
    if (b"'" in value or b'"' in value) and (_EQUAL.match(value) or _HELD.match(value, 0, _HELD_MAX)):
        return True
    return bool(
        ends_statement(value)
        or SETS.match(value, 0, _HELD_MAX)
        or (b"join" in value and _JOINED.match(value))
        or (b"(" in value and _ASKED_OF.match(value))
        or (b"table" in value and _SET_TABLE.search(value, 0, _TABLE_MAX))
    )


confirm: Final = of_value(judge)


def _acts_afloat(value: bytes) -> bool:
    """Behind no more than a few words."""
    few = _FEW_WORDS.match(value, 0, WINDOW)
    end = few.end() if few else len(value)
    tries = 0
    for sign in _AFLOAT_SIGN.finditer(value, 1, min(end + 8, WINDOW)):
        start = _AFLOAT_START.match(value, sign.start(), WINDOW) if sign.start() <= end else None
        if start is None:
            continue
        if (start[0][:1] != b";" or _begins_statement(value, start.end())) and is_afloat(
            _shape(value, start.start(), WINDOW)
        ):
            return True
        tries += 1
        if tries == _TRIES:
            break
    return False


def _glance(value: bytes) -> bool | None:
    """Whether a long document acts, by pieces of it: how it begins, and what is around its first quote of each kind.

    None where the pieces may not tell the same as the whole.
    """
    opening = value[:_PIECE].lower()
    if b" " not in opening or opening.lstrip()[:1] in (b'"', b""):
        return None
    for quote in (b"'", b'"', b"`"):
        position = value.find(quote)
        if position < 0:
            continue
        start = max(position - _AROUND, 0)
        piece = plain(value[start : position + _PIECE].lower())
        at = piece.find(quote)
        rest = piece[at + 1 : at + 1 + _GLANCE]
        cut = position + _PIECE < len(value)
        if (cut and len(piece) <= at + _GLANCE + _EDGE) or (start and _ENDLESS.match(piece)):
            return None
        if rest[:1] == quote:
            at += 1
        if _continues(piece, at, rest, quote, opening=True, long=True) is not None:
            return True
    opening = plain(opening)
    begin = _start(opening)
    return None if len(opening) <= begin + _GLANCE + _EDGE else bare(_shape(opening, begin, _GLANCE)).acts


_LEAD: Final = re.compile(rb"[\s+/]*(?:\w+=)?(?:\[[\d,\s]{0,40}\](?=\s*(?:x?or|and|union)\b))?")


def _opening(value: bytes) -> bytes:
    """All that is read of a document, and more: up to the window behind its first quote of each kind."""
    end = max(value.find(b"'"), value.find(b'"'), value.find(b"`"), 0) + _OPENING
    if len(value) <= end or (
        value[:_OPENING].lstrip()[:1] in (b'"', b"") and _PHRASE.fullmatch(value.strip())
    ):
        return value
    return value[:end]


def _start(value: bytes) -> int:
    match = _LEAD.match(value)
    return match.end() if match else 0


def _shape(value: bytes, start: int, window: int) -> str:
    text = value[start : start + window]
    if _is_prose(text):
        return "nn?"  # whatever follows
    shape = shape_of(text)[0]
    return shape + "?" if len(value) > start + window and "c" not in shape else shape


def _is_prose(text: bytes) -> bool:
    """It begins with two operands and nothing between them, most often words: no shape does."""
    first = tokens(text, 0, 2)
    if len(first) < 2:
        return False
    for kind, word, _, _ in first:
        if kind not in "NSV" and (kind != "W" or word in LETTERS or word in STATEMENTS):
            return False
    return True


def _begins_statement(value: bytes, position: int) -> bool:
    first = tokens(value[position : position + _NAME], 0, 1)
    return bool(first) and first[0][1] in STATEMENTS


def _quoted(value: bytes, document: bool) -> bool:
    phrase = b'"' in value and _PHRASE.fullmatch(value.strip())
    quotes = (b"'", b"`") if phrase else (b"'", b'"', b"`")
    for quote in quotes:
        position = value.find(quote)
        tries = 0
        first = position
        literal = False  # the quotes so far are within the app's literal
        while position >= 0 and tries < (1 if document else 4):
            tries += 1
            rest = value[position + 1 : position + 1 + (_GLANCE if document else WINDOW)]
            if tries == 1 and has_own(value, position, quote):
                break
            opening = tries == 1 or literal
            if rest[:1] == quote and tries == 1:  # a doubled quote is one quote inside the literal
                position += 1
                literal = True
            else:
                literal = opening and (rest[:1] == quote or value[position - 1 : position] in (quote, b"\\"))
            found = _continues(value, position, rest, quote, opening=opening, long=len(value) > 512)
            if found is not None and (tries == 1 or found):
                own = tries % 2 == 0 and 0 < first <= _GLANCE and _OWN_LITERAL.match(value, 0, first)
                if not own:
                    return True
            position = value.find(quote, position + 1)
    return False


# The text reads on to its own literal as no statement does behind one of the app's: two names in a row, then "=".
_OWN_LITERAL: Final = re.compile(
    rb"\A\s*+[a-z_](?=[^\s]*+\s[^\s]*+\s)[^'\"`;()]*+(?:(?<=[=<>,])|(?<=[=<>,] )|(?<=\blike )|\()\Z"
)


def _may_continue(rest: bytes) -> bool:
    """False where no shape begins with the first token: operands, but for the list before "into outfile"."""
    first = tokens(rest, 0, 1)
    if not first:
        return False
    kind, word, _, _ = first[0]
    if kind in "WF":
        return word in STATEMENTS or (word in LETTERS if kind == "W" else LETTERS.get(word, "1") != "1")
    if kind == "N":
        return b"outfile" in rest or b"dumpfile" in rest
    return kind in "PC),;{"


def _continues(
    value: bytes, position: int, rest: bytes, quote: bytes, *, opening: bool, long: bool
) -> bool | None:
    """None: no SQL follows the quote. True: SQL follows that cannot be chance, even where it is not the value's `opening` one."""
    if not _may_continue(rest):
        return None
    before = value[position - 1 : position] if position and not value[:position].isspace() else b""
    shape, first, last, start, end = shape_of(rest)
    if (
        before and before in _OPENERS and rest[:1].isalnum()
    ):  # it opens a literal, unless a whole condition follows
        return True if is_glued(shape) else None
    told = behind(shape)
    if told.acts and last == "O" and is_false(rest):
        return None
    if told.acts:
        return told.sure
    if told.listed and (opening or _COMMENT_TAIL.match(rest, start)):
        return True
    if told.names and _SET_FORM.search(rest):
        return True
    if told.assigned and opening and (_WHERE.search(rest) or _COMMENT_TAIL.match(rest, start)):
        return True
    if told.cut_off and before.isalnum() and not rest[:1].isalnum() and _CUT_TAIL.match(rest, start):
        return True  # whatever words stand before
    inside_word = before.isalpha() and rest[:1].isalpha()
    if inside_word or (before and before in _OPENERS) or long or value.count(b" ", 0, position) > 2:
        return None
    if before.isdigit() and shape.startswith("&1") and not shape.endswith("c"):  # 5' or 6
        return None
    if quote == b"`" or (before and not before.isalnum() and before not in b") %_.\x00\\"):
        return None
    if last == "O" and end - start > _OPEN_MAX and shape[:1] == "&" and rest[start + 1 : start + 2].isalpha():
        return None  # a text goes on, and as a condition it is false
    if (
        last == "O"
        and shape[:1] == "&"
        and _TWO_WORDS.match(rest, start + 1)
        and _ONE_LOGIC.fullmatch(rest, 0, start)
    ):
        return None  # the same, however short
    if (
        last == "O" and quote not in rest[start : min(end, start + 3)]
    ):  # what stays open is not what the app closes
        return None
    if not told.weak:
        return None
    if "c" in shape:
        return False if _COMMENT_TAIL.match(rest, start) else None
    sentence = b" " in value.strip() and len(value) > 8 and first != "W" and not _WORDLESS.fullmatch(value)
    if sentence and "G" in shape and shape[-1:] == "z" and value.count(quote) == 2:
        return False  # '+f(user() as int)+'
    if sentence and shape[:1] == "|" and value == value.upper():
        return False  # ' || 1 || ': of no word at all
    return None if sentence and not shape.lstrip(")").startswith("&") else False
