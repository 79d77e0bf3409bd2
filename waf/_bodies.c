/* The plain case of request bodies, at the speed of C.
 *
 * `json_lines` is in _bodies_lines.h, forms are in _bodies_form.h and _bodies_parts.h, XML is in _bodies_xml.h. `json_sheet` reads a JSON document of the most ordinary form and gives its keys, strings, numbers and literals in
 * one text; `json_screen` gives those alone that no program of waf/prefilter proves to be clean. For everything else it gives None: escapes, long or odd numbers, doubled keys, deep nesting, what may be
 * GraphQL, whatever is no JSON (RFC 8259) or no UTF-8. The caller then asks waf/inspect/bodies/json_body.py, which is
 * the reference: nothing is read here that is read otherwise there, and tests hold the two together.
 *
 * One pass, no allocation but the result and a table of keys where an object has more than FEW_KEYS; time linear in the document: keys made
 * to meet in that table are left to the reference.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "_prefilter.h"

#define HASH 2166136261u
enum { MARK = 0x7f, MOST_DEPTH = 128, FEW_KEYS = 64, MOST_OPEN_KEYS = 2048, MOST_DIGITS = 40 };
enum { MOST_KEYS = 1 << 17, MOST_TRIED = 64, MOST_DOUBLED = 64 }; /* of objects with more than FEW_KEYS; slots that are tried for one */
enum { MOST_EXACT = 15, MOST_WHOLE = 18 }; /* digits of a fraction that is written as it is read, and of a whole number */
enum { PLAIN, QUOTE, ODD, WIDE }; /* what a byte is to a string */

static uint8_t in_string[256];

typedef struct {
    const uint8_t *at;
    uint32_t length;
    uint32_t hash;
} Key;

/* Keys of the objects that have many. Each object has a number, so that none has to be taken out. */
typedef struct {
    Key *slots;
    uint32_t *owners; /* of each slot; 0: it is free */
    size_t count, size;
} Keys;

/* Behind a well-formed character beyond ASCII (Unicode 15, table 3-7); NULL where it is not. */
static const uint8_t *wide(const uint8_t *at, const uint8_t *end)
{
    uint8_t lead = at[0], low = 0x80, high = 0xbf;
    int more;
    if (lead >= 0xc2 && lead <= 0xdf)
        more = 1;
    else if (lead >= 0xe0 && lead <= 0xef) {
        more = 2;
        if (lead == 0xe0)
            low = 0xa0;
        else if (lead == 0xed)
            high = 0x9f;
    }
    else if (lead >= 0xf0 && lead <= 0xf4) {
        more = 3;
        if (lead == 0xf0)
            low = 0x90;
        else if (lead == 0xf4)
            high = 0x8f;
    }
    else
        return NULL;
    if (end - at <= more || at[1] < low || at[1] > high)
        return NULL;
    for (int i = 2; i <= more; i++)
        if ((at[i] & 0xc0) != 0x80)
            return NULL;
    return at + more + 1;
}

/* Behind the closing quote of the string that begins at `at`; NULL where it is not plain. */
static const uint8_t *string(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
    /* Over what is plain, 16 bytes at a time: beyond ASCII a byte is less than a blank here, as controls are. */
    for (; end - at >= 16; at += 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        const __m128i signs = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
        const __m128i others = _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8(MARK)));
        const int found = _mm_movemask_epi8(_mm_or_si128(signs, others));
        if (found) {
            at += __builtin_ctz((unsigned)found);
            break;
        }
    }
#endif
    while (at < end) {
        switch (in_string[*at]) {
        case PLAIN:
            at++;
            break;
        case QUOTE:
            return at + 1;
        case WIDE:
            at = wide(at, end);
            if (at == NULL)
                return NULL;
            break;
        default:
            return NULL;
        }
    }
    return NULL;
}

static int hex(uint8_t byte)
{
    return byte >= '0' && byte <= '9'   ? byte - '0'
           : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
           : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                        : -1;
}

