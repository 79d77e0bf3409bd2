/* What a search for signatures does most often, at the speed of C.
 *
 * `Found` is what the engine calls for every match; `placed` gives each to its text, `gathered` to its rule; `hints` tells which steps of
 * decoding may change which of several joined values, and where. The references are Python: `waf/inspect/matcher.py`
 * (`Found`, `place`) and the expressions of `waf/inspect/decode.py`, to which tests hold this file. Nothing is found here that is not found there, but for one
 * spot of a kind in each value, where there all are given. `unchanged` tells what a step of decoding left as it was.
 *
 * Every function is linear in the text: what is looked at behind or before a byte is of bounded length.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <structmember.h>
#include <stdint.h>
#include <string.h>

enum { MARK = 0x7f };

/* ------------------------------------------------------------------------------------------------------- matches */

/* A tuple of two, which become its own. */
static PyObject *pair_of(PyObject *first, PyObject *second)
{
    PyObject *pair = first == NULL || second == NULL ? NULL : PyTuple_New(2);
    if (pair == NULL) {
        Py_XDECREF(first);
        Py_XDECREF(second);
        return NULL;
    }
    PyTuple_SET_ITEM(pair, 0, first);
    PyTuple_SET_ITEM(pair, 1, second);
    return pair;
}

typedef struct {
    uint64_t end;
    uint32_t index;
} Match;

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *indices; /* bytes of uint32: whose number stands for which pattern; NULL: for itself */
    Match *matches;
    Py_ssize_t count, room, most;
    int groups;
} Found;

static PyObject *found_match(PyObject *self, PyObject *const *arguments, size_t flags, PyObject *names)
{
    Found *found = (Found *)self;
    if (PyVectorcall_NARGS(flags) != 5 || names != NULL) {
        PyErr_SetString(PyExc_TypeError, "a match has index, start, end, flags and context");
        return NULL;
    }
    unsigned long index = PyLong_AsUnsignedLong(arguments[0]);
    unsigned long long end = PyLong_AsUnsignedLongLong(arguments[2]);
    if (PyErr_Occurred())
        return NULL;
    if (found->indices != NULL) {
        if (index >= (size_t)PyBytes_GET_SIZE(found->indices) / sizeof(uint32_t)) {
            PyErr_SetString(PyExc_IndexError, "no pattern has this index");
            return NULL;
        }
        uint32_t own;
        memcpy(&own, PyBytes_AS_STRING(found->indices) + index * sizeof own, sizeof own);
        index = own;
    }
    if (found->count == found->room) {
        Py_ssize_t room = found->room ? found->room * 2 : 16;
        Match *more = PyMem_Realloc(found->matches, (size_t)room * sizeof *more);
        if (more == NULL)
            return PyErr_NoMemory();
        found->matches = more;
        found->room = room;
    }
    found->matches[found->count].index = (uint32_t)index;
    found->matches[found->count++].end = end;
    if (found->count > found->most)
        Py_RETURN_TRUE;
    Py_RETURN_NONE;
}

