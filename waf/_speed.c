/* The plain case of HTTP heads, at the speed of C.
 *
 * Every function here does what a function of waf/http1 or waf/inspect does, for messages of the most ordinary form
 * only, and gives None for everything else: absolute targets, upgrades, Expect, headers that stand twice, odd
 * names, whatever is refused. The caller then asks the Python function, which is the reference: it knows all forms,
 * all refusals and their reasons. So nothing is accepted here that is not accepted there, and tests hold the two
 * together: whatever this gives, the reference gives as well.
 *
 * Names and the repeated lines of browsers are remembered in two-way caches of fixed size that are overwritten, so a
 * peer that sends ever new ones costs time but no memory. Lines are remembered only where `classify` says that they
 * come again and again and are never secret.
 */
#define _GNU_SOURCE /* memmem */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "_prefilter.h"

enum {                 /* what `classify` says of a name; waf/http1/speed.py has the same numbers */
    ONCE = 1,          /* may stand once only */
    JOINED = 2,        /* several lines are made one */
    FROM_TRUSTED = 4,  /* goes on to the app where the peer is trusted */
    FROM_CLIENT = 8,   /* goes on to the app */
    FROM_APP = 16,     /* goes on to the client */
    REPEATING = 32,    /* its whole line may be remembered */
    ODD = 64,          /* for the reference to judge */
    USUAL = 128,       /* nobody has to look at the name itself */
    QUIET = 256,       /* the cookie: read apart from the other headers */
    SPECIAL = 12       /* from this bit on: which of the headers below it is */
};
enum { NOTHING, HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, UPGRADE, EXPECT, SPECIALS };
enum { MOST_LINES = 128, NAMES = 512, LINES = 512, LONGEST_NAME = 64, LONGEST_LINE = 384, METHODS = 48 };

/* Attributes of requests and headers, and the name of a header. */
enum { METHOD_OF, TARGET_OF, PATH_OF, QUERY_OF, MINOR_OF, HEADERS_OF, HOST_OF, FRAMING_OF, LENGTH_OF, KEEP_OF, EXPECTS_OF,
       UPGRADE_OF, LINES_OF, INDEX_OF, COOKIE_OF, PARTS };
static const char *const part_names[COOKIE_OF] = {"method", "target", "path", "query", "minor", "headers", "host", "framing",
                                                  "length", "keep_alive", "expects_continue", "upgrade", "lines", "index"};

static uint8_t token_char[256], value_char[256], path_char[256], query_char[256], hex_value[256];

typedef struct {
    uint64_t hash;
    PyObject *name, *lower;
    uint32_t flags;
} Name;

typedef struct {
    uint64_t hash;
    PyObject *raw, *line;
} Line;

typedef struct {
    Name names[NAMES][2];
    Line lines[LINES][2];
    Name *by_lower[NAMES]; /* where the name was last that has this object for its lower case; or something else is by now */
    PyObject *classify;
} Memory;

typedef struct {
    PyObject_HEAD
    PyObject *request, *response, *headers, *hosts;
    PyObject *none, *length, *chunked, *until_close; /* Framing */
    PyObject *methods[METHODS];
    int method_count;
    PyObject *ok;
    PyObject *names[PARTS];
    Memory from_client, from_app;
} Heads;

/* ---------------------------------------------------------------------------------------------------- memory */

static inline uint64_t hash_of(const char *data, Py_ssize_t size)
{
    uint64_t hash = 0x9E3779B97F4A7C15ull ^ (uint64_t)size;
    while (size >= 8) {
        uint64_t word;
        memcpy(&word, data, 8);
        hash = (hash ^ word) * 0xFF51AFD7ED558CCDull;
        hash ^= hash >> 32;
        data += 8;
        size -= 8;
    }
    uint64_t word = 0;
    memcpy(&word, data, (size_t)size);
    hash = (hash ^ word) * 0xC4CEB9FE1A85EC53ull;
    return hash ^ (hash >> 29);
}

static inline int is_bytes(PyObject *object, const char *data, Py_ssize_t size)
{
    return PyBytes_GET_SIZE(object) == size && memcmp(PyBytes_AS_STRING(object), data, (size_t)size) == 0;
}

static void forget(Memory *memory)
{
    for (int i = 0; i < NAMES; i++)
        for (int way = 0; way < 2; way++) {
            Py_CLEAR(memory->names[i][way].name);
            Py_CLEAR(memory->names[i][way].lower);
        }
    for (int i = 0; i < LINES; i++)
        for (int way = 0; way < 2; way++) {
            Py_CLEAR(memory->lines[i][way].raw);
            Py_CLEAR(memory->lines[i][way].line);
        }
    Py_CLEAR(memory->classify);
}

/* What is known of a name; NULL without an exception where the reference must judge it. */
static Name *name_of(Memory *memory, const char *data, Py_ssize_t size)
{
    if (size > LONGEST_NAME)
        return NULL;
    uint64_t hash = hash_of(data, size);
    Name *pair = memory->names[hash % NAMES];
    for (int way = 0; way < 2; way++)
        if (pair[way].hash == hash && pair[way].name != NULL && is_bytes(pair[way].name, data, size))
            return &pair[way];
    PyObject *name = PyBytes_FromStringAndSize(data, size);
    if (name == NULL)
        return NULL;
    PyObject *known = PyObject_CallOneArg(memory->classify, name); /* (lower, flags); raises what it refuses */
    if (known == NULL) {
        Py_DECREF(name);
        if (PyErr_ExceptionMatches(PyExc_Exception) && !PyErr_ExceptionMatches(PyExc_MemoryError))
            PyErr_Clear();
        return NULL;
    }
    if (!PyTuple_Check(known) || PyTuple_GET_SIZE(known) != 2 || !PyBytes_Check(PyTuple_GET_ITEM(known, 0))) {
        PyErr_SetString(PyExc_TypeError, "classify gives (bytes, int)");
        Py_DECREF(known);
        Py_DECREF(name);
        return NULL;
    }
    long flags = PyLong_AsLong(PyTuple_GET_ITEM(known, 1));
    if (flags == -1 && PyErr_Occurred()) {
        Py_DECREF(known);
        Py_DECREF(name);
        return NULL;
    }
    PyObject *lower = Py_NewRef(PyTuple_GET_ITEM(known, 0));
    Py_DECREF(known);
    Name old = pair[1];
    pair[1] = pair[0];
    pair[0].hash = hash;
    pair[0].name = name;
    pair[0].lower = lower;
    pair[0].flags = (uint32_t)flags;
    Py_XDECREF(old.name);
    Py_XDECREF(old.lower);
    return &pair[0];
}

/* Names are mostly asked for by an object that one of them holds. */
static inline Name **place_of(Memory *memory, const PyObject *lower)
{
    return &memory->by_lower[((uintptr_t)lower >> 4) % NAMES];
}

/* The same of a name in lower case, which mostly comes from a line that was read before. */
static Name *name_of_line(Memory *memory, PyObject *lower)
{
    Name *name = *place_of(memory, lower);
    if (name != NULL && name->lower == lower)
        return name;
    return name_of(memory, PyBytes_AS_STRING(lower), PyBytes_GET_SIZE(lower));
}

/* (lower, name, value), a new reference. */
static PyObject *make_line(const Name *name, const char *value, Py_ssize_t size)
{
    /* Whatever allocates may collect garbage, and so run code that replaces `name`: it is not looked at after. */
    PyObject *lower = Py_NewRef(name->lower), *wire = Py_NewRef(name->name);
    PyObject *copy = PyBytes_FromStringAndSize(value, size);
    PyObject *line = copy != NULL ? PyTuple_New(3) : NULL;
    if (line == NULL) {
        Py_DECREF(lower);
        Py_DECREF(wire);
        Py_XDECREF(copy);
        return NULL;
    }
    PyTuple_SET_ITEM(line, 0, lower);
    PyTuple_SET_ITEM(line, 1, wire);
    PyTuple_SET_ITEM(line, 2, copy);
    PyObject_GC_UnTrack(line); /* bytes alone: it can be in no cycle */
    return line;
}

static PyObject *remembered_line(Memory *memory, const Name *name, const char *raw, Py_ssize_t raw_size,
                                 const char *value, Py_ssize_t size)
{
    uint64_t hash = hash_of(raw, raw_size);
    Line *pair = memory->lines[hash % LINES];
    for (int way = 0; way < 2; way++)
        if (pair[way].hash == hash && pair[way].raw != NULL && is_bytes(pair[way].raw, raw, raw_size))
            return Py_NewRef(pair[way].line);
    PyObject *line = make_line(name, value, size);
    if (line == NULL)
        return NULL;
    PyObject *copy = PyBytes_FromStringAndSize(raw, raw_size);
    if (copy == NULL) {
        Py_DECREF(line);
        return NULL;
    }
    Line old = pair[1];
    pair[1] = pair[0];
    pair[0].hash = hash;
    pair[0].raw = copy;
    pair[0].line = Py_NewRef(line);
    Py_XDECREF(old.raw);
    Py_XDECREF(old.line);
    return line;
}

/* --------------------------------------------------------------------------------------------------- parsing */

