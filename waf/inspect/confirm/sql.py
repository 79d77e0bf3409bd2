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

from waf.inspect.confirm.shape import WINDOW, is_document, of_value
from waf.inspect.confirm.sql_letters import letters
from waf.inspect.confirm.sql_tokens import tokens
from waf.inspect.confirm.sql_words import LETTERS, STATEMENTS
from waf.model import Confidence

# --------------------------------------------------------------------------------------------------- reduction

_INNERMOST: Final = re.compile(r"([fFD]?)\(([^()]*)\)")
_DANGER: Final = re.compile(r"[DHeETX]")
_PROSE: Final = re.compile(r"nn|1n|n1")
_UNARY: Final = re.compile(r"(?<=[&|=o(,])o+|(?<=&)[&|]+|(?<=\|)[&|]+|(?<==)=+")
_MENTION: Final = re.compile(r"nn|n1|^En*$")
_NAMED: Final = re.compile(r"[ngk?U]")
_CASE: Final = re.compile(r"a[^;c(]*a")


def _fold(match: re.Match[str]) -> str:
    call, inside = match[1], match[2]
    if call == "D":
        return "g" if _PROSE.search(inside) else "H" if inside else "G"
    if inside.startswith("E"):
        return "n" if _MENTION.search(inside) else "H" if call else "e"
    if inside.startswith("a") and inside.endswith("a"):
        return "e"
    if _DANGER.search(inside):
        return "e" if call == "F" else "H"
    if call:
        return "G" if call == "F" else "g"
    if not inside:
        return "?"
    if _NAMED.search(inside):
        return "n"
    return "G" if "G" in inside or "=" in inside else "1"


def _reduce(letters: str) -> str:
    """Calls and parentheses from the inside out, then case … end, to single letters. Each round takes one depth."""
    for _ in range(12):
        shorter, count = _INNERMOST.subn(_fold, letters)
        if not count:
            break
        letters = shorter
    letters = _UNARY.sub("", letters)
    return _CASE.sub(lambda m: "e" if _DANGER.search(m[0]) else "G", letters)


# ------------------------------------------------------------------------------------------------------- shapes

_OPERAND = r"\(*[1svngGHeXqz]\)*"
_TAIL = rf"(?:[&|=o]{_OPERAND})*"  # flat, so that a shape is matched in linear time
_TEST = rf"{_OPERAND}(?:[o|]{_OPERAND})*={_OPERAND}{_TAIL}"
_END = r"\)*;*(?:c|$)"
_STRONG = rf"o?\(*(?:[HeX]|G\)*=|D\(|\(E|G\)*{_END})"
_NAMES = r"[nso]+(?:,[nso]+)*"
_ITEMS = r"\(*(?:o?[1svGHeXDF]|o|[ng]\)*,|gk?n?c|n\)*kX|\(E)"


def _one_of(*shapes: str) -> re.Pattern[str]:
    """What has one of the shapes. The first that fits is the one that is matched."""
    return re.compile("|".join(f"(?:{shape})" for shape in shapes))


_QUOTED: Final = _one_of(
    rf"\)*o?[&|]{_TEST}(?:{_END}|b|l|h|k|U\(*[Ee])",  # ' or 'a'='a
    rf"\)*[&|]{_OPERAND}{_TAIL}b\(*[GHeX]",  # ' or 1 group by concat(…
    rf"\)*[&|=o]{_STRONG}",  # ' and sleep(5), '||(select …
    rf"\)*[&|=]{_OPERAND}{_TAIL}[&|=o]{_STRONG}",  # ' and 1 = 1 and (select
    r"\)*[&|]G\)*[&|]\(*[qz]$",  # 'or(1=1)or'
    rf"\)*{_TAIL}U(?:e|\(*E{_ITEMS})",  # ' union select 1
    rf"\)*{_TAIL}U\(*E{_NAMES}k{_NAMES}(?:k{_TEST})?;*(?:c|[qz]$)",  # ' union select a from b--
    rf"\)*;+\(*(?:T|E{_ITEMS}|E{_NAMES}k[nX])",  # '; drop table
    rf"\)*{_TAIL}T",  # ' exec master..
    rf"\)*;+\(*H(?:={_OPERAND})?\)*T",  # '; if (select …)>0 waitfor
    rf"\)+kn?k{_TEST}(?:U(?:e|\(*E{_ITEMS})|{_END})",  # ') as a where 1=1 union select 1
    rf"\)*{_TAIL}b{_OPERAND}(?:,{_OPERAND})*k*(?:h{_TEST})?;*c",  # ' order by 1--
    rf"\)*h{_OPERAND}{_TAIL}{_END}",  # ' having 1=1--
    r"\)*[kln1,]*i[sq]",  # ' into outfile '…
    rf"\)*k?,{_STRONG}",  # ',(select …
    r"\)*k+[HX]",  # ' where sleep(5), ' procedure analyse(…)
    r"\)+,\(+[1svnG,]+",  # '),('x','y
)
"""What may follow the quote that ends the app's literal."""