static PyObject *found_new(PyTypeObject *type, PyObject *arguments, PyObject *names)
{
    Py_ssize_t most;
    if (names != NULL && PyDict_GET_SIZE(names)) {
        PyErr_SetString(PyExc_TypeError, "Found takes no names");
        return NULL;
    }
    if (!PyArg_ParseTuple(arguments, "n", &most))
        return NULL;
    Found *self = (Found *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->call = found_match;
    self->most = most;
    return (PyObject *)self;
}

static void found_dealloc(Found *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyMem_Free(self->matches);
    Py_XDECREF(self->indices);
    type->tp_free(self);
    Py_DECREF(type);
}

PyDoc_STRVAR(group_doc, "group(indices: bytes | None) -> None\n\nWhose matches follow: a uint32 for each pattern.");

static PyObject *found_group(PyObject *self, PyObject *indices)
{
    Found *found = (Found *)self;
    if (indices != Py_None && !PyBytes_Check(indices)) {
        PyErr_SetString(PyExc_TypeError, "indices are bytes or None");
        return NULL;
    }
    Py_XDECREF(found->indices);
    found->indices = indices == Py_None ? NULL : Py_NewRef(indices);
    found->groups++;
    Py_RETURN_NONE;
}

/* Stable, by end: rows that are in order already, as the engine gives them, are merged. */
static int sort(Match *matches, Py_ssize_t count)
{
    Py_ssize_t at = 1;
    while (at < count && matches[at - 1].end <= matches[at].end)
        at++;
    if (at >= count)
        return 0;
    Match *other = PyMem_Malloc((size_t)count * sizeof *other);
    if (other == NULL)
        return -1;
    Match *from = matches, *to = other;
    for (Py_ssize_t width = 1; width < count; width *= 2) {
        for (Py_ssize_t low = 0; low < count; low += 2 * width) {
            Py_ssize_t middle = low + width < count ? low + width : count;
            Py_ssize_t high = low + 2 * width < count ? low + 2 * width : count;
            Py_ssize_t left = low, right = middle;
            for (Py_ssize_t out = low; out < high; out++)
                to[out] = left < middle && (right >= high || from[left].end <= from[right].end) ? from[left++]
                                                                                                 : from[right++];
        }
        Match *swap = from;
        from = to;
        to = swap;
    }
    if (from != matches)
        memcpy(matches, from, (size_t)count * sizeof *matches);
    PyMem_Free(other);
    return 0;
}

PyDoc_STRVAR(matches_doc, "matches(last: int = 0) -> list[tuple[int, int]]\n\n(index, end) of all matches by end, each once.");

static PyObject *found_matches(PyObject *self, PyObject *const *arguments, Py_ssize_t given)
{
    Found *found = (Found *)self;
    unsigned long long last = 0; /* where a mark stands behind the text, as one does before it; 0: there are none */
    if (given > 1) {
        PyErr_SetString(PyExc_TypeError, "matches takes no more than where the last mark stands");
        return NULL;
    }
    if (given == 1 && (last = PyLong_AsUnsignedLongLong(arguments[0]), PyErr_Occurred()))
        return NULL;
    Match *matches = found->matches;
    if (found->groups > 1 && found->count > 1) {
        if (sort(matches, found->count) < 0)
            return PyErr_NoMemory();
        Py_ssize_t kept = 0, row = 0; /* where those with this end begin: no more than there are patterns */
        for (Py_ssize_t at = 0; at < found->count; at++) {
            if (kept && matches[at].end != matches[kept - 1].end)
                row = kept;
            Py_ssize_t known = row;
            while (known < kept && matches[known].index != matches[at].index)
                known++;
            if (known == kept)
                matches[kept++] = matches[at];
        }
        found->count = kept;
    }
    PyObject *list = PyList_New(found->count);
    if (list == NULL)
        return NULL;
    for (Py_ssize_t at = 0; at < found->count; at++) {
        unsigned long long place = matches[at].end;
        if (last)
            place = place > last ? last - 1 : place ? place - 1 : 0;
        PyObject *pair = pair_of(PyLong_FromUnsignedLong(matches[at].index), PyLong_FromUnsignedLongLong(place));
        if (pair == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, at, pair);
    }
    return list;
}

static PyMemberDef found_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Found, call), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
static PyMethodDef found_methods[] = {
    {"group", found_group, METH_O, group_doc},
    {"matches", (PyCFunction)(void (*)(void))found_matches, METH_FASTCALL, matches_doc},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot found_slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("Found(most)\n\nThe matches of one text; wants no more after `most` of them.")},
    {Py_tp_new, found_new},
    {Py_tp_dealloc, found_dealloc},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, found_members},
    {Py_tp_methods, found_methods},
    {0, NULL},
};
static PyType_Spec found_spec = {"waf._search.Found", sizeof(Found), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE,
                                 found_slots};

/* ------------------------------------------------------------------------------------- matches as they are given on */

/* Where the last match of each pattern that was kept ends, by a hash of text and pattern. */
typedef struct {
    uint64_t key, end;
} Kept;

typedef struct {
    Kept *slots;
    size_t mask;
} Table;

static int open_table(Table *table, Py_ssize_t entries)
{
    size_t room = 16;
    while (room < (size_t)entries * 2)
        room *= 2;
    table->mask = room - 1;
    table->slots = PyMem_Calloc(room, sizeof *table->slots);
    return table->slots == NULL ? -1 : 0;
}

/* The slot of a key, which is its own or free; a key is never 0. */
static Kept *slot(const Table *table, uint64_t key)
{
    size_t at = (size_t)((key ^ key >> 31) * 0x9e3779b97f4a7c15u >> 32);
    for (;; at++) {
        Kept *kept = &table->slots[at & table->mask];
        if (kept->key == key || kept->key == 0)
            return kept;
    }
}

static int is_pair_of_numbers(PyObject *match, uint64_t *index, uint64_t *end)
{
    if (!PyTuple_Check(match) || PyTuple_GET_SIZE(match) != 2) {
        PyErr_SetString(PyExc_TypeError, "a match is a pair");
        return 0;
    }
    *index = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(match, 0));
    *end = PyErr_Occurred() ? 0 : PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(match, 1));
    if (PyErr_Occurred())
        return 0;
    if (*index < UINT32_MAX)
        return 1;
    PyErr_SetString(PyExc_OverflowError, "no pattern has such an index");
    return 0;
}

PyDoc_STRVAR(placed_doc,
             "placed(matches, ends, close, wanted=None) -> list[tuple[int, tuple[int, int]]]\n\n"
             "Each match by ascending end with the number of the text that it is in: texts are joined by a mark, behind\n"
             "which each ends. Left out is what ends less than `close` bytes behind a kept one of the same pattern and text.\n"
             "With `wanted`, a dict by numbers of texts, only those in them, numbered by their order in it.");

/* For each of so many texts its place among the keys of a dict, or -1; NULL where memory is out or a key is no number. */
static Py_ssize_t *numbered(PyObject *wanted, Py_ssize_t texts)
{
    Py_ssize_t *numbers = PyMem_Malloc(((size_t)texts + 1) * sizeof *numbers);
    if (numbers == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t i = 0; i < texts; i++)
        numbers[i] = -1;
    PyObject *key, *value;
    for (Py_ssize_t at = 0, place = 0; PyDict_Next(wanted, &at, &key, &value); place++) {
        Py_ssize_t number = PyLong_AsSsize_t(key);
        if (number < 0 || number >= texts) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "no text has such a number");
            PyMem_Free(numbers);
            return NULL;
        }
        numbers[number] = place;
    }
    return numbers;
}