typedef struct {
    PyObject *headers;            /* new reference */
    PyObject *special[SPECIALS]; /* values, borrowed from headers */
} Fields;

/* Behind the bytes that a value may have. The text goes on to `end`, with a byte behind it that is in no value. */
static inline const char *over_value(const char *at, const char *end)
{
#ifdef __SSE2__
    for (; end - at >= 16; at += 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        const __m128i visible = _mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8(' ')), bytes);
        const __m128i good = _mm_or_si128(visible, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')));
        const int found = _mm_movemask_epi8(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)), good)) ^ 0xffff;
        if (found)
            return at + __builtin_ctz((unsigned)found);
    }
#endif
    while (value_char[(uint8_t)*at])
        at++;
    return at;
}

/* A dict for so many entries, which need not grow. */
static PyObject *new_index(Py_ssize_t count)
{
#if PY_VERSION_HEX < 0x030d0000
    return _PyDict_NewPresized(count);
#else
    (void)count;
    return PyDict_New();
#endif
}

/* Whether a name comes again that must stand once, or whose lines would have to be made one. */
static int stands_twice(PyObject *const *lines, const uint32_t *flags, Py_ssize_t count)
{
    for (Py_ssize_t i = 1; i < count; i++) {
        PyObject *lower = PyTuple_GET_ITEM(lines[i], 0);
        for (Py_ssize_t before = 0; flags[i] & (ONCE | JOINED) && before < i; before++) {
            PyObject *other = PyTuple_GET_ITEM(lines[before], 0);
            if (other == lower || is_bytes(other, PyBytes_AS_STRING(lower), PyBytes_GET_SIZE(lower)))
                return 1;
        }
    }
    return 0;
}

/* Field lines from `at` through the blank line that must end at `end`.
 * 1: read, 0: for the reference, -1: an exception. */
static int read_fields(Heads *self, Memory *memory, const char *at, const char *end, Py_ssize_t most, Fields *out)
{
    PyObject *lines[MOST_LINES], *index = NULL;
    uint32_t flags[MOST_LINES];
    Py_ssize_t count = 0;
    int result = 0;
    memset(out, 0, sizeof *out);
    if (most > MOST_LINES)
        most = MOST_LINES;
    for (;;) {
        if (end - at < 2)
            goto done;
        if (at[0] == '\r') {
            if (at[1] != '\n' || at + 2 != end)
                goto done;
            break;
        }
        /* The bytes end in NUL, which is in no table, so no loop runs over. */
        const char *raw = at;
        while (token_char[(uint8_t)*at])
            at++;
        Py_ssize_t name_size = at - raw;
        if (name_size == 0 || *at != ':')
            goto done;
        const char *value = ++at;
        at = over_value(at, end);
        if (at[0] != '\r' || at[1] != '\n')
            goto done;
        const char *stop = at;
        at += 2;
        if (count >= most)
            goto done;
        while (value < stop && (*value == ' ' || *value == '\t'))
            value++;
        const char *last = stop;
        while (last > value && (last[-1] == ' ' || last[-1] == '\t'))
            last--;
        Name *name = name_of(memory, raw, name_size);
        if (name == NULL) {
            result = PyErr_Occurred() ? -1 : 0;
            goto done;
        }
        flags[count] = name->flags;
        if (name->flags & ODD)
            goto done;
        *place_of(memory, name->lower) = name;
        PyObject *line;
        if (name->flags & REPEATING && stop - raw <= LONGEST_LINE)
            line = remembered_line(memory, name, raw, stop - raw, value, last - value);
        else
            line = make_line(name, value, last - value);
        if (line == NULL) {
            result = -1;
            goto done;
        }
        lines[count++] = line;
    }
    index = new_index(count);
    if (index == NULL) {
        result = -1;
        goto done;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *value = PyTuple_GET_ITEM(lines[i], 2);
        if (PyDict_SetItem(index, PyTuple_GET_ITEM(lines[i], 0), value) < 0) {
            result = -1;
            goto done;
        }
        if (flags[i] >> SPECIAL)
            out->special[(flags[i] >> SPECIAL) % SPECIALS] = value;
    }
    if (PyDict_GET_SIZE(index) != count && stands_twice(lines, flags, count))
        goto done;
    PyObject *tuple = PyTuple_New(count);
    if (tuple == NULL) {
        result = -1;
        goto done;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        PyTuple_SET_ITEM(tuple, i, lines[i]);
    if (count)
        PyObject_GC_UnTrack(tuple);
    count = 0;
    PyObject *arguments[2] = {tuple, index};
    out->headers = PyObject_Vectorcall(self->headers, arguments, 2, NULL);
    Py_DECREF(tuple);
    result = out->headers != NULL ? 1 : -1;
done:
    for (Py_ssize_t i = 0; i < count; i++)
        Py_DECREF(lines[i]);
    Py_XDECREF(index);
    return result;
}

static int same_word(PyObject *value, const char *word)
{
    Py_ssize_t size = (Py_ssize_t)strlen(word);
    if (PyBytes_GET_SIZE(value) != size)
        return 0;
    const char *data = PyBytes_AS_STRING(value);
    for (Py_ssize_t i = 0; i < size; i++) {
        char c = data[i];
        if (c >= 'A' && c <= 'Z')
            c |= 0x20;
        if (c != word[i])
            return 0;
    }
    return 1;
}

/* Framing and persistence by the headers: 1, or 0 for the reference. `length` is 0 where there is none. */
static int framing_of(const Fields *fields, int minor, int *is_chunked, int *has_length, long long *length, int *keeps)
{
    PyObject *value = fields->special[CONTENT_LENGTH];
    *is_chunked = *has_length = 0;
    *length = 0;
    if (value != NULL) {
        Py_ssize_t size = PyBytes_GET_SIZE(value);
        const char *digits = PyBytes_AS_STRING(value);
        if (size < 1 || size > 15 || (digits[0] == '0' && size > 1))
            return 0;
        for (Py_ssize_t i = 0; i < size; i++) {
            if (digits[i] < '0' || digits[i] > '9')
                return 0;
            *length = *length * 10 + (digits[i] - '0');
        }
        *has_length = 1;
    }
    if (fields->special[TRANSFER_ENCODING] != NULL) {
        if (*has_length || !minor || !same_word(fields->special[TRANSFER_ENCODING], "chunked"))
            return 0;
        *is_chunked = 1;
    }
    value = fields->special[CONNECTION];
    if (value == NULL)
        *keeps = minor;
    else if (same_word(value, "keep-alive"))
        *keeps = 1;
    else if (same_word(value, "close"))
        *keeps = 0;
    else
        return 0;
    return 1;
}

static const char *over_target(const char *at, const uint8_t *table)
{
    for (;;) {
        while (table[(uint8_t)*at])
            at++;
        if (*at != '%')
            return at;
        if (hex_value[(uint8_t)at[1]] > 15 || hex_value[(uint8_t)at[2]] > 15)
            return NULL;
        at += 3;
    }
}

PyDoc_STRVAR(head_size_doc,
             "head_size(data) -> int\n\n"
             "Bytes of the head that the data begin with, its blank line included; 0 where it is not there whole.");

static PyObject *head_size(PyObject *unused, PyObject *data)
{
    if (!PyBytes_Check(data)) {
        PyErr_SetString(PyExc_TypeError, "head_size(bytes)");
        return NULL;
    }
    const char *const first = PyBytes_AS_STRING(data), *const end = first + PyBytes_GET_SIZE(data);
    /* Of the lines' ends nearly all are followed by another line. */
    for (const char *at = first; (at = memchr(at, '\r', (size_t)(end - at))) != NULL; at++)
        if (end - at >= 4 && memcmp(at, "\r\n\r\n", 4) == 0)
            return PyLong_FromSsize_t(at - first + 4);
    return PyLong_FromLong(0);
}

PyDoc_STRVAR(unchunked_doc,
             "unchunked(data, start) -> bytes | None\n\n"
             "The payload of the chunked body that is all of the data from there on; None where it is not whole, or not plain.");

/* The size line at `at`: where the data of its chunk begin, and their size; NULL where it is not there or not plain. */
static const char *chunk_size(const char *at, const char *end, size_t *size)
{
    size_t value = 0;
    int digits = 0;
    for (; at < end && digits < 9; at++, digits++) {
        int digit = *at >= '0' && *at <= '9'   ? *at - '0'
                    : *at >= 'a' && *at <= 'f' ? *at - 'a' + 10
                    : *at >= 'A' && *at <= 'F' ? *at - 'A' + 10
                                               : -1;
        if (digit < 0)
            break;
        value = value << 4 | (size_t)digit;
    }
    if (digits == 0 || digits > 8 || end - at < 2 || at[0] != '\r' || at[1] != '\n')
        return NULL;
    *size = value;
    return at + 2;
}

static PyObject *unchunked(PyObject *unused, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2 || !PyBytes_Check(args[0]) || !PyLong_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "unchunked(bytes, int)");
        return NULL;
    }
    const Py_ssize_t start = PyLong_AsSsize_t(args[1]), length = PyBytes_GET_SIZE(args[0]);
    if (start == -1 && PyErr_Occurred())
        return NULL;
    const char *const end = PyBytes_AS_STRING(args[0]) + length;
    if (start < 0 || length - start < 5 || memcmp(end - 5, "0\r\n\r\n", 5) != 0)
        Py_RETURN_NONE;
    const char *const first = PyBytes_AS_STRING(args[0]) + start, *at = first;
    size_t total = 0, size;
    for (;;) {
        if ((at = chunk_size(at, end, &size)) == NULL || (size_t)(end - at) < 2 || size > (size_t)(end - at) - 2 ||
            at[size] != '\r' || at[size + 1] != '\n')
            Py_RETURN_NONE;
        at += size + 2;
        if (size == 0)
            break;
        total += size;
    }
    if (at != end) /* something follows, and it may be another answer */
        Py_RETURN_NONE;
    PyObject *payload = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)total);
    if (payload == NULL)
        return NULL;
    char *out = PyBytes_AS_STRING(payload);
    for (at = first; (at = chunk_size(at, end, &size)) != NULL && size != 0; at += size + 2, out += size)
        memcpy(out, at, size);
    return payload;
}

