"""What a value may be as SQL: the shapes (see `sql.py`) of which something acts, from a quote on or from the first byte.

Owns the tables of shapes, and what each says of one. Values differ more than their shapes, so what was told of some is kept.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_KEPT: Final = 512  # shapes, each of a few hundred bytes at most

_OPERAND = r"\(*[1svngGHeXqz]\)*"
_TAIL = rf"(?:[&|=o]{_OPERAND})*"  # flat, so that a shape is matched in linear time
_TEST = rf"{_OPERAND}(?:[o|]{_OPERAND})*={_OPERAND}{_TAIL}"
_END = r"\)*;*(?:c|$)"
_STRONG = rf"o?\(*(?:[HeX]|G\)*=|D\(|\(E|G\)*{_END})"
_NAMES = r"[nso]+(?:,[nso]+)*"
_COLUMNS = r"[nso1vgG|]+(?:,[nso1vgG|]+)*"
_ITEMS = r"\(*(?:[o=]?[1svGHeXDF]|o|[ng]\)*,|gk?n?c|n\)*kX|\(E)"

_SELECTS = rf"E(?!snn+$){_ITEMS}"  # no server gives one value two names: select "hold" until service


def _any(*shapes: str) -> str:
    return "(?:" + "|".join(f"(?:{shape})" for shape in shapes) + ")"


def _one_of(*shapes: str) -> re.Pattern[str]:
    """What has one of the shapes. The first that fits is the one that is matched."""
    return re.compile(_any(*shapes))


_QUOTED: Final = _one_of(
    rf"\)*o?[&|](?:G[&|])?{_TEST}(?:{_END}|b|l|h|k|U\(*[Ee])",  # ' or 'a'='a
    rf"\)*[&|]{_OPERAND}{_TAIL}b\(*[GHeX]",  # ' or 1 group by concat(…
    rf"\)*[&|]g[&|]\(*[1s]\)*=\(*[1sq]\)*{_END}|\)*[&|]g\)*[&|]z$",  # ' and f(x) and 'a'='a, ' or f(x) or '
    rf"(?:,[1s])+\)+[&|]{_TEST}{_END}",  # ','b') or ('a'='a
    r",n=\(*[eHX]",  # ',role=(select …
    rf"\)*[&|=o]{_STRONG}",  # ' and sleep(5), '||(select …
    rf"\)*[&|=]{_OPERAND}{_TAIL}[&|=o]{_STRONG}",  # ' and 1 = 1 and (select
    r"\)*[&|]G\)*[&|]\(*[qz]$",  # 'or(1=1)or'
    rf"\)*{_TAIL}U(?:e|\(*E{_ITEMS})",  # ' union select 1
    rf"\)*{_TAIL}U\(*E{_COLUMNS}k(?:{_NAMES}(?:k{_TEST})?;*(?:c|[qz]$)|X)",  # ' union select a||b from c--
    rf"\)*{_TAIL}U\(*E{_NAMES}k\(*[gGH]",  # ' union select a from file('…
    rf"\)*=\(*[1v]\)*[&|]{_TEST}{_END}",  # `=1 or `a`=`a
    r"\)+k(?:[gG]n|nn|n)kT",  # ') on conflict(a) do update set
    rf"\)+k(?:[gG]n|nn)k{{1,2}}n={_OPERAND}",  # ') on conflict(a) do update set b=1
    rf"\)*;+\(*(?:T|{_SELECTS}|E{_NAMES}k[nX])",  # '; drop table
    rf"\)*{_TAIL}T",  # ' exec master..
    rf"\)*;+\(*H(?:={_OPERAND})?\)*T",  # '; if (select …)>0 waitfor
    rf"\)+kn?k{_TEST}(?:U(?:e|\(*E{_ITEMS})|{_END})",  # ') as a where 1=1 union select 1
    rf"\)*{_TAIL}b{_OPERAND}(?:,{_OPERAND})*k*(?:h{_TEST})?;*c",  # ' order by 1--
    rf"\)*h{_OPERAND}{_TAIL}{_END}",  # ' having 1=1--
    rf"\)*b{_OPERAND}(?:,{_OPERAND})*h{_TEST}{_END}",  # ' group by name having '1'='1
    r"\)*[kln1,]*i[sq]",  # ' into outfile '…
    rf"\)*k?,{_STRONG}",  # ',(select …
    rf"\)*,(?:{_OPERAND},){{1,8}}\(*(?:e|X|H\)*;*c)",  # ',1,(select …
    r"\)*k+[HX]",  # ' where sleep(5), ' procedure analyse(…)
    r"\)+,\(+[1svnG,]+",  # '),('x','y
)
"""What may follow the quote that ends the app's literal."""