static PyObject *placed(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *wanted = count == 4 && arguments[3] != Py_None ? arguments[3] : NULL;
    if (count < 3 || count > 4 || !PyList_Check(arguments[0]) || !PyList_Check(arguments[1]) ||
        !PyLong_Check(arguments[2]) || (wanted != NULL && !PyDict_Check(wanted))) {
        PyErr_SetString(PyExc_TypeError, "placed takes matches, ends, a distance, and numbers");
        return NULL;
    }
    PyObject *matches = arguments[0], *ends = arguments[1], *list = NULL;
    Py_ssize_t texts = PyList_GET_SIZE(ends), found = PyList_GET_SIZE(matches), number = 0;
    unsigned long long close = PyLong_AsUnsignedLongLong(arguments[2]);
    if (PyErr_Occurred())
        return NULL;
    Table table = {NULL, 0};
    Py_ssize_t *numbers = NULL;
    uint64_t *bounds = PyMem_Calloc((size_t)texts + 1, sizeof *bounds);
    if (wanted != NULL && (numbers = numbered(wanted, texts)) == NULL)
        goto failed;
    if (bounds == NULL || open_table(&table, found) < 0) {
        PyErr_NoMemory();
        goto failed;
    }
    for (Py_ssize_t i = 0; i < texts; i++) {
        bounds[i + 1] = PyLong_AsUnsignedLongLong(PyList_GET_ITEM(ends, i));
        if (PyErr_Occurred())
            goto failed;
        if (bounds[i + 1] <= bounds[i]) {
            PyErr_SetString(PyExc_ValueError, "each text ends behind the one before");
            goto failed;
        }
    }
    list = PyList_New(0);
    for (Py_ssize_t i = 0; list != NULL && texts && i < found; i++) {
        PyObject *match = PyList_GET_ITEM(matches, i);
        uint64_t index, end;
        if (!is_pair_of_numbers(match, &index, &end))
            goto failed;
        while (number && end <= bounds[number]) /* should the engine ever give them in another order */
            number--;
        while (number < texts - 1 && bounds[number + 1] < end)
            number++;
        uint64_t start = bounds[number], size = bounds[number + 1] - start - 1;
        uint64_t local = end > start ? end - start : 0;
        local = local < size ? local : size; /* what "$" takes of the mark is no byte of the text */
        Kept *kept = slot(&table, ((uint64_t)number << 32 | index) + 1);
        if (kept->key && local < kept->end + close)
            continue;
        kept->key = ((uint64_t)number << 32 | index) + 1;
        kept->end = local;
        if (numbers != NULL && numbers[number] < 0)
            continue;
        PyObject *place = pair_of(PyLong_FromSsize_t(numbers == NULL ? number : numbers[number]),
                                  pair_of(PyLong_FromUnsignedLongLong(index), PyLong_FromUnsignedLongLong(local)));
        int failed = place == NULL || PyList_Append(list, place) < 0;
        Py_XDECREF(place);
        if (failed)
            goto failed;
    }
    PyMem_Free(table.slots);
    PyMem_Free(bounds);
    PyMem_Free(numbers);
    return list;
failed:
    PyMem_Free(table.slots);
    PyMem_Free(bounds);
    PyMem_Free(numbers);
    Py_XDECREF(list);
    return NULL;
}

/* ----------------------------------------------------------------------------------------------------------- hits */

#include "_search_hits.h"
#include "_search_places.h"
#include "_search_joining.h"

/* --------------------------------------------------------------------------------------------------------- hints */

/* The bits of waf/inspect/views.py. */
enum {
    PERCENT = 1, HTML = 2, JS = 4, CSS = 8, UNICODE = 16, UTF7 = 32, UTF16 = 64, BASE64 = 128, HEX = 256, NULLS = 512,
    SQLSPACE = 1024, SHELL = 2048, PATHNORM = 4096, SQUASH = 8192, CONCAT = 16384, JSON = 32768
};

/* What a byte is to hints. */
enum {
    HEXDIGIT = 1, LETTER = 2, DIGIT = 4, WHITE = 8, COMMAND = 16, /* a character of commands: [a-z0-9/.*?-] */
    QUOTE = 32,                                                    /* ['"\\^`] */
    CODED = 64,                                                    /* of base64, either alphabet */
    TELLING = 128                                                  /* a hint may begin here */
};
enum { FIRST = 1, SECOND = 2, THIRD = 4, WIDE_FIRST = 8, WIDE_SECOND = 16, WIDE_SIXTH = 32, WIDE_SEVENTH = 64, OPENS = 128 }; /* OPENS: a value that some step takes whole may begin so */

static uint8_t kind[256], group_of[256];
static uint16_t may[256]; /* the steps that a byte may hint at */