PyDoc_STRVAR(cut_doc,
             "cut(data, start, end) -> bytes\n\n"
             "data[start:end], without an object for the slice. Raises ValueError where that is not within the data.");

static PyObject *cut(PyObject *unused, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 3 || !PyBytes_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "cut(bytes, int, int)");
        return NULL;
    }
    const Py_ssize_t start = PyLong_AsSsize_t(args[1]), end = PyLong_AsSsize_t(args[2]);
    if (PyErr_Occurred())
        return NULL;
    if (start < 0 || end < start || end > PyBytes_GET_SIZE(args[0])) {
        PyErr_SetString(PyExc_ValueError, "there is no such part");
        return NULL;
    }
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(args[0]) + start, end - start);
}

PyDoc_STRVAR(request_doc, "request(data, most_bytes, most_headers, most_body) -> Request | None");

static PyObject *heads_request(Heads *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 4 || !PyBytes_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "request(bytes, int, int, int)");
        return NULL;
    }
    const char *data = PyBytes_AS_STRING(args[0]);
    Py_ssize_t size = PyBytes_GET_SIZE(args[0]);
    Py_ssize_t most = PyLong_AsSsize_t(args[1]), most_lines = PyLong_AsSsize_t(args[2]);
    long long most_body = PyLong_AsLongLong(args[3]);
    if (PyErr_Occurred())
        return NULL;
    if (size > most)
        Py_RETURN_NONE;
    const char *at = data;
    while (*at >= 'A' && *at <= 'Z')
        at++;
    PyObject *method = NULL;
    for (int i = 0; i < self->method_count; i++)
        if (is_bytes(self->methods[i], data, at - data)) {
            method = self->methods[i];
            break;
        }
    if (method == NULL || at[0] != ' ' || at[1] != '/' || at[2] == '/')
        Py_RETURN_NONE;
    const char *target = ++at;
    at = over_target(at, path_char);
    if (at == NULL)
        Py_RETURN_NONE;
    const char *path_end = at, *query = NULL;
    if (*at == '?') {
        query = ++at;
        at = over_target(at, query_char);
        if (at == NULL)
            Py_RETURN_NONE;
    }
    const char *target_end = at;
    if (size - (at - data) < 11 || memcmp(at, " HTTP/1.", 8) != 0 || (at[8] != '0' && at[8] != '1') ||
        at[9] != '\r' || at[10] != '\n')
        Py_RETURN_NONE;
    int minor = at[8] - '0';
    Fields fields;
    int read = read_fields(self, &self->from_client, at + 11, data + size, most_lines, &fields);
    if (read <= 0) {
        if (read < 0)
            return NULL;
        Py_RETURN_NONE;
    }
    PyObject *result = NULL, *host = NULL, *path = NULL, *whole = NULL, *rest = NULL, *length = NULL;
    int is_chunked, has_length, keeps;
    long long body;
    if (fields.special[UPGRADE] != NULL || fields.special[EXPECT] != NULL || fields.special[HOST] == NULL ||
        !framing_of(&fields, minor, &is_chunked, &has_length, &body, &keeps) || body > most_body)
        goto other;
    host = PyObject_GetItem(self->hosts, fields.special[HOST]);
    if (host == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_Exception) || PyErr_ExceptionMatches(PyExc_MemoryError))
            goto done;
        PyErr_Clear();
        goto other;
    }
    whole = PyBytes_FromStringAndSize(target, target_end - target);
    if (whole == NULL)
        goto done;
    if (query == NULL) {
        path = Py_NewRef(whole);
        rest = Py_NewRef(Py_None);
    } else {
        path = PyBytes_FromStringAndSize(target, path_end - target);
        rest = PyBytes_FromStringAndSize(query, target_end - query);
    }
    length = PyLong_FromLongLong(body);
    PyObject *number = PyLong_FromLong(minor);
    if (path != NULL && rest != NULL && length != NULL && number != NULL) {
        PyObject *framing = is_chunked ? self->chunked : has_length ? self->length : self->none;
        PyObject *arguments[12] = {method, whole, path, rest, number, fields.headers, host, framing, length,
                                   keeps ? Py_True : Py_False, Py_False, Py_None};
        result = PyObject_Vectorcall(self->request, arguments, 12, NULL);
    }
    Py_XDECREF(number);
    goto done;
other:
    result = Py_NewRef(Py_None);
done:
    Py_XDECREF(host);
    Py_XDECREF(path);
    Py_XDECREF(whole);
    Py_XDECREF(rest);
    Py_XDECREF(length);
    Py_DECREF(fields.headers);
    return result;
}

PyDoc_STRVAR(response_doc, "response(data, most_bytes, most_headers, method) -> Response | None");

static PyObject *heads_response(Heads *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 4 || !PyBytes_Check(args[0]) || !PyBytes_Check(args[3])) {
        PyErr_SetString(PyExc_TypeError, "response(bytes, int, int, bytes)");
        return NULL;
    }
    const char *data = PyBytes_AS_STRING(args[0]);
    Py_ssize_t size = PyBytes_GET_SIZE(args[0]);
    Py_ssize_t most = PyLong_AsSsize_t(args[1]), most_lines = PyLong_AsSsize_t(args[2]);
    if (PyErr_Occurred())
        return NULL;
    if (size > most || size < 16 || memcmp(data, "HTTP/1.", 7) != 0 || (data[7] != '0' && data[7] != '1') ||
        data[8] != ' ')
        Py_RETURN_NONE;
    int minor = data[7] - '0', status = 0;
    for (int i = 9; i < 12; i++) {
        if (data[i] < '0' || data[i] > '9')
            Py_RETURN_NONE;
        status = status * 10 + data[i] - '0';
    }
    if (status < 200 || status > 599)
        Py_RETURN_NONE;
    const char *at = data + 12, *phrase = at;
    if (*at == ' ') {
        phrase = ++at;
        at = over_value(at, data + size);
    }
    if (at[0] != '\r' || at[1] != '\n')
        Py_RETURN_NONE;
    Py_ssize_t phrase_size = at - phrase;
    Fields fields;
    int read = read_fields(self, &self->from_app, at + 2, data + size, most_lines, &fields);
    if (read <= 0) {
        if (read < 0)
            return NULL;
        Py_RETURN_NONE;
    }
    PyObject *result = NULL, *reason = NULL, *code = NULL, *length = NULL, *number = NULL;
    int is_chunked, has_length, keeps;
    long long body;
    if (!framing_of(&fields, minor, &is_chunked, &has_length, &body, &keeps) ||
        (status == 204 && (is_chunked || body))) {
        result = Py_NewRef(Py_None);
        goto done;
    }
    PyObject *framing;
    if (status == 204 || status == 304 || is_bytes(args[3], "HEAD", 4)) {
        framing = self->none;
        body = 0;
    } else if (is_chunked)
        framing = self->chunked;
    else if (has_length)
        framing = self->length;
    else {
        framing = self->until_close;
        keeps = 0;
    }
    if (phrase_size == 2 && memcmp(phrase, "OK", 2) == 0)
        reason = Py_NewRef(self->ok);
    else
        reason = PyBytes_FromStringAndSize(phrase, phrase_size);
    code = PyLong_FromLong(status);
    number = PyLong_FromLong(minor);
    length = PyLong_FromLongLong(body);
    if (reason != NULL && code != NULL && number != NULL && length != NULL) {
        PyObject *arguments[7] = {code, reason, number, fields.headers, framing, length, keeps ? Py_True : Py_False};
        result = PyObject_Vectorcall(self->response, arguments, 7, NULL);
    }
done:
    Py_XDECREF(reason);
    Py_XDECREF(code);
    Py_XDECREF(number);
    Py_XDECREF(length);
    Py_DECREF(fields.headers);
    return result;
}

/* --------------------------------------------------------------------------------------------------- writing */

static inline char *put(char *at, const char *data, Py_ssize_t size)
{
    memcpy(at, data, (size_t)size);
    return at + size;
}

static inline char *put_bytes(char *at, PyObject *bytes)
{
    return put(at, PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes));
}