_LISTED: Final = re.compile(r"\)*,\(*[1svG]\)*(?:,\(*[1svG]\)*)*;*c")
"""', 'x')--, which behind a later quote is a list of titles where words follow its dash."""
_GLUED: Final = re.compile(rf"[&|]{_TEST}{_END}")  # shoes 'or 1=1--
_SET_NAMES: Final = re.compile(rf"\)*{_TAIL}U\(*E{_NAMES}k{_NAMES}{_END}")
_SET_FORM: Final = re.compile(rb"union(?:\s|/\*[^*]{0,24}\*/)+(?:all|distinct)\b|union/\*[^*]{0,24}\*/select")
_QUOTED_WEAK: Final = _one_of(
    rf"\)*[&|]o?[1svq]{_END}|\)*&o?[1svq]\)*&",  # ' or 1--, ' or 'x
    r"\)*[o=|](?:[1svqzGe]\)*[o=|&])*(?:[qz]|[1sv]\)*;*c)",  # '-', '||'a, '=0--, '=''or', '-if(1=1,1,0)-'
    r"\)*&s(?:o?z|oq)$",  # ' or ''-', ' or "" ^ "
    rf"\)*(?:[kn]|[&|=o]{_OPERAND})*;*c",  # '--, ')#, ' limit 1/*, ' or uid--
)
"""The same, for values that are no sentence and do not hold the quote inside a word."""

_STRONG_BARE = r"o?\(*(?:[HeX]|G\)*=|D\(|\(E|G\)*;*c)"
_HEAD = rf"o?(?:{_OPERAND}(?:o{_OPERAND})?)?\)*"
_CONST = r"\(*[1sv]\)*(?:o\(*[1sv]\)*)*"
_BARE: Final = _one_of(
    rf"{_HEAD}[&|]{_CONST}={_CONST}{_TAIL}(?:{_END}|b|l|kv)",  # 1 or 1=1, 1 or 1=1 into @a
    rf"{_HEAD}[&|]{_CONST}=\(*[sqz]",  # 1 or 'a'='a
    rf"{_HEAD}{_TAIL}[&|]{_STRONG_BARE}",  # 1 and sleep(5)
    rf"{_HEAD}{_TAIL}=\(*(?:[HeX]|\(E|D\()",  # 1 like (select
    rf"{_HEAD}[&|]{_CONST}{_TAIL}b\(*[GHeX]",  # 1 or 1 group by concat(…
    rf"{_HEAD}[&|]{_CONST}o\(*[HeX]",  # 1 and 1/(select
    rf"{_HEAD}[&|]{_CONST}=\(*G{_END}",  # 1 and 1=length(a)
    rf"{_HEAD}[&|]{_TEST}(?:l1,?1?)?;*c",  # 1 or a=a--
    rf"[1s]\)*[&|]\(*G(?:\)*=\(*G)?{_END}",  # 1 or if(2>1,1,0), 1 and user()=user()
    r"[1sn]?\)*[&|][1v]\)*;*c",  # 1 or 1--
    rf"{_HEAD}{_TAIL}U(?:e|\(*E{_ITEMS})",  # -1 union select 1
    rf"{_HEAD}U\(*E{_NAMES}k{_NAMES}(?:k{_TEST})?{_END}",  # 1 union select name from users
    rf"{_HEAD};+\(*(?:T|E{_ITEMS}|E{_NAMES}k[nX])",  # 1;drop table
    r"[1n]k,\(*[He]",  # price desc,(select sleep(5))
    rf"[1n]k;+\(*(?:T|E{_ITEMS})",  # price desc;select sleep(5)
    rf"1\)+kn?k{_TEST}(?:U(?:e|\(*E{_ITEMS})|;*c)",  # 1) as a where 1=1--
    rf"{_HEAD}[=,|]\(*(?:[HeX](?!n)|\(E|D\()",  # 1,(select …
    r"no1o\(*H",  # id-0*sleep(5)
    rf"o?{_OPERAND}o\(*(?:[HeX]|\(E|D\(|G\)*;*c)",  # 1-sleep(5)
    rf"{_HEAD}{_TAIL}b1(?:,1)*k*(?:h{_TEST})?;*c",  # 1 order by 10--
    r"[1s]\)*b\(*[HeX]",  # 1 order by (select count(*)…
    rf"[1n]\)*b1(?:,1)*k*{_END}",  # 1 order by 10
    rf"[1n]?\)*h(?:{_CONST}|\(*G\)*)={_CONST}{_END}",  # 1 having 1=1
    r"o?[1sn]?\)*(?:l1,?1?)?k*i[sq]",  # 1 into outfile '…
    r"o?[1n]?\)*k+[HX]",  # 1 procedure analyse(…)
    r"\(*H\)*(?:;*c|[&|=o][1sve]|\)+$)",  # sleep(5)#
    rf"\(*eg?n?{_END}",  # (select(0)from(select(sleep(5)))v)
    r"E[^;cHX]*[HX]",  # select @@version
    r"o?[1n]\)*T",  # 1 waitfor delay '0:0:5'
)
"""What a value may be from its first byte where the app puts it bare into the statement."""