static int has(uint8_t c, const char *of)
{
    return c != 0 && strchr(of, c) != NULL;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static void learn(void)
{
    for (int c = 0; c < 256; c++) {
        uint8_t small = lower((uint8_t)c);
        int letter = small >= 'a' && small <= 'z', digit = c >= '0' && c <= '9';
        kind[c] = (uint8_t)((letter ? LETTER : 0) | (digit ? DIGIT : 0)
                            | (digit || (small >= 'a' && small <= 'f') ? HEXDIGIT : 0)
                            | (c == ' ' || (c >= 9 && c <= 13) ? WHITE : 0)
                            | (letter || digit || has((uint8_t)c, "/.*?-") ? COMMAND : 0)
                            | (has((uint8_t)c, "'\"\\^`") ? QUOTE : 0)
                            | (letter || digit || has((uint8_t)c, "+/_-") ? CODED : 0)
                            | (c < 0x20 || c == MARK || c >= 0x80 || has((uint8_t)c, "%&\\+/-#'\"^`${.bBe") ? TELLING
                                                                                                            : 0));
        may[c] = (uint16_t)((kind[c] & QUOTE ? SHELL : 0)
                            | (c >= 0x80              ? SQLSPACE | UNICODE
                               : c < 0x20             ? SQUASH | UTF16 | NULLS | SQLSPACE
                               : c == '%'             ? PERCENT
                               : c == '&'             ? HTML
                               : c == '+'             ? UTF7
                               : c == '/'             ? SQLSPACE | PATHNORM
                               : c == '.'             ? PATHNORM
                               : c == '-' || c == '#' ? SQLSPACE
                               : c == '$' || c == '{' ? SHELL
                               : c == '\\'            ? JS | PATHNORM | CSS
                               : c == '\'' || c == '"' ? CONCAT
                               : letter               ? BASE64
                                                      : 0));
        group_of[c] = (uint8_t)(
            (has((uint8_t)c, "CDIJKLMNOPQRSTUVWXYZabcdef") ? FIRST : 0)
            | (has((uint8_t)c, "ACDEFGHQSTUVWXgijklmnwyz0123") ? SECOND : 0)
            | (has((uint8_t)c, "ABEFIJMNQRUVYZcdghklopstwx014589") ? THIRD : 0)
            | (has((uint8_t)c, "IJKLMNOPQRSTUVWXYZabcdef") ? WIDE_FIRST : 0) | (has((uint8_t)c, "AQgw") ? WIDE_SECOND : 0)
            | (has((uint8_t)c, "CDEFGH") ? WIDE_SIXTH : 0) | (has((uint8_t)c, "AEIMQUYcgkosw048") ? WIDE_SEVENTH : 0)
            | (has((uint8_t)c, "CDIJKLMNOPQRSTUVWXYZabcdefH7023456xX\\[{") || (kind[c] & WHITE) ? OPENS : 0));
    }
}

/* Whether the text goes on with a word, given in lower case, whatever its case. */
static int follows(const uint8_t *at, const uint8_t *end, const char *word)
{
    for (; *word; word++, at++)
        if (at == end || lower(*at) != (uint8_t)*word)
            return 0;
    return 1;
}

static int are(const uint8_t *at, const uint8_t *end, int count, int wanted)
{
    if (end - at < count)
        return 0;
    for (int i = 0; i < count; i++)
        if (!(kind[at[i]] & wanted))
            return 0;
    return 1;
}

static int is_reference(const uint8_t *at, const uint8_t *end)
{
    if (at < end && *at == '#') {
        at++;
        if (at < end && lower(*at) == 'x')
            at++;
        return at < end && (kind[*at] & HEXDIGIT) != 0;
    }
    if (at == end || !(kind[*at] & LETTER))
        return 0; /* "&&&&" */
    const uint8_t *word = at;
    while (at < end && at - word < 20 && (kind[*at] & LETTER))
        at++;
    if (at - word >= 2 && at < end && *at == ';')
        return 1;
    return follows(word, end, "lt") || follows(word, end, "gt") || follows(word, end, "amp")
           || follows(word, end, "quot") || follows(word, end, "nbsp");
}

static int is_css(const uint8_t *at, const uint8_t *end)
{
    for (int zeros = 0; zeros < 4 && at < end && *at == '0'; zeros++)
        at++;
    return end - at >= 2 && *at >= '2' && *at <= '7' && (kind[at[1]] & HEXDIGIT);
}

/* From a quote on: strings that are put together. */
static int is_joined(const uint8_t *at, const uint8_t *end)
{
    for (int blanks = 0; blanks < 20 && at < end && (kind[*at] & WHITE); blanks++)
        at++;
    if (end - at >= 2 && at[0] == '|' && at[1] == '|')
        at += 2;
    else if (at < end && (*at == '+' || *at == '.' || *at == '&'))
        at++;
    else
        return 0;
    for (int blanks = 0; blanks < 20 && at < end && (kind[*at] & WHITE); blanks++)
        at++;
    return at < end && (*at == '\'' || *at == '"');
}

static int within(uint8_t c, uint8_t low, uint8_t high)
{
    return c >= low && c <= high;
}

/* What stands for ASCII in Unicode's look-alikes and in overlong UTF-8; `at` is beyond ASCII. */
static int is_disguised(const uint8_t *at, const uint8_t *end)
{
    if (end - at < 2)
        return 0;
    uint8_t lead = at[0], second = at[1];
    if (lead < 0xe0) {
        switch (lead) {
        case 0xc0:
        case 0xc1:
            return within(second, 0x80, 0xbf);
        case 0xc2:
            return second == 0xa0 || second == 0xad;
        case 0xc4:
            return second == 0xb1;
        case 0xc5:
            return second == 0xbf;
        case 0xc7:
            return second == 0x83;
        case 0xca:
            return within(second, 0xb9, 0xbc);
        case 0xcb:
            return second == 0x82 || second == 0x83 || second == 0x88;
        case 0xcd:
            return second == 0x8f;
        case 0xd8:
            return second == 0x9c;
        default:
            return 0;
        }
    }
    if (end - at < 3)
        return 0;
    uint8_t third = at[2];
    switch (lead) {
    case 0xe0:
        return within(second, 0x80, 0x9f) && within(third, 0x80, 0xbf);
    case 0xe2:
        switch (second) {
        case 0x80:
            return within(third, 0x80, 0x91) || third == 0x9a || within(third, 0xa8, 0xb3) || third == 0xb5
                   || third == 0xb9 || third == 0xba;
        case 0x81:
            return third == 0x84 || within(third, 0x9f, 0xbf);
        case 0x82:
            return within(third, 0x80, 0x8e);
        case 0x84:
            return within(third, 0x8a, 0x95) || within(third, 0x99, 0x9d) || third == 0xa4 || third == 0xa8
                   || within(third, 0xaa, 0xb9);
        case 0x88:
            return third == 0x92 || within(third, 0x95, 0x97) || third == 0xa3 || third == 0xb6;
        case 0x91:
            return within(third, 0xa0, 0xbf);
        case 0x92:
            return within(third, 0x9c, 0xbf);
        case 0x93:
            return within(third, 0x80, 0xaa);
        case 0x9f:
            return third == 0xa8 || third == 0xa9;
        case 0xa7:
            return third == 0xb5 || third == 0xb8;
        default:
            return 0;
        }
    case 0xe3:
        return second == 0x80 && (third == 0x80 || third == 0x88 || third == 0x89);
    case 0xef:
        switch (second) {
        case 0xbc:
            return third == 0x82 || third == 0x87 || within(third, 0x8e, 0x99) || within(third, 0x9c, 0x9e)
                   || within(third, 0xa1, 0xbc);
        case 0xbd:
            return within(third, 0x80, 0x9d);
        case 0xb9:
            return within(third, 0xa4, 0xab);
        case 0xbb:
            return third == 0xbf;
        default:
            return 0;
        }
    case 0xf0:
        return (within(second, 0x80, 0x8f) && within(third, 0x80, 0xbf)) || (second == 0x9d && within(third, 0x90, 0x9f))
               || (second == 0x9f && (third == 0x84 || third == 0x85));
    default:
        return 0;
    }
}

static int is_hex_text(const uint8_t *at, const uint8_t *end)
{
    if (end - at < 12)
        return 0;
    for (int pair = 0; pair < 6; pair++, at += 2)
        if (!(at[0] >= '2' && at[0] <= '7' && (kind[at[1]] & HEXDIGIT))
            && !(at[0] == '0' && (at[1] == '9' || lower(at[1]) == 'a' || lower(at[1]) == 'd')))
            return 0;
    return 1;
}

static int is_base64_text(const uint8_t *at, const uint8_t *end)
{
    if (end - at < 8 || !(kind[at[3]] & CODED))
        return 0;
    if ((group_of[at[0]] & FIRST) && (group_of[at[1]] & SECOND) && (group_of[at[2]] & THIRD)
        && (group_of[at[4]] & FIRST) && (group_of[at[5]] & SECOND)
        && (at[7] == '=' ? at[6] == '=' || (kind[at[6]] & CODED) : (group_of[at[6]] & THIRD) && (kind[at[7]] & CODED)))
        return 1;
    return (group_of[at[0]] & WIDE_FIRST) && (group_of[at[1]] & WIDE_SECOND) && (at[2] == 'A' || at[2] == 'B')
           && at[4] == 'A' && (group_of[at[5]] & WIDE_SIXTH) && (group_of[at[6]] & WIDE_SEVENTH) && at[7] == 'A';
}

/* What gzip, and zlib at each of its levels, become in base64; and full-width forms in UTF-8. */
static int is_packed_text(const uint8_t *at, const uint8_t *end)
{
    if (end - at >= 4 && at[0] == 'H' && at[1] == '4' && at[2] == 's' && at[3] == 'I')
        return 1;
    if (end - at >= 3 && at[0] == '7' && at[1] == '7' && (at[2] == 'y' || at[2] == '2'))
        return 1;
    if (end - at < 3 || at[0] != 'e')
        return 0;
    return (at[1] == 'A' && within(at[2], 'E', 'H')) || (at[1] == 'F' && within(at[2], '4', '7'))
           || (at[1] == 'J' && within(at[2], 'w', 'z')) || (at[1] == 'N' && within(at[2], 'o', 'r'));
}

static int is_document(const uint8_t *at, const uint8_t *end)
{
    for (int blanks = 0; blanks < 4 && at < end && (kind[*at] & WHITE); blanks++)
        at++;
    if (at == end || (*at != '[' && *at != '{'))
        return 0;
    at++;
    for (int blanks = 0; blanks < 4 && at < end && (kind[*at] & WHITE); blanks++)
        at++;
    return at < end && (*at == '"' || *at == '[' || *at == '{');
}

/* What the beginning of a line tells. */
static int opening(const uint8_t *at, const uint8_t *end, int known)
{
    int steps = 0;
    if (at == end || !(group_of[*at] & OPENS))
        return 0;
    if (!(known & BASE64) && (is_base64_text(at, end) || is_packed_text(at, end)))
        steps |= BASE64;
    if (!(known & JSON) && is_document(at, end))
        steps |= JSON;
    if (!(known & HEX)
        && (is_hex_text(at, end)
            || ((follows(at, end, "0x") || follows(at, end, "\\x") || follows(at, end, "x'")) && is_hex_text(at + 2, end))))
        steps |= HEX;
    return steps;
}

/* Line ends within the scheme of a URL, which browsers drop. */
static int is_split(const uint8_t *start, const uint8_t *at, const uint8_t *end)
{
    static const char pairs[] = "jaavvaassccrriipptvbbsdaatta";
    if (at == start || at + 1 >= end || !(kind[at[-1]] & LETTER))
        return 0;
    uint8_t before = lower(at[-1]), behind = lower(at[1]);
    if (behind == ':')
        return at - start >= 3 && before == 't' && lower(at[-2]) == 'p' && lower(at[-3]) == 'i';
    for (const char *pair = pairs; *pair; pair += 2)
        if ((uint8_t)pair[0] == before && (uint8_t)pair[1] == behind)
            return 1;
    return 0;
}

/* Punctuation of Chinese behind ASCII, where nobody writes it but for a sign. */
static int is_wide_sign(const uint8_t *start, const uint8_t *at, const uint8_t *end)
{
    if (at == start || !within(at[-1], ' ', '~') || end - at < 3 || at[0] != 0xef || at[1] != 0xbc)
        return 0;
    uint8_t third = at[2];
    return third == 0x81 || within(third, 0x83, 0x86) || within(third, 0x88, 0x8d) || third == 0x9a || third == 0x9b
           || third == 0x9f;
}

/* The steps that a byte and its surroundings hint at. */
static int hinted(const uint8_t *start, const uint8_t *at, const uint8_t *end)
{
    const uint8_t *next = at + 1;
    uint8_t c = *at, second = next < end ? *next : MARK;
    if (c >= 0x80)
        return (c == 0xa0 ? SQLSPACE : 0) | (is_disguised(at, end) || is_wide_sign(start, at, end) ? UNICODE : 0);
    if (c < 0x20) {
        if (c == '\n')
            return is_split(start, at, end) ? SQUASH : 0;
        return SQUASH | (c == 0 ? UTF16 | NULLS : c == '\v' || c == '\f' ? SQLSPACE : 0);
    }
    int steps = 0;
    switch (c) {
    case '%':
        return are(next, end, 2, HEXDIGIT) || (lower(second) == 'u' && are(next + 1, end, 4, HEXDIGIT)) ? PERCENT : 0;
    case '&':
        return is_reference(next, end) ? HTML : 0;
    case '+':
        return end - at >= 4 && second == 'A' && at[2] >= 'A' && at[2] <= 'H' && (kind[at[3]] & CODED) && at[3] != '_'
                       && at[3] != '-'
                   ? UTF7
                   : 0;
    case '/':
        if (second == '*')
            return SQLSPACE;
        if (second == '/')
            return at > start && at[-1] != ':' && at[-1] != '/' ? PATHNORM : 0;
        if (second == '.')
            return end - at >= 3 && (at[2] == '/' || (at[2] == '.' && end - at >= 4 && at[3] == '/')) ? PATHNORM : 0;
        return 0;
    case '.':
        return second == '.' && end - at >= 3 && at[2] == ';' ? PATHNORM : 0;
    case '-':
        return second == '-' ? SQLSPACE : 0;
    case '#':
        return SQLSPACE;
    case '$':
        if (second == '@' || second == '*' || second == '!' || second == '#' || (kind[second] & DIGIT) || follows(next, end, "ifs"))
            return SHELL;
        if (second == '(')
            return end - at >= 3 && at[2] == ')' ? SHELL : 0;
        return second == '{' && (follows(next + 1, end, "ifs") || (end - at >= 3 && has(at[2], "@*!"))) ? SHELL : 0;
    case '{':
        return (kind[second] & LETTER) || second == '/' || second == '.' ? SHELL : 0;
    case 'e':
        return second == 'y' && end - at >= 3 && at[2] == 'J' ? BASE64 : 0;
    case 'b':
    case 'B':
        return follows(next, end, "ase64,") || follows(next, end, "asic ") ? BASE64 : 0;
    case '\\':
        steps = JS | PATHNORM | (is_css(next, end) ? CSS : 0);
        break;
    case '\'':
    case '"':
        steps = is_joined(next, end) ? CONCAT : 0;
        break;
    default:
        break;
    }
    if ((kind[c] & QUOTE) && at > start && (kind[at[-1]] & COMMAND)) {
        const uint8_t *behind = next < end && (kind[second] & QUOTE) ? next + 1 : next;
        if (behind < end && ((kind[*behind] & COMMAND) || *behind == '$'))
            steps |= SHELL;
    }
    return steps;
}

static int append(PyObject *list, int bit, Py_ssize_t offset)
{
    PyObject *spot = pair_of(PyLong_FromLong(bit), PyLong_FromSsize_t(offset));
    if (spot == NULL)
        return -1;
    int failed = PyList_Append(list, spot);
    Py_DECREF(spot);
    return failed;
}

/* "ey", "ba": most letters are of words. */
static int begins_coded(const uint8_t *at, const uint8_t *end)
{
    return end - at > 1 && (at[1] == 'y' || lower(at[1]) == 'a');
}

/* All steps; with a list, also where: at most one spot of a kind between two marks. */
static int look(const uint8_t *start, Py_ssize_t size, PyObject *list)
{
    const uint8_t *end = start + size;
    int all = 0, known = 0;
    int fresh = opening(start, end, 0);
    for (const uint8_t *at = start; at < end; at++) {
        if (kind[*at] & TELLING) {
            if (*at == MARK)
                known = 0;
            else if ((may[*at] & ~known) && (!(kind[*at] & LETTER) || begins_coded(at, end)))
                fresh |= hinted(start, at, end);
        }
        fresh &= ~known;
        if (fresh) {
            known |= fresh;
            all |= fresh;
            if (list != NULL)
                for (int bits = fresh; bits; bits &= bits - 1)
                    if (append(list, bits & -bits, at - start + 1) < 0)
                        return -1;
            fresh = 0;
        }
        if (*at == MARK || *at == '\n')
            fresh = opening(at + 1, end, known);
    }
    return all;
}

PyDoc_STRVAR(hints_doc,
             "hints(text) -> tuple[int, list[tuple[int, int]]]\n\n"
             "The steps that may change any of the values, which have marks (0x7f) between them, as the bits of their\n"
             "views; and where: (bit, offset behind a byte of the place), one of each bit in each value at most.");

static PyObject *hints(PyObject *unused, PyObject *text)
{
    if (!PyBytes_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "hints takes bytes");
        return NULL;
    }
    PyObject *list = PyList_New(0);
    if (list == NULL)
        return NULL;
    int steps = look((const uint8_t *)PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), list);
    if (steps < 0) {
        Py_DECREF(list);
        return NULL;
    }
    return Py_BuildValue("(iN)", steps, list);
}