/* Is it a header line? */
static int is_line(PyObject *line)
{
    return PyTuple_Check(line) && PyTuple_GET_SIZE(line) == 3 && PyBytes_Check(PyTuple_GET_ITEM(line, 0)) &&
           PyBytes_Check(PyTuple_GET_ITEM(line, 1)) && PyBytes_Check(PyTuple_GET_ITEM(line, 2));
}

enum { DIGITS = 20 }; /* of the longest number */

/* How many bytes a part takes: bytes as they are, and numbers in decimal. -1 with an exception. */
static Py_ssize_t part_size(PyObject *part)
{
    if (PyBytes_Check(part))
        return PyBytes_GET_SIZE(part);
    if (!PyLong_Check(part)) {
        PyErr_SetString(PyExc_TypeError, "parts are bytes or int");
        return -1;
    }
    long long number = PyLong_AsLongLong(part);
    if (number < 0) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "numbers are not negative");
        return -1;
    }
    Py_ssize_t digits = 1;
    while (number /= 10)
        digits++;
    return digits;
}

static char *put_part(char *at, PyObject *part)
{
    if (PyBytes_Check(part))
        return put_bytes(at, part);
    char digits[DIGITS], *first = digits + DIGITS;
    unsigned long long number = (unsigned long long)PyLong_AsLongLong(part);
    do
        *--first = (char)('0' + number % 10);
    while (number /= 10);
    return put(at, first, digits + DIGITS - first);
}

PyDoc_STRVAR(write_doc,
             "write(from_app, before, lines, mask, after) -> bytes | None\n\n"
             "The parts of `before`, each header line of which a bit of `mask` is known to be set, and the parts of\n"
             "`after`. Parts are bytes, or numbers, which are written in decimal.");

static PyObject *heads_write(Heads *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 5 || !PyTuple_Check(args[1]) || !PyTuple_Check(args[2]) || !PyTuple_Check(args[4])) {
        PyErr_SetString(PyExc_TypeError, "write(bool, tuple, tuple, int, tuple)");
        return NULL;
    }
    Memory *memory = args[0] == Py_True ? &self->from_app : &self->from_client;
    PyObject *lines = args[2];
    long mask = PyLong_AsLong(args[3]);
    if (mask == -1 && PyErr_Occurred())
        return NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(lines), size = 0;
    if (count > MOST_LINES)
        Py_RETURN_NONE;
    uint8_t keep[MOST_LINES];
    for (int side = 1; side <= 4; side += 3)
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args[side]); i++) {
            Py_ssize_t part = part_size(PyTuple_GET_ITEM(args[side], i));
            if (part < 0)
                return NULL;
            size += part;
        }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *line = PyTuple_GET_ITEM(lines, i);
        if (!is_line(line)) {
            PyErr_SetString(PyExc_TypeError, "lines are (bytes, bytes, bytes)");
            return NULL;
        }
        PyObject *lower = PyTuple_GET_ITEM(line, 0);
        Name *name = name_of_line(memory, lower);
        if (name == NULL) {
            if (PyErr_Occurred())
                return NULL;
            Py_RETURN_NONE;
        }
        keep[i] = (name->flags & (uint32_t)mask) != 0;
        if (keep[i])
            size += PyBytes_GET_SIZE(PyTuple_GET_ITEM(line, 1)) + PyBytes_GET_SIZE(PyTuple_GET_ITEM(line, 2)) + 4;
    }
    PyObject *out = PyBytes_FromStringAndSize(NULL, size);
    if (out == NULL)
        return NULL;
    char *at = PyBytes_AS_STRING(out);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args[1]); i++)
        at = put_part(at, PyTuple_GET_ITEM(args[1], i));
    for (Py_ssize_t i = 0; i < count; i++)
        if (keep[i]) {
            PyObject *line = PyTuple_GET_ITEM(lines, i);
            at = put_bytes(at, PyTuple_GET_ITEM(line, 1));
            at = put(at, ": ", 2);
            at = put_bytes(at, PyTuple_GET_ITEM(line, 2));
            at = put(at, "\r\n", 2);
        }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args[4]); i++)
        at = put_part(at, PyTuple_GET_ITEM(args[4], i));
    return out;
}

/* ------------------------------------------------------------------------------------------------ head's text */

enum { MARK = 0x7f, STAND_IN = 1, SETS = 2048, WAYS = 4, LONGEST_VALUE = 1024, MOST_NEW = 64 };
/* MARK stands between two values and STAND_IN for one within a value, as in waf/inspect/joining.py. */
enum { PROVED_SETS = 256, MOST_ASKED = 64, SHORT_ASKED = 8, MEMBERS = 256 };
/* MOST_ASKED: parameters of a Referer that are taken apart; waf/inspect/fields.py's _MOST, and SHORT_ASKED its _LONG. */

/* Values in which nothing was found, as keyed hashes: nothing of them can be read here, and nobody without the key can
 * make another value pass for one of them. Those that a program proved to be clean have a small table of their own: they
 * are cheap to prove again, and many, and must not drive out what had to be searched. */
typedef struct {
    PyObject_HEAD
    uint64_t key[2];
    uint64_t table[SETS][WAYS];
    uint64_t proved[PROVED_SETS][WAYS];
    struct {
        PyObject *object, *set;
        int held;
    } members[MEMBERS];
} Values;

/* Whether the set holds the object: 1 or 0, -1 with an exception.
 *
 * Lines and names that come again are the same objects each time (`Memory`), so it is remembered which of them a set was seen
 * to hold, and what a set that cannot change does not. What a set forgets, to have room, was clean and still is. */
static int is_member(Values *values, PyObject *set, PyObject *object)
{
    const size_t place = ((uintptr_t)object >> 4 ^ (uintptr_t)object >> 12) % MEMBERS;
    if (values->members[place].object == object && values->members[place].set == set)
        return values->members[place].held;
    const int held = PySet_Contains(set, object);
    if (held < 0 || !(held || PyFrozenSet_CheckExact(set)) || Py_REFCNT(object) < 2)
        return held;
    PyObject *old = values->members[place].object, *old_set = values->members[place].set;
    values->members[place].object = Py_NewRef(object);
    values->members[place].set = Py_NewRef(set);
    values->members[place].held = held;
    Py_XDECREF(old);
    Py_XDECREF(old_set);
    return held;
}

#define ROTATED(x, b) ((x) << (b) | (x) >> (64 - (b)))
#define ROUND(a, b, c, d)                                                                                           \
    (a += b, b = ROTATED(b, 13), b ^= a, a = ROTATED(a, 32), c += d, d = ROTATED(d, 16), d ^= c, a += d,           \
     d = ROTATED(d, 21), d ^= a, c += b, b = ROTATED(b, 17), b ^= c, c = ROTATED(c, 32))

/* SipHash-1-3 (Aumasson and Bernstein, 2012), as CPython hashes bytes; never 0. */
static uint64_t keyed_hash(const uint64_t key[2], const char *data, Py_ssize_t size)
{
    uint64_t a = key[0] ^ 0x736f6d6570736575ull, b = key[1] ^ 0x646f72616e646f6dull;
    uint64_t c = key[0] ^ 0x6c7967656e657261ull, d = key[1] ^ 0x7465646279746573ull;
    uint64_t last = (uint64_t)size << 56, word;
    for (; size >= 8; size -= 8, data += 8) {
        memcpy(&word, data, 8);
        d ^= word;
        ROUND(a, b, c, d);
        a ^= word;
    }
    for (Py_ssize_t i = 0; i < size; i++)
        last |= (uint64_t)(uint8_t)data[i] << (8 * i);
    d ^= last;
    ROUND(a, b, c, d);
    a ^= last;
    c ^= 0xff;
    ROUND(a, b, c, d);
    ROUND(a, b, c, d);
    ROUND(a, b, c, d);
    uint64_t hash = a ^ b ^ c ^ d;
    return hash ? hash : 1;
}

static int is_seen(const Values *values, uint64_t hash)
{
    const uint64_t *set = values->table[hash % SETS];
    return set[0] == hash || set[1] == hash || set[2] == hash || set[3] == hash;
}

static int was_proved(const Values *values, uint64_t hash)
{
    const uint64_t *set = values->proved[hash % PROVED_SETS];
    return set[0] == hash || set[1] == hash || set[2] == hash || set[3] == hash;
}

static void remember_proved(Values *values, uint64_t hash)
{
    uint64_t *set = values->proved[hash % PROVED_SETS];
    memmove(set + 1, set, (WAYS - 1) * sizeof *set);
    set[0] = hash;
}

typedef struct {
    char *start, *at, *before;
    Py_ssize_t written, met; /* values in the text, and values at all */
    Values *values;
    Prefilter filter;
    uint64_t fresh[MOST_NEW]; /* hashes of what is to be remembered if nothing is found in the text */
    int fresh_count;
} Text;

static inline void begin_value(Text *text)
{
    text->before = text->at;
    if (text->written)
        *text->at++ = MARK;
}

static inline int is_proved(const Text *text, const char *value, Py_ssize_t size)
{
    return prefilter_passes(&text->filter, (const uint8_t *)value, size);
}