_CUT_TAIL: Final = re.compile(rb"(?:--|#|/\*|;)[\s+\-/*#;\x00]*\w?\W{0,12}\Z", re.S)
_CUT_OFF: Final = re.compile(r"\)*[&|]o?1\)*;*c$")  # ' or 1--
_OPEN_MAX: Final = 16  # bytes of a literal that is left for the app's quote to close, where little else tells
_GLANCE: Final = 512  # bytes of a document that are read from a starting point
_OPENING: Final = 4096  # bytes behind the last of them within which those are, whatever is rewritten there
_NAME: Final = 64  # bytes in which a word that begins a statement ends
_STATEMENT_MAX: Final = (
    200  # bytes of a value that is a statement; longer ones are scripts that somebody posts
)
_STATEMENT: Final = re.compile(r"T[^;cHX=]*(?:[HX]|;*c|=[^T]*T[1vsH]|;+T[1svH])")
_SAID: Final = re.compile(rb"(?:--|#)[\s>]*(?:[a-z\x80-\xff']{2,}[,.!?]*\s+){2}[a-z\x80-\xff]{2,}")
_RUNS: Final = re.compile(rb"\b(?:exec|execute|prepare|waitfor|shutdown|xp_\w+|sp_\w+|into|openrowset)\b")
_STATEMENT_PLAIN: Final = re.compile(rf"(?:Tnn?|E[1sno,G]+k[nX](?:k{_TEST})?){_END}$")
_AFLOAT: Final = re.compile(
    rf"U\(*E{_ITEMS}[^c]*(?:c|k[nX])|[&|](?:H|D\(1)|;+T|;+\(*E[1sv,o]*[HX]|T[^H]*H|TX"
)
_AFLOAT_START: Final = re.compile(
    rb"\bunion[\s(/+]|\b(?:and|or)[\s(/+]+(?:sleep|benchmark|pg_sleep)|;\s*(?=[a-z])|\b(?:waitfor|exec)\s"
)
_FLAT: Final = re.compile(rf"H{_END}$")
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
    rb"|(?:not\s+)?(?:rlike|regexp)\s+\d+)\s*$"
)
_SET_TABLE: Final = re.compile(
    rb"(?:^\s*-?\d{1,12}|['\"])[\s)]*union\s+(?:(?:all|distinct)\s+)?table\s+[\w.`]+\s*(?:limit\s+\d|--|#|;|$)"
)
_CAST: Final = re.compile(
    rb"::\s?(?:int\w*|text|numeric|bigint|varchar|char|bool\w*|name|reg\w+|jsonb?|bytea|float\w*|date|oid)\b(?:\[\])?"
)
# What stands before is asked about behind the first character: `re` skips to that.
_SELECTED: Final = re.compile(
    rb"\((?<=[|=+*/%^&,(<>-].)\s*select\s+(?:current_|session_|system_)?user\s*(?=\)|\bfrom\b)"
)
_LIKENESS: Final = re.compile(rb"(['\"])\s?!?~~?\*?\s?(?=['\"])")
_IS_LIKE: Final = re.compile(rb"~(?:(?<=['\"]~)|(?<=['\"][\s!]~)|(?<=['\"]\s!~))~?\*?\s?['\"]")
_PHRASE: Final = re.compile(
    rb'"(?!\s*(?:\|\||&&|x?or\b|and\b|union\b|[-+*/^]\s?\())[^"]*"'
)  # what search boxes take for one term
_PLUS: Final = re.compile(rb"\+(?:x?or|and|union|select|from|where|order|having|like|between|in)\+")
_COMMENT_TAIL: Final = re.compile(rb"(?:--|#|/\*|;)[\s+\-/*#;\x00]*[\w/]{0,8}\W{0,12}\Z", re.S)
_TWO_WORDS: Final = re.compile(rb"\s+[a-z]+\s+[a-z]+")
_OPENERS: Final = b"[{(,:= \t\r\n"


