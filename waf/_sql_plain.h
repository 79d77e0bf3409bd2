/* What dialects write in ways of their own: signs of it, and the rewritings that are asked about at many places of a text.
 *
 * The reference is waf/inspect/confirm/sql_plain.py, whose expressions are read here from their rarest byte backwards; tests hold them
 * together. Each is linear in the text.
 */

/* As SIGNS in waf/inspect/confirm/sql_plain.py, in their order. */
static const char *const SIGNS[] = {"::", "user", "similar", "member", "^@", "~", "distinct", "array",
                                    "q'", "within", " mode", "$", " eq ", " ne ", "table", "'"};
enum { SIGNS_ALL = sizeof SIGNS / sizeof *SIGNS };
static uint32_t signs_by_first[256], signs_by_second[256]; /* those that begin with a byte, and that may have another behind it */

PyDoc_STRVAR(signs_doc, "signs(text) -> int\n\nAs `find_signs` in waf/inspect/confirm/sql_plain.py.");

static PyObject *signs(PyObject *unused, PyObject *text)
{
    if (!PyBytes_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "signs takes bytes");
        return NULL;
    }
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(text), *end = at + PyBytes_GET_SIZE(text);
    uint32_t found = 0;
    for (; at < end; at++) /* behind the last byte is a zero */
        for (uint32_t bits = signs_by_first[*at] & signs_by_second[at[1]] & ~found; bits; bits &= bits - 1) {
            int number = __builtin_ctz(bits);
            size_t length = strlen(SIGNS[number]);
            if ((size_t)(end - at) >= length && memcmp(at, SIGNS[number], length) == 0)
                found |= 1u << number;
        }
    return PyLong_FromUnsignedLong(found);
}

/* Before blanks that stand before `at`, no more than `most` of them. */
static const uint8_t *blanks_before(const uint8_t *at, const uint8_t *start, int most)
{
    while (most-- > 0 && at > start && (kind[at[-1]] & WHITE))
        at--;
    return at;
}

static int ends_in(const uint8_t *at, const uint8_t *start, const char *wanted)
{
    size_t length = strlen(wanted);
    return (size_t)(at - start) >= length && memcmp(at - length, wanted, length) == 0;
}

/* Whether one of the words, up to a NULL, ends at `at`, and begins as a word does. */
static int is_behind(const uint8_t *at, const uint8_t *start, const char *const *words)
{
    for (; *words != NULL; words++)
        if (ends_in(at, start, *words)) {
            const uint8_t *first = at - strlen(*words);
            if (first == start || !(kind[first[-1]] & WORD))
                return 1;
        }
    return 0;
}

typedef struct {
    const uint8_t *from, *to; /* what is left out … */
    uint8_t put; /* … and what stands there then, if anything */
} Cut;

typedef int (*Rewrites)(const uint8_t *start, const uint8_t *at, const uint8_t *end, Cut *cut);

/* a::text[] */
static int cast_at(const uint8_t *start, const uint8_t *at, const uint8_t *end, Cut *cut)
{
    static const char *const types[]
        = {"text", "numeric", "bigint", "varchar", "char", "name", "json", "jsonb", "bytea", "date", "oid"};
    static const char *const begun[] = {"int", "bool", "float"};
    if (*at != ':' || !at_is(at + 1, end, ':'))
        return 0;
    const uint8_t *first = at + 2 + is(at + 2, end, WHITE);
    if (first >= end || *first < 'a' || *first > 'z')
        return 0; /* as of a row of colons */
    const uint8_t *last = run(first, end, WORD);
    const size_t length = (size_t)(last - first);
    int known = length > 3 && memcmp(first, "reg", 3) == 0;
    for (size_t i = 0; !known && i < sizeof begun / sizeof *begun; i++)
        known = length >= strlen(begun[i]) && memcmp(first, begun[i], strlen(begun[i])) == 0;
    for (size_t i = 0; !known && i < sizeof types / sizeof *types; i++)
        known = length == strlen(types[i]) && memcmp(first, types[i], length) == 0;
    *cut = (Cut){at, at_is(last, end, '[') && at_is(last + 1, end, ']') ? last + 2 : last, 0};
    return known;
}

/* or $1=1 */
static int money_at(const uint8_t *start, const uint8_t *at, const uint8_t *end, Cut *cut)
{
    static const char *const words[] = {"or", "xor", "and", "select", "like", NULL};
    if (*at != '$' || !is(at + 1, end, DIGIT))
        return 0;
    *cut = (Cut){at, at + 1, 0};
    const uint8_t *before = blanks_before(at, start, 4);
    if (before > start && (before[-1] == '=' || before[-1] == '<' || before[-1] == '>'))
        return 1;
    for (before = at; at - before < 8 && before > start && ((kind[before[-1]] & WHITE) || before[-1] == '(');)
        before--;
    return before < at && is_behind(before, start, words);
}