/* What was written since `begin_value` is one value; one that is known or proved to be clean is taken back, and this
 * gives 1. */
static int end_value(Text *text)
{
    char *value = text->before + (text->written ? 1 : 0);
    Py_ssize_t size = text->at - value;
    text->met++;
    if (size <= LONGEST_VALUE) {
        uint64_t hash = keyed_hash(text->values->key, value, size);
        if (was_proved(text->values, hash) || is_seen(text->values, hash))
            goto clean;
        if (is_proved(text, value, size)) {
            remember_proved(text->values, hash);
            goto clean;
        }
        if (text->fresh_count < MOST_NEW)
            text->fresh[text->fresh_count++] = hash;
    } else if (is_proved(text, value, size))
        goto clean;
    for (char *mark = memchr(value, MARK, (size_t)size); mark != NULL;
         mark = memchr(mark, MARK, (size_t)(text->at - mark)))
        *mark = STAND_IN;
    text->written++;
    return 0;
clean:
    text->at = text->before;
    return 1;
}

/* Percent-decoded once; a "%" without two hex digits stays. */
static void put_decoded(Text *text, const char *data, const char *end, int plus)
{
    char *at = text->at;
    while (data < end) {
        char c = *data++;
        if (c == '%' && end - data >= 2 && hex_value[(uint8_t)data[0]] < 16 && hex_value[(uint8_t)data[1]] < 16) {
            c = (char)(hex_value[(uint8_t)data[0]] << 4 | hex_value[(uint8_t)data[1]]);
            data += 2;
        } else if (c == '+' && plus)
            c = ' ';
        *at++ = c;
    }
    text->at = at;
}

static inline int is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static PyTypeObject ValuesType;

/* What no name holds: then it may be a piece of a value that was sent unencoded (`waf/inspect/torn.py`). */
static int is_torn(const char *name, const char *end)
{
    if (*name == '#')
        return 1;
    for (; name < end; name++)
        if (*name == ' ' || *name == '\'' || *name == '"' || *name == '(' || *name == ')' || *name == ';' || *name == '<')
            return 1;
    return 0;
}