/* Of four hexadecimal digits; -1 where they are none. */
static int code_unit(const uint8_t *at, const uint8_t *end)
{
    int unit = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* A code point as UTF-8; behind it. */
static uint8_t *utf8(int point, uint8_t *to)
{
    if (point < 0x80) {
        *to++ = (uint8_t)point;
        return to;
    }
    if (point < 0x800)
        *to++ = (uint8_t)(0xc0 | point >> 6);
    else {
        if (point < 0x10000)
            *to++ = (uint8_t)(0xe0 | point >> 12);
        else {
            *to++ = (uint8_t)(0xf0 | point >> 18);
            *to++ = (uint8_t)(0x80 | (point >> 12 & 0x3f));
        }
        *to++ = (uint8_t)(0x80 | (point >> 6 & 0x3f));
    }
    *to++ = (uint8_t)(0x80 | (point & 0x3f));
    return to;
}

/* The character behind "\u" as UTF-8 into `*out`. Behind its digits; NULL where it is no character, or one that has no use in a text. */
static const uint8_t *coded(const uint8_t *at, const uint8_t *end, uint8_t **out)
{
    int point = code_unit(at, end);
    if (point < ' ' || point == MARK)
        return NULL;
    at += 4;
    if (point >= 0xd800 && point < 0xe000) {
        int low = point < 0xdc00 && end - at > 5 && at[0] == '\\' && at[1] == 'u' ? code_unit(at + 2, end) : -1;
        if (low < 0xdc00 || low >= 0xe000)
            return NULL;
        point = 0x10000 + ((point & 0x3ff) << 10) + (low & 0x3ff);
        at += 6;
    }
    *out = utf8(point, *out);
    return at;
}

/* Behind the closing quote of a string whose escapes are those of signs, of white space and of characters by number; it is put into
 * `out`, decoded. NULL where it is not such a string. */
static const uint8_t *escaped_string(const uint8_t *at, const uint8_t *end, uint8_t **out)
{
    uint8_t *to = *out;
    while (at < end) {
        const uint8_t *behind;
        switch (in_string[*at]) {
        case PLAIN:
            *to++ = *at++;
            continue;
        case QUOTE:
            *out = to;
            return at + 1;
        case WIDE:
            behind = wide(at, end);
            if (behind == NULL)
                return NULL;
            while (at < behind)
                *to++ = *at++;
            continue;
        default:
            if (*at != '\\' || end - at < 2)
                return NULL;
        }
        switch (at[1]) {
        case '"':
        case '\\':
        case '/':
            *to++ = at[1];
            break;
        case 'n':
            *to++ = '\n';
            break;
        case 'r':
            *to++ = '\r';
            break;
        case 't':
            *to++ = '\t';
            break;
        case 'u':
            at = coded(at + 2, end, &to);
            if (at == NULL)
                return NULL;
            continue;
        default:
            return NULL;
        }
        at += 2;
    }
    return NULL;
}

static int is_digit(const uint8_t *at, const uint8_t *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

/* Behind a number of few digits, also of its exponent: one that is neither infinite nor nought for being too small. NULL where it is
 * another. */
static const uint8_t *number(const uint8_t *at, const uint8_t *end)
{
    if (at < end && *at == '-')
        at++;
    const uint8_t *first = at;
    if (!is_digit(at, end))
        return NULL;
    if (*at == '0')
        at++;
    else
        while (is_digit(at, end))
            at++;
    if (at < end && *at == '.') {
        at++;
        if (!is_digit(at, end))
            return NULL;
        while (is_digit(at, end))
            at++;
    }
    if (at - first > MOST_DIGITS)
        return NULL;
    if (at < end && (*at | 0x20) == 'e') {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        first = at;
        while (is_digit(at, end))
            at++;
        if (at == first || at - first > 2)
            return NULL;
    }
    return at;
}

static const uint8_t *literal(const uint8_t *at, const uint8_t *end, const char *word, size_t length)
{
    return (size_t)(end - at) >= length && memcmp(at, word, length) == 0 ? at + length : NULL;
}

/* Behind white space. */
static inline const uint8_t *blanks(const uint8_t *at, const uint8_t *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

/* Goes on with a hash (FNV-1a) that begins with HASH. */
static uint32_t hash_on(uint32_t hash, const uint8_t *at, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * 16777619u;
    return hash;
}

/* A piece behind a mark. */
static inline uint8_t *put(uint8_t *out, const uint8_t *piece, size_t length)
{
    *out++ = MARK;
    memcpy(out, piece, length);
    return out + length;
}

/* Whether a text may begin as a document of GraphQL does (`looks_like` in waf/inspect/bodies/graphql.py says for certain). */
static int may_ask(const uint8_t *at, const uint8_t *end)
{
    static const char *const words[] = {"query", "mutation", "subscription", "fragment"};
    while (at < end && (*at == ' ' || (*at >= '\t' && *at <= '\r') || (*at >= 0x1c && *at <= 0x1f)))
        at++;
    if (at == end)
        return 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (literal(at, end, words[i], strlen(words[i])) != NULL)
            return 1;
    return *at == '{' || *at == '#' || *at >= 0x80;
}

/* Whether a text may be an object or a list: it begins and ends as one does. */
static int may_be_json(const uint8_t *at, const uint8_t *end)
{
    if (end - at < 2 || !((at[0] == '{' && end[-1] == '}') || (at[0] == '[' && end[-1] == ']')))
        return 0;
    const uint8_t *next = blanks(at + 1, end);
    return next == end - 1 || *next == '"' || (*at == '[' && strchr("{[-0123456789tfn", *next) != NULL);
}

typedef struct {
    int escaped; /* a value has escapes */
    int asks;    /* it may be a request of GraphQL */
    int within;  /* it stands in a string: what its own strings hold is not opened */
    Keys keys;
    int count;                 /* of what follows */
    Key doubled[MOST_DOUBLED]; /* of each object that has keys twice the first of those */
} Told;

static void told_free(Told *told)
{
    PyMem_Free(told->keys.slots);
    PyMem_Free(told->keys.owners);
}

static int keys_put(Keys *keys, const Key *key, uint32_t owner);

/* Makes room for more keys. 0 where there are too many, or no memory for them. */
static int keys_grow(Keys *keys)
{
    Keys more = {.size = keys->size ? 2 * keys->size : 4 * FEW_KEYS};
    if (more.size > 2 * MOST_KEYS)
        return 0;
    more.slots = PyMem_Malloc(more.size * sizeof *more.slots);
    more.owners = PyMem_Calloc(more.size, sizeof *more.owners);
    int put = more.slots != NULL && more.owners != NULL;
    for (size_t i = 0; put && i < keys->size; i++)
        put = keys->owners[i] == 0 || keys_put(&more, &keys->slots[i], keys->owners[i]) >= 0;
    Keys old = put ? *keys : more;
    if (put)
        *keys = more;
    PyMem_Free(old.slots);
    PyMem_Free(old.owners);
    return put;
}

/* 1: the object has the key already. 0: it has it now. -1: that is not known. */
static int keys_put(Keys *keys, const Key *key, uint32_t owner)
{
    if (2 * keys->count >= keys->size && !keys_grow(keys))
        return -1;
    const uint32_t hash = key->hash ^ owner * 2654435761u;
    size_t slot = (hash ^ hash >> 15) & (keys->size - 1);
    for (int tried = 0; tried < MOST_TRIED; tried++, slot = (slot + 1) & (keys->size - 1)) {
        const Key *known = &keys->slots[slot];
        if (keys->owners[slot] == 0) {
            keys->slots[slot] = *key;
            keys->owners[slot] = owner;
            keys->count++;
            return 0;
        }
        if (keys->owners[slot] == owner && known->hash == key->hash && known->length == key->length
            && memcmp(known->at, key->at, key->length) == 0)
            return 1;
    }
    return -1;
}

/* One text out of a document: each piece behind a mark, and behind a string that is JSON itself those of that; no longer than twice the
 * document, than the document where it stands within a string. Gives its length, -1 where the document is not plain. Values with simple
 * escapes are taken, keys with any are not. */
static Py_ssize_t flatten(const uint8_t *at, const uint8_t *end, int most_depth, uint8_t *out, Told *told)
{
    static const uint8_t query[] = {'q', 'u', 'e', 'r', 'y'};
    const uint8_t *start_of_out = out;
    int asking = 0; /* the value is what an operation would stand in */
    Key keys[MOST_OPEN_KEYS];
    int first_key[MOST_DEPTH];   /* of each open object; -1: a list */
    uint32_t owner[MOST_DEPTH];  /* of each that has many keys its number, else 0 */
    uint8_t doubled[MOST_DEPTH]; /* a key was twice in it */
    int depth = 0, open = 0;
    uint32_t owners = 0;
    enum { VALUE, VALUE_OR_END, KEY, KEY_OR_END, BEHIND } wanted = VALUE;

    for (;;) {
        at = blanks(at, end);
        if (at == end)
            return -1;
        uint8_t byte = *at;
        if (wanted == BEHIND) {
            if (byte == ',') {
                at++;
                wanted = first_key[depth - 1] < 0 ? VALUE : KEY;
                continue;
            }
            /* else it must be the end of what is open */
        }
        if (byte == ']' || byte == '}') {
            if (depth == 0)
                return -1;
            if (first_key[depth - 1] < 0) {
                if (byte != ']' || wanted == VALUE)
                    return -1;
            }
            else {
                if (byte != '}' || wanted == KEY || wanted == VALUE)
                    return -1;
                open = first_key[depth - 1];
            }
            at++;
            if (--depth == 0)
                break;
            wanted = BEHIND;
            continue;
        }
        if (wanted == BEHIND)
            return -1;
        if (wanted == KEY || wanted == KEY_OR_END) {
            if (byte != '"')
                return -1;
            const uint8_t *name = at + 1;
            at = string(name, end);
            if (at == NULL)
                return -1;
            size_t length = (size_t)(at - 1 - name);
            asking = depth <= 2 && length == sizeof query && memcmp(name, query, sizeof query) == 0;
            uint32_t hash = hash_on(HASH, name, length);
            const Key key = {name, (uint32_t)length, hash};
            const int first = first_key[depth - 1];
            int twice = 0;
            if (owner[depth - 1] == 0 && open - first == FEW_KEYS) {
                owner[depth - 1] = ++owners;
                for (int i = first; i < open; i++)
                    if (keys_put(&told->keys, &keys[i], owners) < 0)
                        return -1;
                open = first;
            }
            if (owner[depth - 1] != 0) {
                twice = keys_put(&told->keys, &key, owner[depth - 1]);
                if (twice < 0)
                    return -1;
            }
            else {
                for (int i = first; i < open && !twice; i++)
                    twice = keys[i].hash == hash && keys[i].length == length && memcmp(keys[i].at, name, length) == 0;
                if (open == MOST_OPEN_KEYS)
                    return -1;
                if (!twice)
                    keys[open++] = key;
            }
            if (twice && !doubled[depth - 1]) {
                if (told->within || told->count == MOST_DOUBLED)
                    return -1; /* of a string's the reference keeps the last alone */
                doubled[depth - 1] = 1;
                told->doubled[told->count++] = key;
            }
            out = put(out, name, length);
            at = blanks(at, end);
            if (at == end || *at++ != ':')
                return -1;
            wanted = VALUE;
            continue;
        }
        const uint8_t *value = at, *value_end;
        switch (byte) {
        case '{':
        case '[':
            if (depth == most_depth)
                return -1;
            owner[depth] = doubled[depth] = 0;
            first_key[depth++] = byte == '{' ? open : -1;
            asking = 0;
            wanted = byte == '{' ? KEY_OR_END : VALUE_OR_END;
            at++;
            continue;
        case '"':
            value++;
            at = string(value, end);
            value_end = at == NULL ? NULL : at - 1;
            if (at == NULL && depth > 0) {
                *out++ = MARK; /* what is decoded is no longer than what it is decoded from */
                const uint8_t *const decoded = out;
                at = escaped_string(value, end, &out);
                if (at == NULL)
                    return -1;
                told->escaped = 1;
                told->asks |= asking && may_ask(decoded, out);
                asking = 0;
                if (!told->within && may_be_json(decoded, out)) {
                    Told inner = {.within = 1};
                    Py_ssize_t length = flatten(decoded, out, MOST_DEPTH, out, &inner);
                    told_free(&inner);
                    if (length < 0)
                        return -1; /* perhaps JSON that is not plain */
                    out += length;
                }
                wanted = BEHIND;
                continue;
            }
            told->asks |= at != NULL && asking && may_ask(value, value_end);
            break;
        case 't':
            value_end = at = literal(at, end, "true", 4);
            break;
        case 'f':
            value_end = at = literal(at, end, "false", 5);
            break;
        case 'n':
            value_end = at = literal(at, end, "null", 4);
            break;
        default:
            value_end = at = number(at, end);
        }
        if (at == NULL || depth == 0) /* a document that is one value is for the reference */
            return -1;
        asking = 0;
        out = put(out, value, (size_t)(value_end - value));
        wanted = BEHIND;
    }
    at = blanks(at, end);
    return at == end ? out - start_of_out : -1;
}

/* The same of several documents, one a line. */
static Py_ssize_t flatten_lines(const uint8_t *at, const uint8_t *end, int most_depth, uint8_t *out, Told *told)
{
    const uint8_t *const start_of_out = out;
    while (at < end) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        if (blanks(at, stop) < stop) {
            Py_ssize_t length = flatten(at, stop, most_depth, out, told);
            if (length < 0)
                return -1;
            out += length;
        }
        at = stop + (stop < end);
    }
    return out > start_of_out ? out - start_of_out : -1;
}

/* The text of a document, without what a filter lets pass where there is one; NULL without an exception where the document
 * is not plain. */
static PyObject *text_of(PyObject *document, PyObject *most_depth, const Prefilter *filter, Told *told, int lines)
{
    long depth = PyLong_AsLong(most_depth);
    if (depth == -1 && PyErr_Occurred())
        return NULL;
    if (depth > MOST_DEPTH)
        depth = MOST_DEPTH;
    const uint8_t *data = (const uint8_t *)PyBytes_AS_STRING(document);
    Py_ssize_t size = PyBytes_GET_SIZE(document);
    if (size > INT32_MAX || depth < 1)
        return NULL;
    /* Each scalar is one byte at least and has a bracket, colon or comma before it: its mark fits in there. What a string holds, is in
     * there twice, and it has escapes. */
    const int twice = memchr(data, '\\', (size_t)size) != NULL;
    PyObject *text = PyBytes_FromStringAndSize(NULL, twice ? 2 * size : size);
    if (text == NULL)
        return NULL;
    uint8_t *const out = (uint8_t *)PyBytes_AS_STRING(text);
    Py_ssize_t length = (lines ? flatten_lines : flatten)(data, data + size, (int)depth, out, told);
    told_free(told);
    if (length > 0 && filter != NULL)
        length = prefilter_sift(filter, out, length, out);
    if (length < 0)
        Py_CLEAR(text);
    else if (length == 0)
        Py_SETREF(text, PyBytes_FromStringAndSize(NULL, 0)); /* a constant, and no copy */
    else
        _PyBytes_Resize(&text, length); /* NULL where there is no memory */
    return text;
}

PyDoc_STRVAR(json_sheet_doc,
             "json_sheet(data, most_depth, lines) -> tuple[bytes, bool, bool, tuple[bytes, ...]] | None\n\n"
             "All keys and scalars of a plain JSON document, or with `lines` of one a line, and of those that its strings hold, each behind a\n"
             "mark (0x7f); whether a value has escapes; whether it may be a request of GraphQL; and of each object that has keys\n"
             "twice the first of those. None where it is not plain.");

static PyObject *json_sheet(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3 || !PyBytes_Check(arguments[0]) || !PyLong_Check(arguments[1]) || !PyBool_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "json_sheet takes bytes, a depth, and whether they are lines");
        return NULL;
    }
    Told told = {.within = 0};
    PyObject *text = text_of(arguments[0], arguments[1], NULL, &told, arguments[2] == Py_True);
    if (text == NULL)
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    PyObject *names = PyTuple_New(told.count);
    for (int i = 0; names != NULL && i < told.count; i++) {
        PyObject *name = PyBytes_FromStringAndSize((const char *)told.doubled[i].at, told.doubled[i].length);
        if (name == NULL)
            Py_CLEAR(names);
        else
            PyTuple_SET_ITEM(names, i, name);
    }
    if (names == NULL) {
        Py_DECREF(text);
        return NULL;
    }
    return Py_BuildValue("NOON", text, told.escaped ? Py_True : Py_False, told.asks ? Py_True : Py_False, names);
}