PyDoc_STRVAR(steps_doc, "steps(text) -> int\n\nThe first of what `hints` gives.");

static PyObject *steps(PyObject *unused, PyObject *text)
{
    if (!PyBytes_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "steps takes bytes");
        return NULL;
    }
    return PyLong_FromLong(look((const uint8_t *)PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), NULL));
}

/* -------------------------------------------------------------------------------------------------------- changes */

#include "_search_changes.h"

/* ------------------------------------------------------------------------------------------------------ documents */

enum { SAMPLE = 4096, KINDS = 1024, SHORTEST = 160, STRETCH = 128, VARIED = 24 };

PyDoc_STRVAR(document_doc, "is_document(value) -> bool\n\nAs `is_document` in waf/inspect/confirm/shape.py.");

static PyObject *is_pasted(PyObject *unused, PyObject *value)
{
    if (!PyBytes_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "is_document takes bytes");
        return NULL;
    }
    const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(value);
    Py_ssize_t size = PyBytes_GET_SIZE(value), lines = 0, blanks = 0, pairs = 0, kinds = 0;
    if (size < SHORTEST)
        Py_RETURN_FALSE;
    if (size > SAMPLE)
        size = SAMPLE;
    int half = 0, wrapped = 0; /* half: a blank that belongs to no pair yet */
    for (Py_ssize_t at = 0; at < size && !wrapped;) { /* by stretches, as most need but the first */
        Py_ssize_t first = at, stop = size - at > STRETCH ? at + STRETCH : size;
        uint8_t spaces = 0, ends = 0, beside = first > 0 && text[first - 1] == ' ' && text[first] == ' ';
        for (; at < stop; at++) {
            spaces += text[at] == ' ';
            ends += text[at] == '\n';
        }
        for (at = first + 1; at < stop; at++)
            beside += (text[at] == ' ') & (text[at - 1] == ' ');
        lines += ends;
        blanks += spaces;
        for (at = first; beside > 0 && at < stop; at++) {
            int blank = text[at] == ' ';
            pairs += blank & half;
            half = blank & !half;
        }
        if (beside == 0)
            half = text[stop - 1] == ' ';
        at = stop;
        wrapped = pairs >= 3 || (size >= 300 && blanks >= 50);
    }
    if (!(lines >= 4 && size >= 8 * lines) && !wrapped)
        Py_RETURN_FALSE;
    uint8_t seen[256] = {0};
    for (Py_ssize_t at = 0; at < size && at < KINDS && kinds < VARIED; at++) {
        kinds += !seen[text[at]];
        seen[text[at]] = 1;
    }
    return PyBool_FromLong(kinds >= VARIED);
}