/* What clients name cookies (`torn.cookies`). */
static int is_cookie_name(const char *name, const char *end)
{
    for (; name < end; name++) {
        uint8_t c = (uint8_t)*name, lower = c | 0x20;
        if (!((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c >= 0x80 ||
              (c != '\0' && strchr("!#$%&'*+.^_`|~[]:/@-", c) != NULL)))
            return 0;
    }
    return 1;
}

/* An entity may end here, and then the border behind it is the entity's. */
static int ends_in_entity(const char *value, const char *end)
{
    for (const char *at = end; at > value && end - at < 10; at--) {
        char c = at[-1];
        if (c == '&')
            return at < end;
        if (!((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '#'))
            return 0;
    }
    return 0;
}

PyDoc_STRVAR(text_doc,
             "text(path, query, cookies, lines, known, most, values, program) -> (bytes, bool, bytes) | None\n\n"
             "The values of a head that are not in `values`, nor let pass by `program`, in one text, MARK between them, as\n"
             "the fields of target, cookies and header lines not in `known` have them; whether there is nothing new in\n"
             "`lines` but cookies; and what `values.add` takes when nothing was found in the text.");

/* The query parameters of a Referer that are fields of their own: all but short ones that stand as they are. */
static int put_asked_for(Text *text, const char *url, const char *end)
{
    int clean = 1;
    const char *at = memchr(url, '?', (size_t)(end - url));
    for (int number = 0; at != NULL && number <= MOST_ASKED; number++) {
        const char *stop = ++at < end ? memchr(at, '&', (size_t)(end - at)) : NULL, *next = stop;
        if (stop == NULL || number == MOST_ASKED)
            stop = end;
        const char *equals = memchr(at, '=', (size_t)(stop - at));
        Py_ssize_t size = equals != NULL ? stop - equals - 1 : 0;
        if (size >= SHORT_ASKED || (size > 0 && (memchr(equals, '%', (size_t)(stop - equals)) != NULL ||
                                                 memchr(equals, '+', (size_t)(stop - equals)) != NULL))) {
            begin_value(text);
            put_decoded(text, equals + 1, stop, 1);
            clean &= end_value(text);
        }
        at = next;
    }
    return clean;
}

static PyObject *heads_text(Heads *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 8 || !PyBytes_Check(args[0]) || !(args[1] == Py_None || PyBytes_Check(args[1])) ||
        !(args[2] == Py_None || PyBytes_Check(args[2])) || !PyTuple_Check(args[3]) || !PyAnySet_Check(args[4]) ||
        !Py_IS_TYPE(args[6], &ValuesType)) {
        PyErr_SetString(PyExc_TypeError, "text(bytes, bytes | None, bytes | None, tuple, set, int, Values, bytes | None)");
        return NULL;
    }
    Py_ssize_t most = PyLong_AsSsize_t(args[5]);
    if (most == -1 && PyErr_Occurred())
        return NULL;
    PyObject *lines = args[3];
    Py_ssize_t line_count = PyTuple_GET_SIZE(lines), size = 0;
    if (line_count > MOST_LINES)
        Py_RETURN_NONE;
    uint8_t look[MOST_LINES];
    int clean = 1;
    for (Py_ssize_t i = 0; i < line_count; i++) {
        PyObject *line = PyTuple_GET_ITEM(lines, i);
        if (!is_line(line)) {
            PyErr_SetString(PyExc_TypeError, "lines are (bytes, bytes, bytes)");
            return NULL;
        }
        int known = is_member((Values *)args[6], args[4], line);
        if (known < 0)
            return NULL;
        look[i] = 0;
        if (!known) {
            PyObject *lower = PyTuple_GET_ITEM(line, 0);
            Name *name = name_of_line(&self->from_client, lower);
            if (name == NULL) {
                if (PyErr_Occurred())
                    return NULL;
                Py_RETURN_NONE;
            }
            if (name->flags & QUIET)
                continue;
            look[i] = is_bytes(lower, "referer", 7) ? 3 : name->flags & USUAL ? 1 : 2;
            size += PyBytes_GET_SIZE(PyTuple_GET_ITEM(line, 1)) + 2 * PyBytes_GET_SIZE(PyTuple_GET_ITEM(line, 2)) + 4;
        }
    }
    const char *path = PyBytes_AS_STRING(args[0]);
    const char *path_end = path + PyBytes_GET_SIZE(args[0]);
    size += 2 * (path_end - path) + 4;
    if (args[1] != Py_None)
        size += 2 * PyBytes_GET_SIZE(args[1]) + 4;
    if (args[2] != Py_None)
        size += 2 * PyBytes_GET_SIZE(args[2]) + 4;
    PyObject *out = PyBytes_FromStringAndSize(NULL, size);
    if (out == NULL)
        return NULL;
    Text text;
    text.start = text.at = text.before = PyBytes_AS_STRING(out);
    text.written = text.met = 0;
    text.values = (Values *)args[6];
    text.fresh_count = 0;
    if (prefilter_open(args[7], &text.filter) < 0) {
        Py_DECREF(out);
        return NULL;
    }
    begin_value(&text);
    put_decoded(&text, path, path_end, 0);
    end_value(&text);
    for (const char *at = path; at <= path_end;) {
        const char *stop = memchr(at, '/', (size_t)(path_end - at));
        if (stop == NULL)
            stop = path_end;
        if (stop > at) {
            begin_value(&text);
            put_decoded(&text, at, stop, 0);
            end_value(&text);
        }
        at = stop + 1;
    }
    if (args[1] != Py_None && PyBytes_GET_SIZE(args[1])) {
        const char *query = PyBytes_AS_STRING(args[1]);
        const char *end = query + PyBytes_GET_SIZE(args[1]);
        if (memchr(query, '=', (size_t)(end - query)) == NULL) {
            begin_value(&text);
            put_decoded(&text, query, end, 1);
            end_value(&text);
        } else
            for (const char *at = query; at <= end;) {
                const char *stop = memchr(at, '&', (size_t)(end - at));
                if (stop == NULL)
                    stop = end;
                const char *equals = memchr(at, '=', (size_t)(stop - at));
                const char *name_end = equals == NULL ? stop : equals;
                if (name_end > at) {
                    begin_value(&text);
                    const char *name = text.at;
                    put_decoded(&text, at, name_end, 1);
                    if (is_torn(name, text.at))
                        goto other;
                    end_value(&text);
                } else if (at > query && at < end && *at == '&')
                    goto other;
                if (equals != NULL) {
                    begin_value(&text);
                    put_decoded(&text, equals + 1, stop, 1);
                    end_value(&text);
                }
                at = stop + 1;
            }
    }
    if (text.met > most)
        goto other;
    if (args[2] != Py_None) {
        const char *at = PyBytes_AS_STRING(args[2]);
        const char *end = at + PyBytes_GET_SIZE(args[2]);
        int begun = 0;
        while (at <= end) {
            const char *stop = memchr(at, ';', (size_t)(end - at));
            if (stop == NULL)
                stop = end;
            const char *first = at, *last = stop;
            at = stop + 1;
            while (first < last && is_blank(*first))
                first++;
            while (last > first && is_blank(last[-1]))
                last--;
            const char *equals = memchr(first, '=', (size_t)(last - first));
            if (equals == NULL) {
                if (last > first) {
                    if (begun++)
                        goto other; /* a piece of the one before? */
                    begin_value(&text);
                    text.at = put(text.at, first, last - first);
                    end_value(&text);
                }
                continue;
            }
            const char *name_end = equals, *value = equals + 1;
            while (name_end > first && is_blank(name_end[-1]))
                name_end--;
            while (value < last && is_blank(*value))
                value++;
            begun++;
            if ((last - value > 1 && *value == '"') || *first == '$' || !is_cookie_name(first, name_end) || ends_in_entity(value, last))
                goto other; /* quoted, or of an old standard, or torn */
            begin_value(&text);
            text.at = put(text.at, first, name_end - first);
            end_value(&text);
            begin_value(&text);
            text.at = put(text.at, value, last - value);
            end_value(&text);
        }
    }
    for (Py_ssize_t i = 0; i < line_count; i++)
        if (look[i]) {
            PyObject *line = PyTuple_GET_ITEM(lines, i);
            if (look[i] == 2) {
                begin_value(&text);
                text.at = put_bytes(text.at, PyTuple_GET_ITEM(line, 1));
                clean &= end_value(&text);
            }
            begin_value(&text);
            text.at = put_bytes(text.at, PyTuple_GET_ITEM(line, 2));
            clean &= end_value(&text);
            if (look[i] == 3) {
                const char *url = PyBytes_AS_STRING(PyTuple_GET_ITEM(line, 2));
                clean &= put_asked_for(&text, url, url + PyBytes_GET_SIZE(PyTuple_GET_ITEM(line, 2)));
            }
        }
    if (text.at == text.start)
        Py_SETREF(out, PyBytes_FromStringAndSize(NULL, 0)); /* a constant, and no copy */
    else if (_PyBytes_Resize(&out, text.at - text.start) < 0)
        return NULL;
    PyObject *fresh = PyBytes_FromStringAndSize((const char *)text.fresh, text.fresh_count * (Py_ssize_t)sizeof(uint64_t));
    PyObject *result = fresh != NULL ? PyTuple_Pack(3, out, clean ? Py_True : Py_False, fresh) : NULL;
    Py_XDECREF(fresh);
    Py_DECREF(out);
    return result;
other:
    Py_DECREF(out);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(pairs_doc,
             "pairs(target, lines, quiet, values, program) -> (bytes, bytes) | None\n\n"
             "The target, decoded as its fields are, and, each on a line of its own, \"name=value\" of header lines whose names\n"
             "are not in `quiet`; cookies in which something is percent-encoded follow decoded. Lines that are in `values` are\n"
             "left out; the second text is what `values.add` takes. A text that `program` lets pass is given as an empty one.\n"
             "None where a token is in it (\"eyJ\").");

/* Whether what begins a token stands there, "eyJ"; its last letter is the rarest. */
static int has_token(const char *data, Py_ssize_t size)
{
    for (const char *at = data, *end = data + size; (at = memchr(at, 'J', (size_t)(end - at))) != NULL; at++)
        if (at - data >= 2 && at[-1] == 'y' && at[-2] == 'e')
            return 1;
    return 0;
}

static PyObject *heads_pairs(Heads *self, PyObject *const *args, Py_ssize_t nargs)
{
    Prefilter filter;
    if (nargs != 5 || !PyBytes_Check(args[0]) || !PyTuple_Check(args[1]) || !PyAnySet_Check(args[2]) ||
        !Py_IS_TYPE(args[3], &ValuesType)) {
        PyErr_SetString(PyExc_TypeError, "pairs(bytes, tuple, set, Values, bytes | None)");
        return NULL;
    }
    if (prefilter_open(args[4], &filter) < 0)
        return NULL;
    PyObject *lines = args[1];
    Py_ssize_t count = PyTuple_GET_SIZE(lines), size = PyBytes_GET_SIZE(args[0]) + 1;
    if (count > MOST_LINES)
        Py_RETURN_NONE;
    uint8_t look[MOST_LINES];
    PyObject *cookie = NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *line = PyTuple_GET_ITEM(lines, i);
        if (!is_line(line)) {
            PyErr_SetString(PyExc_TypeError, "lines are (bytes, bytes, bytes)");
            return NULL;
        }
        PyObject *lower = PyTuple_GET_ITEM(line, 0), *value = PyTuple_GET_ITEM(line, 2);
        int quiet = is_member((Values *)args[3], args[2], lower);
        if (quiet < 0)
            return NULL;
        look[i] = 0;
        if (quiet)
            continue;
        Name *name = name_of_line(&self->from_client, lower);
        if (name == NULL) {
            if (PyErr_Occurred())
                return NULL;
            Py_RETURN_NONE;
        }
        if (has_token(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value)))
            Py_RETURN_NONE;
        if (name->flags & QUIET) {
            if (cookie != NULL)
                Py_RETURN_NONE;
            cookie = value;
        }
        look[i] = 1;
        size += (name->flags & QUIET ? 2 : 1) * PyBytes_GET_SIZE(value) + PyBytes_GET_SIZE(lower) + 3;
    }
    PyObject *out = PyBytes_FromStringAndSize(NULL, size);
    if (out == NULL)
        return NULL;
    Text text;
    text.start = text.before = text.at = PyBytes_AS_STRING(out);
    const char *target = PyBytes_AS_STRING(args[0]), *end = target + PyBytes_GET_SIZE(args[0]);
    const char *query = memchr(target, '?', (size_t)(end - target));
    put_decoded(&text, target, query != NULL ? query : end, 0);
    if (query != NULL)
        put_decoded(&text, query, end, 1);
    text.values = (Values *)args[3];
    text.fresh_count = 0;
    for (Py_ssize_t i = 0; i < count; i++)
        if (look[i]) {
            PyObject *line = PyTuple_GET_ITEM(lines, i);
            char *before = text.at;
            *text.at++ = '\n';
            text.at = put_bytes(text.at, PyTuple_GET_ITEM(line, 0));
            *text.at++ = '=';
            text.at = put_bytes(text.at, PyTuple_GET_ITEM(line, 2));
            if (text.at - before <= LONGEST_VALUE) {
                uint64_t hash = keyed_hash(text.values->key, before, text.at - before);
                if (is_seen(text.values, hash))
                    text.at = before;
                else if (text.fresh_count < MOST_NEW)
                    text.fresh[text.fresh_count++] = hash;
            }
        }
    if (cookie != NULL && memchr(PyBytes_AS_STRING(cookie), '%', (size_t)PyBytes_GET_SIZE(cookie)) != NULL) {
        *text.at++ = '\n';
        put_decoded(&text, PyBytes_AS_STRING(cookie), PyBytes_AS_STRING(cookie) + PyBytes_GET_SIZE(cookie), 1);
    }
    const uint8_t *whole = (const uint8_t *)text.start;
    const int structured = query != NULL; /* then it is no ordinary text, and need not be tried as one */
    if (structured && filter.whole.tables != NULL ? prefilter_run(&filter.whole, whole, text.at - text.start) == PF_PASSES
                                                  : prefilter_passes(&filter, whole, text.at - text.start))
        text.at = text.start;
    if (_PyBytes_Resize(&out, text.at - text.start) < 0)
        return NULL;
    PyObject *fresh = PyBytes_FromStringAndSize((const char *)text.fresh, text.fresh_count * (Py_ssize_t)sizeof(uint64_t));
    PyObject *result = fresh != NULL ? PyTuple_Pack(2, out, fresh) : NULL;
    Py_XDECREF(fresh);
    Py_DECREF(out);
    return result;
}

/* Into the memory what `text` or `pairs` gave hashes of. */
static void remember(Values *values, PyObject *hashes)
{
    const char *data = PyBytes_AS_STRING(hashes);
    for (Py_ssize_t i = 0; i + (Py_ssize_t)sizeof(uint64_t) <= PyBytes_GET_SIZE(hashes); i += sizeof(uint64_t)) {
        uint64_t hash;
        memcpy(&hash, data + i, sizeof hash);
        if (is_seen(values, hash))
            continue;
        uint64_t *set = values->table[hash % SETS];
        memmove(set + 1, set, (WAYS - 1) * sizeof(uint64_t));
        set[0] = hash;
    }
}

enum { RULES_CLEAR = 1, DATA_CLEAR = 2 }; /* waf/policy/screens.py has the same */

PyDoc_STRVAR(clear_doc,
             "clear(known, most, methods, values, program, quiet, lines, lines_program, request) -> int\n\n"
             "RULES_CLEAR is set where `text` with the first of these gives nothing that would have to be looked at, nor is\n"
             "there anything else to be noticed in the head: the method is one of `methods`, there is no GraphQL in the\n"
             "query and no \"$\" in the cookies. DATA_CLEAR: neither does `pairs` with `quiet`, `lines` as Values and\n"
             "`lines_program`.");