/* How often a byte stands in the data; in lanes, which compilers make instructions for many bytes of. */
static size_t count_of(const uint8_t *data, size_t size, uint8_t byte)
{
    enum { LANES = 32 };
    size_t total = 0;
    while (size >= LANES) {
        uint8_t lanes[LANES] = {0};
        for (int times = 0; times < 255 && size >= LANES; times++, data += LANES, size -= LANES)
            for (int i = 0; i < LANES; i++)
                lanes[i] += data[i] == byte;
        for (int i = 0; i < LANES; i++)
            total += lanes[i];
    }
    while (size > 0)
        total += data[--size] == byte;
    return total;
}

PyDoc_STRVAR(json_counts_doc,
             "json_counts(data, sheet) -> tuple[int, int, int]\n\n"
             "Of a document and its sheet: marks in the sheet, and colons and opening brackets of either kind in the data.");

static PyObject *json_counts(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyBytes_Check(arguments[0]) || !PyBytes_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "json_counts takes bytes and bytes");
        return NULL;
    }
    const uint8_t *data = (const uint8_t *)PyBytes_AS_STRING(arguments[0]);
    const uint8_t *sheet = (const uint8_t *)PyBytes_AS_STRING(arguments[1]);
    size_t size = (size_t)PyBytes_GET_SIZE(arguments[0]);
    size_t marks = count_of(sheet, (size_t)PyBytes_GET_SIZE(arguments[1]), MARK);
    size_t colons = count_of(data, size, ':'), opened = count_of(data, size, '[') + count_of(data, size, '{');
    return Py_BuildValue("nnn", (Py_ssize_t)marks, (Py_ssize_t)colons, (Py_ssize_t)opened);
}