/* 1 eq 1 */
static int compared_at(const uint8_t *start, const uint8_t *at, const uint8_t *end, Cut *cut)
{
    static const char *const before_it[] = {"null", "true", NULL}, *const behind_it[] = {"null", "true", "false"};
    if (end - at < 4 || !((at[0] == 'e' && at[1] == 'q') || (at[0] == 'n' && at[1] == 'e')))
        return 0;
    const uint8_t *before = blanks_before(at, start, 4), *behind = at + 2;
    if (before == at || before == start
        || !((kind[before[-1]] & DIGIT) || before[-1] == '\'' || is_behind(before, start, before_it)))
        return 0;
    while (is(behind, end, WHITE) && behind - at < 6)
        behind++;
    if (behind == at + 2 || behind == end)
        return 0;
    *cut = (Cut){at, at + 2, '='};
    if ((kind[*behind] & DIGIT) || *behind == '\'')
        return 1;
    for (size_t i = 0; i < sizeof behind_it / sizeof *behind_it; i++) {
        size_t length = strlen(behind_it[i]);
        if ((size_t)(end - behind) >= length && memcmp(behind, behind_it[i], length) == 0
            && !is(behind + length, end, WORD))
            return 1;
    }
    return 0;
}

/* or date '2024-01-01' */
static int typed_at(const uint8_t *start, const uint8_t *at, const uint8_t *end, Cut *cut)
{
    static const char *const types[]
        = {"date", "time", "timestamp", "timestamptz", "interval", "json", "jsonb", "uuid", "inet", "cidr", "point",
           "box", "bytea", "regclass", "int", "integer", "numeric", "text", "bool", "boolean", "xml", "name"};
    static const char *const words[] = {"or", "xor", "and", "not", "like", "when", NULL};
    if (*at != '\'')
        return 0;
    const uint8_t *last = blanks_before(at, start, 4), *name = last;
    if (name > start && (kind[name[-1]] & DIGIT))
        name--; /* int4 */
    if (name == start || name[-1] < 'a' || name[-1] > 'z')
        return 0; /* as at most quotes */
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const char *type = types[i];
        if ((name < last && strcmp(type, "int") != 0) || !ends_in(name, start, type))
            continue;
        const uint8_t *first = name - strlen(type), *before = blanks_before(first, start, 8);
        if ((before > start && before[-1] != 0 && strchr("=<>(,|&", before[-1]) != NULL) || is_behind(before, start, words)) {
            *cut = (Cut){first, at, 0};
            return 1;
        }
    }
    return 0;
}

/* The text with what is rewritten at any of its places; the same where that is at none. */
static PyObject *rewritten(PyObject *text, Rewrites rewrites)
{
    if (!PyBytes_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "what is rewritten is bytes");
        return NULL;
    }
    const uint8_t *start = (const uint8_t *)PyBytes_AS_STRING(text), *end = start + PyBytes_GET_SIZE(text), *kept = start;
    PyObject *made = NULL;
    uint8_t *out = NULL;
    Cut cut;
    for (const uint8_t *at = start; at < end; at++) {
        if (!rewrites(start, at, end, &cut))
            continue;
        if (made == NULL) {
            made = PyBytes_FromStringAndSize(NULL, end - start); /* it grows by nothing */
            if (made == NULL)
                return NULL;
            out = (uint8_t *)PyBytes_AS_STRING(made);
        }
        memcpy(out, kept, (size_t)(cut.from - kept));
        out += cut.from - kept;
        if (cut.put)
            *out++ = cut.put;
        kept = cut.to;
        if (cut.to > at)
            at = cut.to - 1;
    }
    if (made == NULL)
        return Py_NewRef(text);
    memcpy(out, kept, (size_t)(end - kept));
    out += end - kept;
    _PyBytes_Resize(&made, out - (uint8_t *)PyBytes_AS_STRING(made));
    return made;
}

PyDoc_STRVAR(cast_doc, "cast(text) -> bytes\n\nAs `read_cast` in waf/inspect/confirm/sql_plain.py.");

static PyObject *cast(PyObject *unused, PyObject *text)
{
    return rewritten(text, cast_at);
}

PyDoc_STRVAR(money_doc, "money(text) -> bytes\n\nAs `read_money` in waf/inspect/confirm/sql_plain.py.");

static PyObject *money(PyObject *unused, PyObject *text)
{
    return rewritten(text, money_at);
}

PyDoc_STRVAR(compared_doc, "compared(text) -> bytes\n\nAs `read_compared` in waf/inspect/confirm/sql_plain.py.");

static PyObject *compared(PyObject *unused, PyObject *text)
{
    return rewritten(text, compared_at);
}

PyDoc_STRVAR(typed_doc, "typed(text) -> bytes\n\nAs `read_typed` in waf/inspect/confirm/sql_plain.py.");

static PyObject *typed(PyObject *unused, PyObject *text)
{
    return rewritten(text, typed_at);
}