_LISTED: Final = re.compile(r"\)*,\(*[1svG]\)*(?:,\(*[1svG]\)*)*;*c")
"""', 'x')--, which behind a later quote is a list of titles where words follow its dash."""
_ASSIGNED: Final = re.compile(rf",n={_OPERAND}(?:o{_OPERAND})*(?:,n={_OPERAND})*(?:k{_TEST}{_END}|;*c)")
"""', role='admin' where …, ', paid=1--: a further column of an update."""
_GLUED: Final = re.compile(rf"[&|]{_TEST}{_END}")  # shoes 'or 1=1--
_CALLED = r"(?:[nso]+,)*[gG]n?(?:,[nsogG]+)*"
_SET_NAMES: Final = re.compile(rf"\)*{_TAIL}U\(*E(?:{_NAMES}k{_NAMES}|{_CALLED}kn{{1,4}}){_END}")
_QUOTED_WEAK: Final = _one_of(
    rf"\)*[&|]o?[1svq]{_END}|\)*&o?[1svq]\)*&",  # ' or 1--, ' or 'x
    r"\)*[o=|](?:[1svqzGe]\)*[o=|&])*(?:[qz]|[1sv]\)*;*c)",  # '-', '||'a, '=0--, '=''or', '-if(1=1,1,0)-'
    r"\)*&s(?:o?z|oq)$",  # ' or ''-', ' or "" ^ "
    rf"\)*(?:[kn]|[&|=o]{_OPERAND})*;*c",  # '--, ')#, ' limit 1/*, ' or uid--
    r"\)*[&|]o?[1sv]\)*l1(?:[,k]1)?;*c",  # ' or true limit 1--
    rf"(?:,n={_OPERAND})*,n=q$",  # ',role='admin
)
"""The same, for values that are no sentence and do not hold the quote inside a word."""