enum { RULES_CLEAR = 1, DATA_CLEAR = 2, ESCAPED = 4 }; /* as in waf/policy/screens.py */

PyDoc_STRVAR(json_screen_doc,
             "json_screen(data, most_depth, rules, values) -> tuple[int, bytes] | None\n\n"
             "Of a plain JSON document, or one whose values have simple escapes as well (ESCAPED): RULES_CLEAR where the program `rules` lets all keys and scalars pass, DATA_CLEAR where\n"
             "`values` lets the document pass and it holds nothing that stands for something else; and the keys and\n"
             "scalars that `rules` does not let pass, with marks between them. None where it is not plain, or may be a request of GraphQL.");

static PyObject *json_screen(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    Prefilter rules, values;
    if (count != 4 || !PyBytes_Check(arguments[0]) || !PyLong_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "json_screen takes bytes, a depth, and two programs");
        return NULL;
    }
    if (prefilter_open(arguments[2], &rules) < 0 || prefilter_open(arguments[3], &values) < 0)
        return NULL;
    Told told = {.within = 0};
    PyObject *text = text_of(arguments[0], arguments[1], &rules, &told, 0);
    if (text != NULL && (told.asks || told.count > 0))
        Py_CLEAR(text);
    if (text == NULL)
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    const int escaped = told.escaped;
    const uint8_t *data = (const uint8_t *)PyBytes_AS_STRING(arguments[0]);
    Py_ssize_t size = PyBytes_GET_SIZE(arguments[0]);
    uint8_t all = 0; /* what is beyond ASCII, or an entity of mark-up, may be read as something else */
    for (Py_ssize_t i = 0; i < size; i++)
        all |= data[i];
    int clear = (PyBytes_GET_SIZE(text) == 0 ? RULES_CLEAR : 0) | (escaped ? ESCAPED : 0);
    if (!escaped && all < 0x80 && memchr(data, '&', (size_t)size) == NULL && prefilter_passes(&values, data, size))
        clear |= DATA_CLEAR;
    PyObject *number = PyLong_FromLong(clear), *result = number != NULL ? PyTuple_Pack(2, number, text) : NULL;
    Py_XDECREF(number);
    Py_DECREF(text);
    return result;
}