def judge(value: bytes) -> Confidence | None:
    """How sure it is that `value` acts as SQL. None: it only looks like it.

    HIGH: it leaves the literal and goes on as SQL. MEDIUM: it is a whole SQL statement, which apps with a query
    box take as data. The time is bounded: at most seven starting points, `WINDOW` bytes from each.
    """
    document = is_document(value)
    encoded = b" " not in value
    value = (_opening(value) if document else value).lower()  # no word of SQL cares
    if encoded and _PLUS.search(value):  # still as forms encode it
        value = value.replace(b"+", b" ")
    if b"::" in value:
        value = _CAST.sub(b"", value)
    if b"select" in value:
        value = _SELECTED.sub(b"(select user()", value)  # which needs no parentheses there
    if _IS_LIKE.search(value):
        value = _LIKENESS.sub(rb"\1=", value)
    if _quoted(value, document):
        return Confidence.HIGH
    window = _GLANCE if document else WINDOW
    bare = _shape(value, _start(value), window)
    if _BARE.match(bare):
        return Confidence.HIGH
    if document:
        return None
    if _TRUTH.match(value) or (b"table" in value and _SET_TABLE.search(value)):
        return Confidence.HIGH
    if len(value) <= _STATEMENT_MAX and _STATEMENT.match(bare):
        # A statement breaks out of nothing: with a sentence for a comment, or if it only sets, it is a person's.
        said = (_SAID.search(value) or bare.startswith("Tv")) and not _RUNS.search(value)
        return Confidence.MEDIUM if said else Confidence.HIGH
    for number, start in enumerate(_AFLOAT_START.finditer(value, 1, WINDOW)):
        if number >= 3:
            break
        if value.count(b" ", 0, start.start()) > 4 or bare[:1] in "TE":
            break  # a script of statements, or a sentence
        if start[0][:1] == b";" and not _begins_statement(value, start.end()):
            continue
        if _AFLOAT.match(_shape(value, start.start(), WINDOW)):
            return Confidence.HIGH
    if (_FLAT.match(bare) and _SPEAKS.match(value)) or _ASKS.match(value):
        return Confidence.HIGH
    if _STATEMENT_PLAIN.match(bare) or _FLAT.match(bare):
        return Confidence.MEDIUM
    return None


confirm: Final = of_value(judge)

_LEAD: Final = re.compile(rb"[\s+/]*(?:\w+=)?")


def _opening(value: bytes) -> bytes:
    """All that is read of a document, and more: up to the window behind its first quote of each kind."""
    end = max(value.find(b"'"), value.find(b'"'), value.find(b"`"), 0) + _OPENING
    if len(value) <= end or _PHRASE.fullmatch(value.strip()):
        return value
    return value[:end]