_STRONG_BARE = r"o?\(*(?:[HeX]|G\)*=|D\(|\(E|G\)*;*c)"
_HEAD = rf"o?(?:{_OPERAND}(?:o{_OPERAND})?(?:,[1s])*)?\)*"
_ITEM = r"(?:G(?:k?n)?|[nso1])"
_FROM = rf"(?:{_ITEM},)*{_ITEM}\)*k{_NAMES}"
_CONST = r"\(*[1sv]\)*(?:o\(*[1sv]\)*)*"
_BARE: Final = _one_of(
    _HEAD
    + _any(
        r"[&|]"
        + _any(
            _CONST
            + _any(
                rf"={_CONST}{_TAIL}(?:{_END}|b|l|kv)",  # 1 or 1=1, 1 or 1=1 into @a
                r"=\(*[sqz]",  # 1 or 'a'='a
                rf"{_TAIL}b\(*[GHeX]",  # 1 or 1 group by concat(…
                r"o\(*[HeX]",  # 1 and 1/(select
                rf"=\(*G{_END}",  # 1 and 1=length(a)
            ),
            rf"{_TEST}(?:(?:l1,?1?)?;*c|b1(?:,1)*k*;*$)",  # 1 or a=a--, 1 or a like 'b' order by 2
        ),
        _TAIL
        + _any(
            rf"[&|]{_STRONG_BARE}",  # 1 and sleep(5)
            r"=\(*(?:[HeX]|\(E|D\()",  # 1 like (select
            rf"U(?:e|\(*E{_ITEMS})",  # -1 union select 1
            rf"U\(*E(?:{_NAMES}k\(*[gGH]|{_COLUMNS}kX)",  # -1 union select a from file('…, a||b from sqlite_master
            rf"b1(?:,1)*k*(?:h{_TEST})?;*c",  # 1 order by 10--
        ),
        rf"U\(*E{_COLUMNS}k{_NAMES}(?:k{_TEST})?{_END}",  # 1 union select a||b from c
        rf";+\(*(?:T|{_SELECTS}|E{_NAMES}k[nX])",  # 1;drop table
        r"[=,|]\(*(?:[HeX](?!n)|\(E|D\()",  # 1,(select …
    ),
    rf"[1s]\)*[&|]\(*G(?:\)*=\(*G)?{_END}",  # 1 or if(2>1,1,0), 1 and user()=user()
    r"[1sn]?\)*[&|][1v]\)*;*c",  # 1 or 1--
    rf"[1ns]?\)*b{_OPERAND}k*(?:,{_OPERAND}k*)*,\(*[HeX]",  # order by 1,sleep(5)
    r"[1n]?k(?:,[1nsv]k?)*,\(*[He]",  # price desc,(select sleep(5)), price desc,id asc,(select …
    rf"[1n]?k+(?:1k+)?;+\(*(?:T|E{_ITEMS})",  # price desc;select sleep(5)
    rf"[1n]k*(?:[lk]1(?:[,k]1)?)?U(?:e|\(*E{_ITEMS})",  # id desc limit 1 union select 1
    rf"[1n]k*[lk]1(?:[,k]1)?U\(*E{_NAMES}kn{_END}",  # id desc limit 1 union select a from b
    rf"[1nsG]kn,(?:[1nsG](?:kn)?,)*\(*e(?:kn)?{_END}",  # 1 as a,(select b from c) as d
    rf"\(*e\)*=\(*[1sv]\)*(?:[&|]\(*[1sv]\)*)+{_END}",  # (select 1)=1 or 1
    r"[1ns]\)+H;*c",  # 1) returning (select a from b)--
    rf"{_FROM}k{_TEST}U\(*E(?:{_ITEMS}|{_NAMES}k)",  # a from b where 1=0 union select c from d
    rf"{_FROM}U\(*E{_NAMES}k{_NAMES}(?:k{_TEST})?;*c",  # a) from b union select c from d--
    rf"(?:{_ITEM},)*G(?:k?n)?(?:,{_ITEM})*k{_NAMES}(?:k{_TEST})?;*c",  # a,concat(b,c) as d from e--
    rf"nk{{2,3}}nn?(?:k(?:{_TEST}|n))?;*c",  # a cross join b--
    rf"k[nX]n?k{_TEST}[&|]{_CONST}={_CONST}{_TAIL}{_END}",  # from A where a=1 or ''=''
    rf"G=\(*[1v]\)*[&|]{_CONST}={_CONST}{_END}",  # length(a)=1 or 1=1
    rf"(?:[no1]k)?n(?:,n)*k+{_CONST}={_CONST};*c",  # users where 1=1--
    rf"1\)+kn?k{_TEST}(?:U(?:e|\(*E{_ITEMS})|;*c)",  # 1) as a where 1=1--
    r"no1o\(*H",  # id-0*sleep(5)
    rf"o?{_OPERAND}o\(*(?:[HeX]|\(E|D\(|G\)*;*c)",  # 1-sleep(5)
    r"[1n]\)*k*(?:l1?|k1)[kl1,]*\(*[eHX]",  # 1 limit 2 offset (select …
    rf"[1n]\)*l1(?:[,k]1)?kv{_END}",  # 1 limit 1 into @a
    rf"1,n={_OPERAND}(?:,n={_OPERAND})*k{_TEST}{_END}",  # 5, role='admin' where id=7
    rf"(?:G|o),{_NAMES}k{_NAMES}(?:k{_TEST})?;*c",  # count(*),name from users--
    rf"Gk{_NAMES}(?:k{_TEST})?(?:b{_OPERAND})?(?:h{_TEST})?;*c",  # count(*) from users--
    r"[1s]\)*b\(*[HeX]",  # 1 order by (select count(*)…
    rf"[1n]\)*b{_OPERAND}(?:,{_OPERAND})*h{_CONST}={_CONST}{_END}",  # 1 group by a having 1=1
    rf"(?:o|1(?:kn)?)k{_NAMES};*c",  # * from users--
    rf"[1n]\)*b1(?:,1)*k*{_END}",  # 1 order by 10
    rf"[1n]?\)*h(?:{_CONST}|\(*G\)*)={_CONST}{_END}",  # 1 having 1=1
    rf"[1n]\)*k*h(?:{_OPERAND}{_TAIL}=)?\(*[eHX]",  # price having 1=(select …
    rf"[1n]\)*k*h{_TEST};*c",  # price having max(pin)>5--
    r"o?[1sn]?\)*(?:l1,?1?)?k*i[sq]",  # 1 into outfile '…
    r"o?[1n]?\)*k+[HX]",  # 1 procedure analyse(…)
    r"\(*H\)*(?:;*c|[&|=o][1sve]|\)+$)",  # sleep(5)#
    rf"o?\(*eg?n?o?{_END}",  # (select(0)from(select(sleep(5)))v), with a sign before and behind
    r"E[^;cHX]*[HX]",  # select @@version
    r"o?[1n]\)*T",  # 1 waitfor delay '0:0:5'
)
"""What a value may be from its first byte where the app puts it bare into the statement."""