/* The same of any body whose values are in `text`, which is taken over, each behind a mark. */
static PyObject *screened(PyObject *body, PyObject *text, const Prefilter *rules, const Prefilter *values)
{
    const uint8_t *const data = (const uint8_t *)PyBytes_AS_STRING(body);
    uint8_t *const pieces = (uint8_t *)PyBytes_AS_STRING(text);
    const Py_ssize_t size = PyBytes_GET_SIZE(body);
    Py_ssize_t length = PyBytes_GET_SIZE(text);
    uint8_t all = 0;
    for (Py_ssize_t i = 0; i < size; i++)
        all |= data[i];
    if (length > 0)
        length = prefilter_sift(rules, pieces, length, pieces);
    int clear = length == 0 ? RULES_CLEAR : 0;
    if (all < 0x80 && memchr(data, '&', (size_t)size) == NULL && memchr(data, '\\', (size_t)size) == NULL
        && prefilter_passes(values, data, size))
        clear |= DATA_CLEAR;
    PyObject *result = Py_BuildValue("iy#", clear, pieces, length);
    Py_DECREF(text);
    return result;
}

#include "_bodies_lines.h"
#include "_bodies_names.h"
#include "_bodies_form.h"
#include "_bodies_parts.h"
#include "_bodies_xml.h"
#include "_bodies_graphql.h"
#include "_bodies_protobuf.h"
#include "_bodies_scalars.h"