def _start(value: bytes) -> int:
    match = _LEAD.match(value)
    return match.end() if match else 0


def _shape(value: bytes, start: int, window: int) -> str:
    text = value[start : start + window]
    if _is_prose(text):
        return "nn?"  # whatever follows
    shape = _reduce(letters(text)[0])
    return shape + "?" if len(value) > start + window and "c" not in shape else shape


def _is_prose(text: bytes) -> bool:
    """It begins with two operands and nothing between them, most often words: no shape does."""
    first = tokens(text, 0, 2)
    return len(first) == 2 and all(
        kind in "NSV" or (kind == "W" and word not in LETTERS and word not in STATEMENTS)
        for kind, word, _, _ in first
    )


def _begins_statement(value: bytes, position: int) -> bool:
    first = tokens(value[position : position + _NAME], 0, 1)
    return bool(first) and first[0][1] in STATEMENTS


def _quoted(value: bytes, document: bool) -> bool:
    phrase = value.strip()
    quotes = [b"'", b"`"] if _PHRASE.fullmatch(phrase) else [b"'", b'"', b"`"]
    for quote in quotes:
        position = value.find(quote)
        tries = 0
        own = 0 < position <= _GLANCE and _OWN_LITERAL.match(value, 0, position) is not None
        while position >= 0 and tries < (1 if document else 4):
            tries += 1
            rest = value[position + 1 : position + 1 + (_GLANCE if document else WINDOW)]
            if rest[:1] == quote and tries == 1:  # a doubled quote is one quote inside the literal
                position += 1
            found = None if own and tries % 2 == 0 else _continues(value, position, rest, quote, tries == 1)
            if found is not None and (tries == 1 or found):
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


def _continues(value: bytes, position: int, rest: bytes, quote: bytes, opening: bool) -> bool | None:
    """None: no SQL follows the quote. True: SQL follows that cannot be chance, even where it is not the value's `opening` one."""
    before = value[position - 1 : position] if value[:position].strip() else b""
    if not _may_continue(rest):
        return None
    plain, first, last, start, end = letters(rest)
    shape = _reduce(plain)
    if (
        before and before in _OPENERS and rest[:1].isalnum()
    ):  # it opens a literal, unless a whole condition follows
        return True if _GLUED.match(shape) and shape[-1] in "cqz" else None
    match = _QUOTED.match(shape) or (
        _LISTED.match(shape) if opening or _COMMENT_TAIL.match(rest, start) else None
    )
    if match:
        return bool(re.search(r"[HXeUT]|c", match[0])) or shape[-1:] in ("q", "z")
    if _SET_NAMES.match(shape) and _SET_FORM.search(rest):
        return True
    if _CUT_OFF.match(shape) and before.isalnum() and not rest[:1].isalnum() and _CUT_TAIL.match(rest, start):
        return True  # whatever words stand before
    inside_word = before.isalpha() and rest[:1].isalpha()
    if (
        inside_word
        or (before and before in _OPENERS)
        or value.count(b" ", 0, position) > 2
        or len(value) > 512
    ):
        return None
    if before.isdigit() and shape.startswith("&1") and not shape.endswith("c"):  # 5' or 6
        return None
    if quote == b"`" or (before and not before.isalnum() and before not in b") %_.\x00\\"):
        return None
    if last == "O" and end - start > _OPEN_MAX and shape[:1] == "&" and rest[start + 1 : start + 2].isalpha():
        return None  # a text goes on, and as a condition it is false
    if last == "O" and shape[:1] == "&" and _TWO_WORDS.match(rest, start + 1):
        return None  # the same, however short
    if (
        last == "O" and quote not in rest[start : min(end, start + 3)]
    ):  # what stays open is not what the app closes
        return None
    if not _QUOTED_WEAK.match(shape):
        return None
    if "c" in shape:
        return False if _COMMENT_TAIL.match(rest, start) else None
    sentence = b" " in value.strip() and len(value) > 8 and first != "W"
    return None if sentence and not shape.lstrip(")").startswith("&") else False