/* The attribute of a message, a new reference. */
static PyObject *part_of(PyObject *message, PyObject *name)
{
    return PyObject_GetAttr(message, name);
}

static PyObject *heads_clear(Heads *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 9 || !PyAnySet_Check(args[2]) || !Py_IS_TYPE(args[3], &ValuesType) || !Py_IS_TYPE(args[6], &ValuesType)) {
        PyErr_SetString(PyExc_TypeError, "clear(set, int, set, Values, bytes | None, set, Values, bytes | None, Request)");
        return NULL;
    }
    PyObject *request = args[8], *answer = NULL, *found = NULL;
    long clear = 0;
    PyObject *method = part_of(request, self->names[METHOD_OF]), *path = part_of(request, self->names[PATH_OF]);
    PyObject *query = part_of(request, self->names[QUERY_OF]), *target = part_of(request, self->names[TARGET_OF]);
    PyObject *headers = part_of(request, self->names[HEADERS_OF]), *lines = NULL, *index = NULL, *cookie = NULL;
    if (method == NULL || path == NULL || query == NULL || target == NULL || headers == NULL)
        goto done;
    lines = part_of(headers, self->names[LINES_OF]);
    index = part_of(headers, self->names[INDEX_OF]);
    if (lines == NULL || index == NULL || !PyDict_Check(index))
        goto done;
    cookie = PyDict_GetItemWithError(index, self->names[COOKIE_OF]);
    if (cookie == NULL && PyErr_Occurred())
        goto done;
    cookie = Py_NewRef(cookie != NULL ? cookie : Py_None);
    int known = PySet_Contains(args[2], method);
    if (known < 0)
        goto done;
    if (known && !(PyBytes_Check(query) && memmem(PyBytes_AS_STRING(query), (size_t)PyBytes_GET_SIZE(query), "query=", 6)) &&
        !(PyBytes_Check(cookie) && memchr(PyBytes_AS_STRING(cookie), '$', (size_t)PyBytes_GET_SIZE(cookie)))) {
        PyObject *asked[8] = {path, query, cookie, lines, args[0], args[1], args[3], args[4]};
        found = heads_text(self, asked, 8);
        if (found == NULL)
            goto done;
        if (found != Py_None && !PyBytes_GET_SIZE(PyTuple_GET_ITEM(found, 0)) && PyTuple_GET_ITEM(found, 1) == Py_True) {
            clear |= RULES_CLEAR;
            remember((Values *)args[3], PyTuple_GET_ITEM(found, 2));
        }
        Py_CLEAR(found);
    }
    PyObject *asked[5] = {target, lines, args[5], args[6], args[7]};
    found = heads_pairs(self, asked, 5);
    if (found == NULL)
        goto done;
    if (found != Py_None && !PyBytes_GET_SIZE(PyTuple_GET_ITEM(found, 0))) {
        clear |= DATA_CLEAR;
        remember((Values *)args[6], PyTuple_GET_ITEM(found, 1));
    }
    answer = PyLong_FromLong(clear);
done:
    Py_XDECREF(method);
    Py_XDECREF(path);
    Py_XDECREF(query);
    Py_XDECREF(target);
    Py_XDECREF(headers);
    Py_XDECREF(lines);
    Py_XDECREF(index);
    Py_XDECREF(cookie);
    Py_XDECREF(found);
    if (answer == NULL && !PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "no request");
    return answer;
}

PyDoc_STRVAR(with_value_doc,
             "with_value(lines, name, value) -> tuple[HeaderLine, ...]\n\n"
             "The same lines with another value in each of that name (in lower case).");

static PyObject *with_value(PyObject *unused, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 3 || !PyTuple_Check(args[0]) || !PyBytes_Check(args[1]) || !PyBytes_Check(args[2])) {
        PyErr_SetString(PyExc_TypeError, "with_value(tuple, bytes, bytes)");
        return NULL;
    }
    PyObject *lines = args[0];
    const Py_ssize_t count = PyTuple_GET_SIZE(lines);
    PyObject *changed = PyTuple_New(count);
    if (changed == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *line = PyTuple_GET_ITEM(lines, i);
        if (!is_line(line)) {
            PyErr_SetString(PyExc_TypeError, "lines are (bytes, bytes, bytes)");
            Py_DECREF(changed);
            return NULL;
        }
        PyObject *lower = PyTuple_GET_ITEM(line, 0);
        if (is_bytes(lower, PyBytes_AS_STRING(args[1]), PyBytes_GET_SIZE(args[1])))
            line = PyTuple_Pack(3, lower, PyTuple_GET_ITEM(line, 1), args[2]);
        else
            Py_INCREF(line);
        if (line == NULL) {
            Py_DECREF(changed);
            return NULL;
        }
        PyTuple_SET_ITEM(changed, i, line);
    }
    return changed;
}

PyDoc_STRVAR(plain_answer_doc,
             "plain_answer(leaks, values, quiet, memory, index, body) -> bool\n\n"
             "True: the programs `leaks` and `values` let the body pass, in which nothing stands for something else (all of it is\n"
             "ASCII without backslash and \"&\"), and of the headers in `index` all are `quiet` and none tells of a coding.");

static PyObject *plain_answer(PyObject *unused, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 6 || !PyAnySet_Check(args[2]) || !Py_IS_TYPE(args[3], &ValuesType) || !PyDict_Check(args[4]) ||
        !PyBytes_Check(args[5])) {
        PyErr_SetString(PyExc_TypeError, "plain_answer(bytes | None, bytes | None, set, Values, dict, bytes)");
        return NULL;
    }
    Prefilter leaks, values;
    if (prefilter_open(args[0], &leaks) < 0 || prefilter_open(args[1], &values) < 0)
        return NULL;
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(args[4], &at, &name, &value);) {
        const int quiet = is_member((Values *)args[3], args[2], name);
        if (quiet < 0)
            return NULL;
        if (!quiet || (PyBytes_Check(name) && is_bytes(name, "content-encoding", 16)))
            Py_RETURN_FALSE;
    }
    const uint8_t *body = (const uint8_t *)PyBytes_AS_STRING(args[5]);
    const Py_ssize_t size = PyBytes_GET_SIZE(args[5]);
    int odd = 0;
    for (Py_ssize_t i = 0; i < size; i++)
        odd |= (body[i] >= 0x80) | (body[i] == '\\') | (body[i] == '&');
    return PyBool_FromLong(!odd && prefilter_passes(&leaks, body, size) && prefilter_passes(&values, body, size));
}

/* ------------------------------------------------------------------------------------------------- known values */

PyDoc_STRVAR(add_doc, "add(hashes): nothing was found in the values that `Heads.text` gave these for.");

static PyObject *values_add(Values *self, PyObject *hashes)
{
    if (!PyBytes_Check(hashes) || PyBytes_GET_SIZE(hashes) % sizeof(uint64_t)) {
        PyErr_SetString(PyExc_TypeError, "add(bytes), as `Heads.text` made them");
        return NULL;
    }
    remember(self, hashes);
    Py_RETURN_NONE;
}

static int values_init(Values *self, PyObject *args, PyObject *kwargs)
{
    const char *key;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "y#", &key, &size))
        return -1;
    if (size != 16) {
        PyErr_SetString(PyExc_ValueError, "a key has 16 bytes");
        return -1;
    }
    memcpy(self->key, key, 16);
    memset(self->table, 0, sizeof self->table);
    return 0;
}

static void values_dealloc(Values *self)
{
    for (int i = 0; i < MEMBERS; i++) {
        Py_CLEAR(self->members[i].object);
        Py_CLEAR(self->members[i].set);
    }
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef values_methods[] = {
    {"add", (PyCFunction)values_add, METH_O, add_doc},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject ValuesType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "waf._speed.Values",
    .tp_doc = PyDoc_STR("Values(key): a bounded memory of values in which nothing was found, as keyed hashes."),
    .tp_basicsize = sizeof(Values),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)values_init,
    .tp_dealloc = (destructor)values_dealloc,
    .tp_methods = values_methods,
};

/* ------------------------------------------------------------------------------------------------------ type */