static PyMethodDef methods[] = {
    {"form_screen", (PyCFunction)(void (*)(void))form_screen, METH_FASTCALL, form_screen_doc},
    {"form_lines", (PyCFunction)(void (*)(void))form_lines, METH_FASTCALL, form_lines_doc},
    {"graphql_counts", (PyCFunction)(void (*)(void))graphql_counts, METH_FASTCALL, graphql_counts_doc},
    {"graphql_literals", (PyCFunction)(void (*)(void))graphql_literals, METH_FASTCALL, graphql_literals_doc},
    {"json_counts", (PyCFunction)(void (*)(void))json_counts, METH_FASTCALL, json_counts_doc},
    {"json_fields", (PyCFunction)(void (*)(void))json_fields, METH_FASTCALL, json_fields_doc},
    {"json_lines", (PyCFunction)(void (*)(void))json_lines, METH_FASTCALL, json_lines_doc},
    {"json_scalars", (PyCFunction)(void (*)(void))json_scalars, METH_FASTCALL, json_scalars_doc},
    {"json_sheet", (PyCFunction)(void (*)(void))json_sheet, METH_FASTCALL, json_sheet_doc},
    {"json_screen", (PyCFunction)(void (*)(void))json_screen, METH_FASTCALL, json_screen_doc},
    {"name_text", name_text, METH_O, name_text_doc},
    {"parts_lines", (PyCFunction)(void (*)(void))parts_lines, METH_FASTCALL, parts_lines_doc},
    {"parts_screen", (PyCFunction)(void (*)(void))parts_screen, METH_FASTCALL, parts_screen_doc},
    {"parts_sheet", (PyCFunction)(void (*)(void))parts_sheet, METH_FASTCALL, parts_sheet_doc},
    {"protobuf_strings", (PyCFunction)(void (*)(void))protobuf_strings, METH_FASTCALL, protobuf_strings_doc},
    {"xml_lines", (PyCFunction)(void (*)(void))xml_lines, METH_FASTCALL, xml_lines_doc},
    {"xml_screen", (PyCFunction)(void (*)(void))xml_screen, METH_FASTCALL, xml_screen_doc},
    {"xml_sheet", (PyCFunction)(void (*)(void))xml_sheet, METH_FASTCALL, xml_sheet_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "waf._bodies",
                                    PyDoc_STR("The plain case of bodies in C; the reference is Python."), -1,
                                    methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__bodies(void)
{
    for (int c = 0; c < 256; c++)
        in_string[c] = c == '"' ? QUOTE : c < 0x20 || c == '\\' || c == MARK ? ODD : c >= 0x80 ? WIDE : PLAIN;
    return PyModule_Create(&module);
}