PyDoc_STRVAR(up_to_doc, "ends_up_to(matches, levels, level) -> list[int]\n\n"
                        "Where those matches end of whose pattern the byte in `levels` is no more than `level`.");

static PyObject *ends_up_to(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3 || !PyList_Check(arguments[0]) || !PyBytes_Check(arguments[1]) || !PyLong_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "ends_up_to takes matches, a byte for each pattern, and a number");
        return NULL;
    }
    const uint8_t *levels = (const uint8_t *)PyBytes_AS_STRING(arguments[1]);
    uint64_t patterns = (uint64_t)PyBytes_GET_SIZE(arguments[1]), index, end;
    long level = PyLong_AsLong(arguments[2]);
    if (level == -1 && PyErr_Occurred())
        return NULL;
    PyObject *list = PyList_New(0);
    for (Py_ssize_t i = 0; list != NULL && i < PyList_GET_SIZE(arguments[0]); i++) {
        PyObject *match = PyList_GET_ITEM(arguments[0], i);
        int wrong = !is_pair_of_numbers(match, &index, &end);
        if (!wrong && index >= patterns) {
            PyErr_SetString(PyExc_IndexError, "no pattern has such an index");
            wrong = 1;
        }
        if (wrong || (levels[index] <= level && PyList_Append(list, PyTuple_GET_ITEM(match, 1)) < 0))
            Py_CLEAR(list);
    }
    return list;
}

