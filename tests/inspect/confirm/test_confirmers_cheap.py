"""What confirmers leave out, and what is in C of them, changes no answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chance import joined, several
from waf.inspect.confirm import (
    code,
    html,
    html_attributes,
    html_unrun,
    path,
    shape,
    shell,
    shell_starts,
    shell_talk,
    sql,
    sql_plain,
    sql_shapes,
    sql_tails,
    sql_words,
    template,
)
from waf.inspect.confirm.sql_reduction import read_shape, shape_of
from waf.inspect.native import SHELL

_SHELL = [
    *(bytes([byte]) for byte in b"$<>(`|&;\r\n{}!'\"\\^%+=:,.#@~*?[/-_ \t\f\0\x80\xff19aZ"),
    b"; ", b"&& ", b"||", b"$(", b"|&", b";;&|", b"\r\n", b"a=b ", b"a=b;", b"do ", b"then(", b"start /b ", b"env ", b"@ ", b"time ", b"2> f ", b">>out ",
    b"id", b"ls", b"cat ", b"whoami", b"python3 -c '", b"sh -c \"", b"nc.exe ", b"cmd.exe", b"ping a.b", b"sleep 5", b"net user", b"iex", b"iex(", b"Get-Item",
    b"for /f %", b"new-object ", b"invoke-expression", b"/bin/id", b"/usr/bin/", b"./a", b"c:\\windows\\system32\\", b"%comspec%", b"%ProgramFiles:~10,1%",
    b"</etc/passwd", b"< /etc/shadow", b"$IFS", b"${IFS}", b"$@", b"$SHELL -c", b"{ls,-la}", b"{", b"word", b"name=value", b"nbsp;", b"a b c d ", b"well-known",
    b"$'\\x", b"i'd", b"w\\ho", b"/?in/?s", b"timeout 3 id", b"x" * 20, b"x" * 300,
]  # fmt: skip


def _texts(pieces: Sequence[bytes], most: int, odd: int = 0) -> st.SearchStrategy[Sequence[bytes]]:
    """One that is drawn part by part, or a dozen by chance: of n examples, six and a half n texts."""
    part = st.sampled_from(pieces)
    one = st.lists(part | st.binary(max_size=odd) if odd else part, max_size=most).map(b"".join)
    return st.tuples(one) | several(joined(pieces, most, odd))


COMMANDS = _texts(_SHELL, 30, odd=2)


@given(COMMANDS, st.integers(0, 40), st.integers(0, 300), st.integers(0, 8))
@settings(max_examples=600)
def test_places_of_commands_are_the_same_in_c(
    texts: Sequence[bytes], begin: int, length: int, most: int
) -> None:
    if SHELL is None:
        pytest.skip("not built")
    for text in texts:
        found = shell_starts.find_starts(text, begin, begin + length, most)
        assert shell_starts.starts(text, begin, begin + length, most) == found, text
        probes = shell_starts.find_probes(text, length, most)
        assert [*shell_starts.probes(text, length, most)] == [*probes], text


@given(COMMANDS)
@settings(max_examples=500)
def test_nothing_runs_where_a_place_is_idle(texts: Sequence[bytes]) -> None:
    for text in texts:
        kept = shell_starts.find_starts(text, 0, len(text), 1000)
        for match in shell_starts.START.finditer(text):
            if match.span() not in kept:
                assert shell._command(text, *match.span()) is None, text
                assert not shell_talk.begins_probe(text, *match.span()), text
                mark = match[0].lstrip()[:1] or b"\n"
                assert not shell._runs(text, *match.span(), mark, weak=True), text


@given(COMMANDS)
@settings(max_examples=200)
def test_no_probe_is_left_out(texts: Sequence[bytes]) -> None:
    for text in texts:
        probes = [*shell_starts.find_probes(text, len(text), 1000)]
        for match in re.finditer(rb"(?:;|\|\|?|&&?|\$\()[ \t]*(?=[a-z/])", text):
            assert match.span() in probes or not shell_talk.begins_probe(text, *match.span()), text


@pytest.mark.parametrize(("one", "first"), shell_talk._IDLE)
@given(data=st.data())
def test_commands_that_do_nothing_begin_as_is_told(
    one: re.Pattern[bytes], first: bytes, data: st.DataObject
) -> None:
    text = data.draw(st.from_regex(one))
    match = one.match(text)
    assert match is None or text[:1] in first


_SQL = [
    *(bytes([byte]) for byte in b"'\"`();,.+-*=<>@#~: \n\tax1"),
    b"select ", b"union select 1,2 ", b" or ", b"and ", b"or 1=1", b"sleep(5)", b"and sleep(", b"exec ", b"waitfor delay ", b"case when ", b" end", b"not ", b"--",
    b"/*", b"*/", b"::int", b"::text[]", b"(select current_user)", b"'~'", b"'!~*'", b"drop table a", b"information_schema.tables", b"from ", b"where ",
    b"(((", b"f(", b"char(1)", b"@@version", b"word ", b"a,b,", b"||", b"&&", b"==", b"||||", b"limit 1", b"xp_cmdshell", b" in a line of text\n",
]  # fmt: skip
STATEMENTS = _texts(_SQL, 40, odd=2)


@given(STATEMENTS)
@settings(max_examples=500)
def test_shapes_of_sql_are_the_same_in_c(texts: Sequence[bytes]) -> None:
    for text in texts:
        assert shape_of(text.lower()) == read_shape(text.lower()), text


_LINE = b"A line of text that says, (for now) nothing at all; it is here, as lines 1-5 are.\n"


@given(STATEMENTS, st.integers(1, 4), st.lists(st.integers(0, 40), min_size=4, max_size=4))
@settings(max_examples=1000)
def test_pieces_of_a_document_tell_what_the_whole_tells(
    texts: Sequence[bytes], count: int, lines: list[int]
) -> None:
    text = (
        b"".join(part + _LINE * more for part, more in zip(texts[:count], lines, strict=False)) + _LINE * 20
    )
    told = sql._glance(text)
    if told is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql, "_LONG", len(text))
        assert (sql.judge(text) is not None) == told


def _afloat_everywhere(value: bytes) -> bool:
    for start in islice(sql._AFLOAT_START.finditer(value, 1, sql.WINDOW), 3):
        if value.count(b" ", 0, start.start()) > 4:
            return False
        if start[0][:1] == b";" and not sql._begins_statement(value, start.end()):
            continue
        if sql.is_afloat(sql._shape(value, start.start(), sql.WINDOW)):
            return True
    return False


@given(STATEMENTS)
@settings(max_examples=350)
def test_statements_afloat_are_found_among_the_first_words(texts: Sequence[bytes]) -> None:
    for text in texts:
        assert sql._acts_afloat(text.lower()) == _afloat_everywhere(text.lower()), text


_TEMPLATE = [bytes([byte]) for byte in b"{}$#*@~%_[]<>!()-= a1\n"] + [
    b"php",
    b"system",
    b"#set(",
    b"@(",
    b"7*7}",
]


@given(_texts(_TEMPLATE, 12))
@settings(max_examples=350)
def test_delimiters_begin_as_is_told(texts: Sequence[bytes]) -> None:
    for text in filter(None, texts):
        for way in template._WAYS:
            assert text[:1] in way.first or way.opening.match(text) is None, text


_EXPRESSION = [bytes([byte]) for byte in b"'\"`[](){}|+-*/%^.,; a1"] + [
    b"7*7",
    b"'a'",
    b".join(",
    b"|upper",
    b"| length",
    b"x=",
]


@given(_texts(_EXPRESSION, 12))
@settings(max_examples=350)
def test_a_probe_has_its_sign(texts: Sequence[bytes]) -> None:
    for text in texts:
        assert template._PROBE_SIGN.search(text) or template._PROBE.match(text) is None, text


_PAGE = [bytes([byte]) for byte in b"\"'`<>/; =\0\nax1"] + [
    b"onload",
    b"onerror",
    b"OnClick",
    b"on",
    b"onx=",
    b"style",
    b" onload=",
    b"alert(1)",
]


@given(_texts(_PAGE, 16))
@settings(max_examples=350)
def test_handlers_are_found_as_by_one_expression(texts: Sequence[bytes]) -> None:
    whole = re.compile(rb"(?:^|[\s\"'`/>;\x00])" + html._HANDLED, re.I)
    for text in texts:
        first = html._BEGINS.match(text)
        found = [first.span()] if first else []
        found += [match.span() for match in html._BREAKOUT.finditer(text, first.end() if first else 0)]
        assert found == [match.span() for match in whole.finditer(text)], text


_CODE = [bytes([byte]) for byte in b";\"'){}$/# \na=.x9(-"] + [b"${", b"//", b"return", b"new "]
_FRAME = re.compile(
    rb"^\s*[;'\")\]}.&|$@{<?-]|^\s*\w{0,16}['\")][\s;.)]|\$\{|;\s*(?://|#|$|\})|^\s*\w{1,20}=|\)\s*[.;]|^\s*(?:return|print|echo|new|die)\b",
    re.I,
)


@given(_texts(_CODE, 10))
@settings(max_examples=350)
def test_code_is_framed_as_by_one_expression(texts: Sequence[bytes]) -> None:
    for text in texts:
        whole = code._WHOLE.match(text) is not None
        assert code._is_framed(text) == (whole or _FRAME.search(text) is not None), text


@pytest.mark.parametrize(("far", "sure"), [(path._OUTSIDE - 100, False), (path._OUTSIDE + 100, True)])
def test_a_path_is_the_whole_value_by_what_is_near_it(far: int, sure: bool) -> None:
    words = b" with some words more"
    for value in (b"/etc/passwd," + b"x" * far + words, words[::-1] + b"x" * far + b",/etc/passwd"):
        end = value.index(b"passwd") + len(b"passwd")
        assert (path.confirm(value, (end - len(b"/etc/passwd"), end)) is not None) is sure


def test_so_many_places_are_judged_as_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []
    monkeypatch.setattr(shell, "_command", lambda value, begin, end: judged.append(begin))
    for value in (
        b"a b",
        b"a;b|c `d` $(e",
        b";x" * 99,
        b"name;" + b"y" * 600 + b";z",
        b'{"a": {"b"};c',
        b"a{id,x}" * 9,
        b"({id,x}" * 9,
    ):
        judged.clear()
        shell.confirm(value, (3, 3))
        braces = sum(value[begin] == 0x7B and not shell_starts.leads_group(value[:begin]) for begin in judged)
        assert len(judged) - braces + braces // 4 == shell_starts.places(value, 3), value


_PHRASES = (
    b'"eval(',
    b'"system(',
    b' "',
    b"(",
    b")",
    b" ",
    b"x",
    b"'",
    b"+",
    b":",
    b"a" * 39,
    b'"' + b"a" * 39 + b"(",
    b"\n",
)


@given(_texts(_PHRASES, 30), st.integers(0, 200), st.integers(0, 200))
@settings(max_examples=200)
def test_phrases_are_blanked_in_a_piece_as_in_the_whole(
    texts: Sequence[bytes], start: int, size: int
) -> None:
    for text in texts:
        piece = shape.piece_without_phrases(text, start, start + size)
        assert piece == shape.without_phrases(text)[start : start + size], text


def test_a_call_behind_more_blanks_than_are_read_is_no_phrase() -> None:
    text = b'"eval("' + b" " * 200 + b"'a')"
    assert shape.piece_without_phrases(text, 0, 7) == b'"eval("'
    assert shape.piece_without_phrases(text[:30], 0, 7) == b" " * 7


@pytest.mark.parametrize(("before", "behind", "shown"), [(10, 10, True), (700, 10, False), (10, 3000, False)])
def test_a_block_of_code_is_looked_for_near_a_place(before: int, behind: int, shown: bool) -> None:
    value = b"```js\n" + b"a = 1\n" * before + b"alert(1)\n```\n" + b"a word\n" * behind
    assert shape.in_fence(value, value.index(b"alert")) is shown


def test_of_thousands_of_blocks_those_near_a_place_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    class Ends:
        def match(self, value: bytes, start: int, end: int) -> None:
            read.append(end - start)

    monkeypatch.setattr(shape, "_FENCE_ENDS", Ends())
    value = b"```a\nx\n```\n" * 80_000 + b"system('id')"
    assert not shape.in_fence(value, value.index(b"system"))
    assert 0 < len(read) < shape._FENCED // 8
    assert max(read) <= shape._FENCED + shape._FENCED_BEHIND


def test_a_place_of_a_program_is_no_longer_than_paths_are() -> None:
    for names, sure in ((3, False), (500, True)):
        value = b"c:\\program files" + b"\\ab" * names
        assert (path.confirm(value, (0, 16)) is not None) is sure, names


_ENDS = [
    *(bytes([byte]) for byte in b"'\")(;#-/*+ \n1a_\xe4,.@="),
    b"--", b"/*", b"-- -", b" returning *", b" for json auto", b" into @a", b" allow filtering", b" where a=1", b"distinct(a) b from c", b"' ",
]  # fmt: skip


@given(_texts(_ENDS, 12))
@settings(max_examples=300)
def test_no_clause_is_missed_where_no_comment_ends_a_value(texts: Sequence[bytes]) -> None:
    clauses = (sql_tails._CLAUSE, sql_tails._NARROWED, sql_tails._DISTINCT)
    for text in (
        *texts,
        *[b"distinct(a) b from c" + text for text in texts],
        *[b"1' " + text for text in texts],
    ):
        told = any(one.search(text) is not None for one in clauses)
        assert sql_tails.ends_statement(text) is told, text


@given(_texts([bytes([letter]) for letter in b"&|=o;,UThkbnl1isq?c()GHXeE"], 12))
@settings(max_examples=300)
def test_nothing_follows_what_is_no_sql(texts: Sequence[bytes]) -> None:
    for shown in (text.decode() for text in texts):
        assert sql_shapes.behind(shown) == sql_shapes._behind.__wrapped__(shown), shown


_PLAIN = [
    *(bytes([byte]) for byte in b"'$=<>(,|& 19a_\n"),
    b"xor", b"or ", b"and", b"not ", b"like", b"when ", b"select(", b"date", b"int4 ", b"json'", b"null ", b"true", b" eq ", b" ne ", b"$1", b"a",
]  # fmt: skip
_WORDS = {  # as they were, with the edges of words before them
    sql_plain._TYPED: rb"((?:\b(?:x?or|and|not|like|when)|[=<>(,|&])\s{0,8})(?:date|time(?:stamp(?:tz)?)?|interval|jsonb?|uuid|inet|cidr|point|box"
    rb"|bytea|regclass|int\d?|integer|numeric|text|bool(?:ean)?|xml|name)\s{0,4}(?=')",
    sql_plain._MONEY: rb"(\b(?:x?or|and|select|like)[\s(]{1,8}|[=<>]\s{0,4})\$(?=\d)",
    sql_plain._COMPARED: rb"((?:\d|'|\bnull|\btrue)\s{1,4})(?:eq|ne)(?=\s{1,4}(?:\d|'|null\b|true\b|false\b))",
}


@given(_texts(_PLAIN, 20))
@settings(max_examples=300)
def test_words_are_found_by_their_first_letters(texts: Sequence[bytes]) -> None:
    for made, edged in _WORDS.items():
        for text in texts:
            assert made.sub(rb"<\1>", text) == re.sub(edged, rb"<\1>", text), (edged, text)


@given(_texts([*_PLAIN, *sql_plain.SIGNS, b"::", b"q", b"user", b" mode", b"^", b"@", b"~"], 12))
def test_what_is_rewritten_is_seen_in_one_pass(texts: Sequence[bytes]) -> None:
    for text in texts:
        assert sql_plain._signs(text) == sql_plain.find_signs(text)


_DIVIDED = re.compile(  # as it was, with a division of what stands before a name for each of its bytes
    rb"[\s/\"'`\x00-\x20;+]+([^\s\"'>/=\x00-\x20<]{1,60})[\s\x00]*(?:=[\s\x00]*(\"[^\"]{0,1024}\"?"
    rb"|'[^']{0,1024}'?|`[^`]{0,1024}`?|[^\s>]{1,1024})|(?=[\s/>]|$))"
)
_ATTRIBUTES = [*(bytes([byte]) for byte in b"`;+ \"'/>=<a%\0\n\t"), b"on=x", b"a" * 61, b"  ", b"``", b"ab"]


@given(_texts(_ATTRIBUTES, 9))
@settings(max_examples=500)
def test_attributes_are_those_of_all_divisions(texts: Sequence[bytes]) -> None:
    for text in texts:
        old, new = _DIVIDED.match(text), html_attributes._ATTRIBUTE.match(text)
        assert (old and (old[1], old[2], old.end())) == (new and (new[1] or new[2], new[3], new.end())), text


_TYPES = b"date time timestamp timestamptz interval json jsonb uuid inet cidr point box bytea regclass int int4 integer numeric text bool boolean xml name".split()


@given(
    _texts(
        [
            *_PLAIN,
            *_TYPES,
            b"::",
            b"::",
            b":",
            b"[]",
            b"float",
            b"reg",
            b"varchar",
            b"oid",
            b"(",
            b"  ",
            b"     ",
            b"\t",
            b"false",
            b"eq",
            b"ne",
            b"$",
            b"x",
        ],
        20,
    )
)
@settings(max_examples=600)
def test_what_is_rewritten_is_the_same_in_c(texts: Sequence[bytes]) -> None:
    for text in texts:
        assert sql_plain._cast(text) == sql_plain.read_cast(text), text
        assert sql_plain._money(text) == sql_plain.read_money(text), text
        assert sql_plain._compared(text) == sql_plain.read_compared(text), text
        assert sql_plain._typed(text) == sql_plain.read_typed(text), text


_QUERIED = re.compile(  # as it was, from what stands before
    rb"(\(\s{0,4})table(?=\s{1,4}[a-z_`][\w.`]{0,64}\s{1,4}(?:limit\s{1,4}\d|order\s{1,4}by\s))"
    rb"|((?:\bexists|[=<>])\s{0,4}\(\s{0,4})table(?=\s{1,4}[a-z_`][\w.`]{0,64}\s{0,4}\))"
)
_OF_TABLES = [
    b"(table ",
    b"(table ",
    b"exists",
    b"=",
    b"(",
    b" ",
    b"     ",
    b"t",
    b"a.b",
    b"`x`",
    b"limit 1",
    b" order by ",
    b")",
    b")",
    b"table ",
]


@given(_texts(_OF_TABLES, 9))
@settings(max_examples=500)
def test_tables_are_found_by_their_word(texts: Sequence[bytes]) -> None:
    for text in texts:
        assert sql_plain._TABLE.sub(sql_plain._queried, text) == _QUERIED.sub(rb"\1\2select 1 from", text)


_CATALOGUE = (
    b"information_schema dual sysobjects syscolumns sysusers sysdatabases syslogins sysprocesses sys.tables sys.user$ sys.sql_logins mysql.user"
    b" mysql.func pg_catalog pg_stat_user sqlite_master sqlite_temp_master all_tables all_tab_columns user_tables dba_users dba_data_files msysobjects"
    b" msysaces master..x msdb..x tempdb..x xp_abcd sp_oa sp_execute sp_helpdb v$version performance_schema innodb_table_stats rdb$a sysibm.x"
    b" domain.tables syscat.a dbms_a.b utl_a.b sysmaster sys.x$ sys.schema_"
).split()  # fmt: skip
_NAMES = [
    *_CATALOGUE, *sql_words.DANGEROUS, *sql_words.FUNCTIONS, *sql_words.LETTERS, *sql_words.STATEMENTS, b"k", b"na", b"x_y", b"a$b",
    b".", b".", b".", b"(", b"(", b" ", b" ", b"*", b"x", b"'", b"`", b"[", b"]",
]  # fmt: skip


def test_names_of_catalogues_are_some() -> None:
    assert [name for name in _CATALOGUE if not sql_words.CATALOGUE.search(name)] == []


@given(_texts(_NAMES, 12))
@settings(max_examples=600)
def test_names_have_the_same_letters_in_c(texts: Sequence[bytes]) -> None:
    for text in texts:
        assert shape_of(text) == read_shape(text), text


@pytest.mark.parametrize("word", [b"exec", b"begin", b"drop", b"set", b"shutdown"])
def test_of_very_many_statements_the_first_are_asked_about(word: bytes) -> None:
    for count in (1, 15, 16, 17, 40, 200):
        for text in (
            (word + b" ") * count,
            (word + b";") * count,
            (word + b" @a=1;") * count,
            (word + b"(") * count,
        ):
            assert shape_of(text) == read_shape(text), (word, count)
    assert "T" in shape_of(b"exec;" * 15 + b"exec sp_who")[0]
    assert "T" not in shape_of(b"exec;" * 16 + b"exec sp_who")[0]


_REACHING = [
    b"alert", b"Confirm", b"prompt", b"eval", b"atob", b"import", b"fetch", b"sendBeacon", b"fromCharCode", b"setTimeout", b"setInterval", b"cookie",
    b"location", b"constructor", b"xmlhttprequest", b"srcdoc", b"javascript", b"vbscript", b"onload", b"onerror", b"onpointerx", b"data", b"text",
    b"<script", b"<svg", b"</object", b"src", b"href", b"=", b":", b"(", b"`", b"[", b"]", b"'", b" ", b"   ", b"\n", b"//", b"http://", b".", b"x", b"_",
    b")", b"1", b'"',
]  # fmt: skip
_REACHES_AT_ONCE = re.compile(
    rb"\b(?:alert|confirm|prompt|eval|atob|import|fetch|sendbeacon|fromcharcode|settimeout|setinterval)\s*[(`]|\bcookie\b|\blocation\s*[=.\[]"
    rb"|[\w)\]]\s*\[\s*(?:['\"`/(]|\w+\s*\()|\bconstructor\b|\bxmlhttprequest\b|\bsrcdoc\b|\b(?:java|vb)script\s*:"
    rb"|\bon(?:load|error|toggle|focus|begin|animation|transition|pageshow|pointer|mouse|hashchange|scroll)\w{0,12}\s*=\s*[\"'`]?[\w$(\[]|\bdata\s*:\s*text"
    rb"|<[\s/]{0,4}(?:script|svg|iframe|embed|object)\b[^>]{0,120}?\b(?:src|href|data)\s*=\s*[\"']?(?:https?:)?//",
    re.I,
)


@given(_texts(_REACHING, 7))
@settings(max_examples=300)
def test_what_reaches_out_of_a_tag_is_found_by_first_letters(texts: Sequence[bytes]) -> None:
    for text in texts:
        assert html_unrun._reaches(text.lower()) is (_REACHES_AT_ONCE.search(text) is not None), text