static void heads_dealloc(Heads *self)
{
    Py_XDECREF(self->request);
    Py_XDECREF(self->response);
    Py_XDECREF(self->headers);
    Py_XDECREF(self->hosts);
    Py_XDECREF(self->none);
    Py_XDECREF(self->length);
    Py_XDECREF(self->chunked);
    Py_XDECREF(self->until_close);
    for (int i = 0; i < self->method_count; i++)
        Py_DECREF(self->methods[i]);
    Py_XDECREF(self->ok);
    for (int i = 0; i < PARTS; i++)
        Py_XDECREF(self->names[i]);
    forget(&self->from_client);
    forget(&self->from_app);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static int heads_init(Heads *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"request", "response", "headers", "framings", "hosts", "methods", "client_name",
                            "app_name", NULL};
    PyObject *request, *response, *headers, *framings, *hosts, *methods, *client_name, *app_name;
    if (self->request != NULL) {
        PyErr_SetString(PyExc_TypeError, "made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOO!OO!OO", names, &request, &response, &headers, &PyTuple_Type,
                                     &framings, &hosts, &PyTuple_Type, &methods, &client_name, &app_name))
        return -1;
    if (PyTuple_GET_SIZE(framings) != 4 || PyTuple_GET_SIZE(methods) > METHODS) {
        PyErr_SetString(PyExc_ValueError, "four framings, and not too many methods");
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(methods); i++)
        if (!PyBytes_Check(PyTuple_GET_ITEM(methods, i))) {
            PyErr_SetString(PyExc_TypeError, "methods are bytes");
            return -1;
        }
    self->request = Py_NewRef(request);
    self->response = Py_NewRef(response);
    self->headers = Py_NewRef(headers);
    self->hosts = Py_NewRef(hosts);
    self->none = Py_NewRef(PyTuple_GET_ITEM(framings, 0));
    self->length = Py_NewRef(PyTuple_GET_ITEM(framings, 1));
    self->chunked = Py_NewRef(PyTuple_GET_ITEM(framings, 2));
    self->until_close = Py_NewRef(PyTuple_GET_ITEM(framings, 3));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(methods); i++)
        self->methods[self->method_count++] = Py_NewRef(PyTuple_GET_ITEM(methods, i));
    self->from_client.classify = Py_NewRef(client_name);
    self->from_app.classify = Py_NewRef(app_name);
    for (int i = 0; i < COOKIE_OF; i++)
        if ((self->names[i] = PyUnicode_InternFromString(part_names[i])) == NULL)
            return -1;
    self->names[COOKIE_OF] = PyBytes_FromString("cookie");
    self->ok = PyBytes_FromString("OK");
    return self->ok == NULL || self->names[COOKIE_OF] == NULL ? -1 : 0;
}

static PyMethodDef heads_methods[] = {
    {"request", (PyCFunction)(void (*)(void))heads_request, METH_FASTCALL, request_doc},
    {"response", (PyCFunction)(void (*)(void))heads_response, METH_FASTCALL, response_doc},
    {"write", (PyCFunction)(void (*)(void))heads_write, METH_FASTCALL, write_doc},
    {"text", (PyCFunction)(void (*)(void))heads_text, METH_FASTCALL, text_doc},
    {"pairs", (PyCFunction)(void (*)(void))heads_pairs, METH_FASTCALL, pairs_doc},
    {"clear", (PyCFunction)(void (*)(void))heads_clear, METH_FASTCALL, clear_doc},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject HeadsType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "waf._speed.Heads",
    .tp_doc = PyDoc_STR("Heads of ordinary messages; see waf/http1/speed.py."),
    .tp_basicsize = sizeof(Heads),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)heads_init,
    .tp_dealloc = (destructor)heads_dealloc,
    .tp_methods = heads_methods,
};

static void fill_tables(void)
{
    static const char token[] = "!#$%&'*+-.^_`|~", path[] = "-._~!$&'()*+,;=:@/", query[] = "-._~!$&'()*+,;=:@/?[]{}|^`";
    for (int c = 0; c < 256; c++) {
        int alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        token_char[c] = alnum || (c && c < 128 && strchr(token, c) != NULL);
        path_char[c] = alnum || (c && c < 128 && strchr(path, c) != NULL);
        query_char[c] = alnum || (c && c < 128 && strchr(query, c) != NULL);
        value_char[c] = c == '\t' || (c >= 0x20 && c <= 0x7e) || c >= 0x80;
        hex_value[c] = c >= '0' && c <= '9'   ? (uint8_t)(c - '0')
                       : c >= 'a' && c <= 'f' ? (uint8_t)(c - 'a' + 10)
                       : c >= 'A' && c <= 'F' ? (uint8_t)(c - 'A' + 10)
                                              : 255;
    }
}

PyDoc_STRVAR(stirs_doc, "stirs(fd) -> bool\n\nWhether there is something to be read, or the peer is gone; asks the kernel and never waits.");

static PyObject *stirs(PyObject *unused, PyObject *number)
{
    long fd = PyLong_AsLong(number);
    if (fd == -1 && PyErr_Occurred())
        return NULL;
    struct pollfd one = {(int)fd, POLLIN, 0};
    return PyBool_FromLong(poll(&one, 1, 0) != 0); /* an error counts as well: such a socket is of no use */
}

PyDoc_STRVAR(find_doc, "find(data, wanted) -> int\n\nWhat data.find(wanted) gives.");

/* Each piece of an upload is looked through for the same boundary by who splits it for rules and by who does for sensitive
 * data. The answer about the last long piece is kept for the second of them, with the piece: no other bytes can be taken for it. */
enum { FOUND_AGAIN = 64 * 1024 };

static PyObject *find(PyObject *unused, PyObject *const *args, Py_ssize_t nargs)
{
    static PyObject *last, *sought;
    static Py_ssize_t place;
    (void)unused;
    if (nargs != 2 || !PyBytes_Check(args[0]) || !PyBytes_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "find(bytes, bytes)");
        return NULL;
    }
    PyObject *text = args[0], *wanted = args[1];
    const char *data = PyBytes_AS_STRING(text);
    Py_ssize_t size = PyBytes_GET_SIZE(text), length = PyBytes_GET_SIZE(wanted);
    if (text == last && PyBytes_GET_SIZE(sought) == length &&
        memcmp(PyBytes_AS_STRING(sought), PyBytes_AS_STRING(wanted), (size_t)length) == 0) {
        Py_CLEAR(last); /* its caller has it still */
        Py_CLEAR(sought);
        return PyLong_FromSsize_t(place);
    }
    const char *found = memmem(data, (size_t)size, PyBytes_AS_STRING(wanted), (size_t)length);
    Py_ssize_t at = found == NULL ? -1 : found - data;
    int keep = size >= FOUND_AGAIN && PyBytes_CheckExact(text) && PyBytes_CheckExact(wanted);
    PyObject *gone = last, *done = sought; /* dropped last: to free them may run nothing, but need not be trusted to */
    last = keep ? Py_NewRef(text) : NULL;
    sought = keep ? Py_NewRef(wanted) : NULL;
    place = at;
    Py_XDECREF(gone);
    Py_XDECREF(done);
    return PyLong_FromSsize_t(at);
}

PyDoc_STRVAR(sift_doc,
             "sift(program, text) -> bytes\n\n"
             "Of the values in a text that stand between marks (0x7f) those that the program does not let pass.");

static PyObject *sift(PyObject *unused, PyObject *const *args, Py_ssize_t nargs)
{
    (void)unused;
    if (nargs != 2 || !PyBytes_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "sift(bytes | None, bytes)");
        return NULL;
    }
    Prefilter filter;
    if (prefilter_open(args[0], &filter) < 0)
        return NULL;
    Py_ssize_t size = PyBytes_GET_SIZE(args[1]);
    PyObject *left = PyBytes_FromStringAndSize(NULL, size);
    if (left == NULL)
        return NULL;
    size = prefilter_sift(&filter, (const uint8_t *)PyBytes_AS_STRING(args[1]), size, (uint8_t *)PyBytes_AS_STRING(left));
    if (_PyBytes_Resize(&left, size) < 0)
        return NULL;
    return left;
}

PyDoc_STRVAR(passes_doc,
             "passes(program, text) -> bool\n\nTrue: no expression of the program matches anywhere in the text.");

static PyObject *passes(PyObject *unused, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2 || !PyBytes_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "passes(bytes | None, bytes)");
        return NULL;
    }
    Prefilter filter;
    if (prefilter_open(args[0], &filter) < 0)
        return NULL;
    return PyBool_FromLong(
        prefilter_passes(&filter, (const uint8_t *)PyBytes_AS_STRING(args[1]), PyBytes_GET_SIZE(args[1])));
}

static PyMethodDef module_methods[] = {
    {"find", (PyCFunction)(void (*)(void))find, METH_FASTCALL, find_doc},
    {"sift", (PyCFunction)(void (*)(void))sift, METH_FASTCALL, sift_doc},
    {"passes", (PyCFunction)(void (*)(void))passes, METH_FASTCALL, passes_doc},
    {"stirs", stirs, METH_O, stirs_doc},
    {"head_size", head_size, METH_O, head_size_doc},
    {"unchunked", (PyCFunction)(void (*)(void))unchunked, METH_FASTCALL, unchunked_doc},
    {"cut", (PyCFunction)(void (*)(void))cut, METH_FASTCALL, cut_doc},
    {"with_value", (PyCFunction)(void (*)(void))with_value, METH_FASTCALL, with_value_doc},
    {"plain_answer", (PyCFunction)(void (*)(void))plain_answer, METH_FASTCALL, plain_answer_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "waf._speed",
                                    PyDoc_STR("The plain case of heads in C; the reference is Python."), -1,
                                    module_methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__speed(void)
{
    fill_tables();
    if (PyType_Ready(&HeadsType) < 0 || PyType_Ready(&ValuesType) < 0)
        return NULL;
    PyObject *made = PyModule_Create(&module);
    if (made == NULL || PyModule_AddObjectRef(made, "Heads", (PyObject *)&HeadsType) < 0 ||
        PyModule_AddObjectRef(made, "Values", (PyObject *)&ValuesType) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
    return made;
}