PyDoc_STRVAR(watched_doc, "watched(text, bits) -> int\n\n"
                          "All bits of the text's bytes together; `bits` has a uint32 for each of 256.");

static PyObject *watched(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyBytes_Check(arguments[0]) || !PyBytes_Check(arguments[1]) ||
        PyBytes_GET_SIZE(arguments[1]) != 256 * (Py_ssize_t)sizeof(uint32_t)) {
        PyErr_SetString(PyExc_TypeError, "watched takes a text and 256 numbers");
        return NULL;
    }
    uint32_t of[256], bits = 0;
    memcpy(of, PyBytes_AS_STRING(arguments[1]), sizeof of);
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(arguments[0]), *end = at + PyBytes_GET_SIZE(arguments[0]);
    for (; end - at >= 4; at += 4)
        bits |= of[at[0]] | of[at[1]] | of[at[2]] | of[at[3]];
    for (; at < end; at++)
        bits |= of[*at];
    return PyLong_FromUnsignedLong(bits);
}

static PyMethodDef methods[] = {
    {"ends_up_to", (PyCFunction)(void (*)(void))ends_up_to, METH_FASTCALL, up_to_doc},
    {"watched", (PyCFunction)(void (*)(void))watched, METH_FASTCALL, watched_doc},
    {"is_document", is_pasted, METH_O, document_doc},
    {"gathered", (PyCFunction)(void (*)(void))gathered, METH_FASTCALL, gathered_doc},
    {"differing", (PyCFunction)(void (*)(void))differing, METH_FASTCALL, differing_doc},
    {"firsts", (PyCFunction)(void (*)(void))firsts, METH_FASTCALL, firsts_doc},
    {"placed", (PyCFunction)(void (*)(void))placed, METH_FASTCALL, placed_doc},
    {"ends_of", ends_of, METH_O, ends_of_doc},
    {"steps_of", (PyCFunction)(void (*)(void))steps_of, METH_FASTCALL, steps_of_doc},
    {"hints", hints, METH_O, hints_doc},
    {"joined", joined, METH_O, joined_doc},
    {"parted", (PyCFunction)(void (*)(void))parted, METH_FASTCALL, parted_doc},
    {"ends", (PyCFunction)(void (*)(void))ends, METH_FASTCALL, ends_doc},
    {"steps", steps, METH_O, steps_doc},
    {"pieces", (PyCFunction)(void (*)(void))pieces, METH_FASTCALL, pieces_doc},
    {"stretches", (PyCFunction)(void (*)(void))stretches, METH_FASTCALL, stretches_doc},
    {"unchanged", (PyCFunction)(void (*)(void))unchanged, METH_FASTCALL, unchanged_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "waf._search",
                                    PyDoc_STR("What searches do most often, in C; the reference is Python."), -1,
                                    methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__search(void)
{
    learn();
    PyObject *word = PyUnicode_FromString("waf"); /* whose hash is another one in each process */
    if (word == NULL)
        return NULL;
    secret = (uint64_t)PyObject_Hash(word);
    Py_DECREF(word);
    PyObject *self = PyModule_Create(&module);
    if (self == NULL)
        return NULL;
    PyObject *type = PyType_FromSpec(&found_spec);
    if (type == NULL || PyModule_AddObjectRef(self, "Found", type) < 0) {
        Py_XDECREF(type);
        Py_DECREF(self);
        return NULL;
    }
    Py_DECREF(type);
    return self;
}