_CUT_OFF: Final = re.compile(r"\)*[&|]o?1\)*;*c$")  # ' or 1--
_STATEMENT: Final = re.compile(r"T[^;cHX=]*(?:[HX]|;*c|=[^T]*T[1vsH]|;+T[1svH])")
_STATEMENT_PLAIN: Final = re.compile(rf"(?:Tnn?|E[1sno,G]+k[nX](?:k{_TEST})?){_END}$")
_AFLOAT: Final = re.compile(
    rf"U\(*E{_ITEMS}[^c]*(?:c|k[nX])|[&|](?:H|D\(1)|;+T|;+\(*E[1sv,o]*[HX]|T[^H]*H|TX"
)
_SURE: Final = re.compile(r"[HXeUTc]")
_FLAT: Final = re.compile(rf"H{_END}$")


class Bare(NamedTuple):
    """Of a shape that stands bare in a statement: whether it acts, and what kind of statement it is."""

    acts: bool
    statement: bool
    flat: bool  # one call and nothing else
    plain: bool  # a statement that is no attack as such


@lru_cache(_KEPT)
def bare(shape: str) -> Bare:
    flat = _FLAT.match(shape) is not None
    return Bare(
        _BARE.match(shape) is not None,
        _STATEMENT.match(shape) is not None,
        flat,
        flat or _STATEMENT_PLAIN.match(shape) is not None,
    )


class Behind(NamedTuple):
    """Of a shape behind a quote: whether it is SQL, and cannot be chance; the others say nothing where it is."""

    acts: bool
    sure: bool
    listed: bool  # the rest of a list of values, and all else is a comment
    names: bool  # "union select" of names alone
    assigned: bool  # further columns of an update
    cut_off: bool  # a condition of one constant, and all else is a comment
    weak: bool  # it is, in a value that is no sentence


def behind(shape: str) -> Behind:
    """Of a shape behind a quote. None of what follows knows what is no SQL: what stands behind that changes nothing, but for the end."""
    unknown = shape.find("?") + 1
    return _behind(shape[:unknown] + shape[-1] if unknown else shape)


@lru_cache(_KEPT)
def _behind(shape: str) -> Behind:
    match = _QUOTED.match(shape)
    if match is not None:
        return Behind(
            True,
            bool(_SURE.search(match[0])) or shape[-1:] in ("q", "z"),
            False,
            False,
            False,
            False,
            False,
        )
    return Behind(
        False,
        False,
        _LISTED.match(shape) is not None,
        _SET_NAMES.match(shape) is not None,
        _ASSIGNED.match(shape) is not None,
        _CUT_OFF.match(shape) is not None,
        _QUOTED_WEAK.match(shape) is not None,
    )


@lru_cache(_KEPT)
def is_glued(shape: str) -> bool:
    """A whole condition, to its end."""
    return _GLUED.match(shape) is not None and shape[-1] in "cqz"


def is_afloat(shape: str) -> bool:
    """It acts wherever a statement of the app's goes on before it."""
    return _AFLOAT.match(shape) is not None
