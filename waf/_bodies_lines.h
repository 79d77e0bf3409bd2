/* The fields of plain bodies in one text, each in a line behind its name: for looks at which names matter as values do.
 *
 * The reference is `Lines` in waf/sensitive/lines.py over the fields of waf/inspect; tests hold the two together.
 * Whatever is not of the plain form gives None: names of more than LONGEST bytes or that are no UTF-8, escapes other
 * than those of signs, white space and characters, strings that might be odd JSON themselves. What is more than there may be fields is one
 * field without a name, at the end; of JSON and XML with a mark behind each value, so that the caller may leave out what comes again.
 */

#include "_lines.h"

enum { LONGEST = 256, NAMES = 2048, SLOTS = 4096, MOST_PROBED = 128 };
enum { A_VALUE, A_NAME, THE_REST }; /* what a field is */
enum { A_TEXT, A_NUMBER, A_TRUTH, NOTHING_AT_ALL, AN_OBJECT, A_LIST }; /* of which kind, as in waf/findings.py */

typedef struct {
    uint32_t hash;
    int32_t at, length; /* in `names` */
    int told;           /* the document in which it was given as a field itself; they count from one */
} Name;

/* What one call makes; too large for some stacks. */
typedef struct {
    Buffer text, names, table, rest;
    Buffer *kinds; /* of each field, where they are wanted */
    uint8_t between; /* what stands between values that have no field any more */
    Py_ssize_t fields, most;
    int count, documents;
    int within; /* the name of the string that the document stands in; -1 */
    struct Parts *parts; /* of a form in parts */
    Py_ssize_t most_depth; /* of XML */
    Name known[NAMES + 1]; /* and none */
    int16_t slots[SLOTS]; /* one more than a number in `known`; 0: free */
} Lines;

/* The number of the name that is made of a parent's (-1: none), a joint and a piece; -1 where there is no room for it, it is too
 * long, or meets too many others in the table: names can be made so. */
static int name_of(Lines *lines, int parent, const char *joint, const uint8_t *piece, size_t length)
{
    static const Name none = {HASH, 0, 0, 0};
    const Name *before = parent < 0 ? &none : &lines->known[parent];
    size_t between = before->length ? strlen(joint) : 0, whole = (size_t)before->length + between + length;
    if (whole > LONGEST)
        return -1;
    uint8_t *at = room(&lines->names, whole);
    if (at == NULL)
        return -1;
    memcpy(at, lines->names.data + before->at, (size_t)before->length);
    memcpy(at + before->length, joint, between);
    memcpy(at + before->length + between, piece, length);
    uint32_t hash = hash_on(before->hash, at + before->length, between + length);
    unsigned slot = (hash ^ hash >> 16) % SLOTS;
    for (int probed = 0; lines->slots[slot]; slot = (slot + 1) % SLOTS) {
        if (++probed > MOST_PROBED)
            return -1;
        const Name *name = &lines->known[lines->slots[slot] - 1];
        if (name->hash == hash && (size_t)name->length == whole && memcmp(lines->names.data + name->at, at, whole) == 0)
            return lines->slots[slot] - 1;
    }
    if (lines->count == NAMES)
        return -1;
    lines->known[lines->count] = (Name){hash, (int32_t)lines->names.used, (int32_t)whole, 0};
    lines->names.used += whole;
    lines->slots[slot] = (int16_t)(lines->count + 1);
    return lines->count++;
}

/* A value for which there is no field any more. 0 where there is no memory. */
static int remaining(Lines *lines, const uint8_t *value, size_t length)
{
    uint8_t *to = room(&lines->rest, length + 1);
    if (to == NULL)
        return 0;
    memcpy(to, value, length);
    to[length] = lines->between;
    lines->rest.used += length + 1;
    return 1;
}

/* The kind of the field that was put last; 0 where there is no memory. */
static int kind(Lines *lines, int what)
{
    if (lines->kinds == NULL || lines->kinds->used == (size_t)lines->fields)
        return 1;
    uint8_t *to = room(lines->kinds, 1);
    if (to == NULL)
        return 0;
    *to = (uint8_t)what;
    lines->kinds->used++;
    return 1;
}

/* One field. 0 where there is no room for it. */
static int line(Lines *lines, int number, const uint8_t *value, size_t length, int what)
{
    if (lines->fields == lines->most && what != THE_REST)
        return remaining(lines, value, length);
    if (lines->text.used + length > INT32_MAX / 2)
        return 0;
    uint8_t *to = room(&lines->text, 2 + LABEL + length);
    int32_t *entry = (int32_t *)room(&lines->table, 4 * sizeof(int32_t));
    if (to == NULL || entry == NULL)
        return 0;
    const Name *name = &lines->known[number];
    const uint8_t *spoken = lines->names.data + name->at;
    /* A name that is looked at itself says nothing of itself. */
    int own = length == (size_t)name->length && memcmp(value, spoken, length) == 0;
    to = labelled(to, spoken, own ? 0 : (size_t)name->length);
    memcpy(to, value, length);
    size_t start = (size_t)(to - lines->text.data);
    entry[0] = (int32_t)start;
    entry[1] = (int32_t)(start + length);
    entry[2] = name->at;
    entry[3] = name->length << 2 | what;
    lines->text.used = start + length;
    lines->table.used += 4 * sizeof(int32_t);
    lines->fields++;
    return 1;
}

/* How the reference writes a number that is plain (see `number`): as it stands there, for most. NULL where it is not plain; in `*length`
 * how long it is. `*freed` is to be freed. */
static const uint8_t *number_written(const uint8_t *at, const uint8_t *behind, size_t *length, char **freed)
{
    size_t size = (size_t)(behind - at);
    const uint8_t *digits = at + (*at == '-'), *point = memchr(at, '.', size);
    int is_short = behind - digits <= MOST_EXACT, exponent = 0;
    for (const uint8_t *sign = digits; !exponent && sign < behind; sign++)
        exponent = (*sign | 0x20) == 'e';
    *length = size;
    if (point == NULL && !exponent) {
        if (behind - digits > MOST_WHOLE)
            return NULL;
        int minus_nought = *at == '-' && *digits == '0';
        *length -= minus_nought;
        return minus_nought ? digits : at;
    }
    if (is_short && !exponent && (behind[-1] != '0' || behind - point == 2) && (*digits != '0' || point[1] != '0'))
        return at;
    char text[MOST_DIGITS + 8];
    memcpy(text, at, size); /* `number` takes no more */
    text[size] = 0;
    double value = PyOS_string_to_double(text, NULL, NULL);
    if (value == -1.0 && PyErr_Occurred())
        return NULL;
    *freed = PyOS_double_to_string(value, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    if (*freed == NULL)
        return NULL;
    *length = strlen(*freed);
    return (const uint8_t *)*freed;
}

/* The string that begins at `*at`, behind its quote; `*at` goes behind it. Decoded into `spare` where it has escapes. NULL where it is
 * not plain. */
static const uint8_t *string_value(const uint8_t **at, const uint8_t *end, Buffer *spare, size_t *length)
{
    const uint8_t *first = *at, *behind = string(first, end);
    if (behind != NULL) {
        *length = (size_t)(behind - 1 - first);
        *at = behind;
        return first;
    }
    spare->used = 0;
    uint8_t *out = room(spare, (size_t)(end - first));
    if (out == NULL)
        return NULL;
    *at = escaped_string(first, end, &out);
    *length = (size_t)(out - spare->data);
    return *at == NULL ? NULL : spare->data;
}

static int json_walk(Lines *lines, const uint8_t *at, const uint8_t *end, Buffer *spare);

/* A string that may be JSON itself. 0 where it is not known whether it is. */
static int string_within(Lines *lines, int place, const uint8_t *value, size_t length)
{
    Buffer inner = {NULL, 0, 0};
    uint8_t *out = room(&inner, length);
    Told told = {.within = 1};
    int known = out != NULL && flatten(value, value + length, MOST_DEPTH, out, &told) >= 0;
    told_free(&told);
    if (known) {
        int outer = lines->within;
        lines->within = name_of(lines, place, "", (const uint8_t *)"{}", 2);
        known = lines->within >= 0 && json_walk(lines, value, value + length, &inner);
        lines->within = outer;
    }
    PyMem_Free(inner.data);
    return known;
}

/* Of one document, or of several one after another. 0 where one is not plain. */
static int json_walk(Lines *lines, const uint8_t *at, const uint8_t *end, Buffer *spare)
{
    lines->between = MARK;
    int names[MOST_DEPTH]; /* of what is open */
    int open[MOST_DEPTH];  /* the same of an object; for a list less than -1: ~ of one more than the name of its elements */
    int depth = 0, place = lines->within, empty = 0, document = ++lines->documents;

    for (;;) {
        at = blanks(at, end);
        if (at == end)
            return 0;
        if (depth > 0 && (*at == '}' || *at == ']')) {
            depth--;
            if (empty && !(line(lines, names[depth], (const uint8_t *)(*at == '}' ? "{}" : "[]"), 2, A_VALUE)
                           && kind(lines, *at == '}' ? AN_OBJECT : A_LIST)))
                return 0;
            empty = 0;
            at++;
            if (depth == 0) {
                if (blanks(at, end) == end)
                    return 1;
                document = ++lines->documents;
                place = -1;
            }
            continue;
        }
        if (depth > 0 && *at == ',') {
            at = blanks(at + 1, end);
            if (at == end)
                return 0;
        }
        if (depth > 0 && open[depth - 1] >= 0) { /* a key */
            if (*at++ != '"')
                return 0;
            const uint8_t *key = at;
            at = string(key, end);
            if (at == NULL)
                return 0;
            size_t length = (size_t)(at - 1 - key);
            if (lines->fields == lines->most) {
                if (!remaining(lines, key, length))
                    return 0;
            }
            else {
                place = name_of(lines, open[depth - 1], ".", key, length);
                if (place < 0)
                    return 0;
                if (lines->known[place].told != document) {
                    lines->known[place].told = document;
                    if (!line(lines, place, key, length, A_NAME) || !kind(lines, A_TEXT))
                        return 0;
                }
            }
            at = blanks(at, end);
            if (at == end || *at++ != ':')
                return 0;
            at = blanks(at, end);
            if (at == end)
                return 0;
        }
        else if (depth > 0)
            place = ~open[depth - 1] - 1;
        empty = 0;
        if (*at == '{' || *at == '[') {
            if (depth == MOST_DEPTH)
                return 0;
            int own = place < 0 ? name_of(lines, -1, "", at, 0) : place; /* the document has no name */
            if (own < 0)
                return 0;
            names[depth] = own;
            if (*at == '{')
                open[depth] = own;
            else {
                int element = lines->fields == lines->most ? own : name_of(lines, own, "", (const uint8_t *)"[]", 2);
                if (element < 0)
                    return 0;
                open[depth] = ~(element + 1);
            }
            depth++;
            at++;
            empty = 1;
            continue;
        }
        if (depth == 0)
            return 0;
        const uint8_t *value = at;
        size_t length;
        char *freed = NULL;
        const int what = *at == '"'                  ? A_TEXT
                         : *at == 't' || *at == 'f' ? A_TRUTH
                         : *at == 'n'                ? NOTHING_AT_ALL
                                                     : A_NUMBER;
        if (*at == '"') {
            at++;
            value = string_value(&at, end, spare, &length);
        }
        else {
            at = *at == 't'   ? literal(at, end, "true", 4)
                 : *at == 'f' ? literal(at, end, "false", 5)
                 : *at == 'n' ? literal(at, end, "null", 4)
                              : number(at, end);
            if (at == NULL)
                return 0;
            length = (size_t)(at - value);
            if (*value == '-' || (*value >= '0' && *value <= '9'))
                value = number_written(value, at, &length, &freed);
        }
        int put = value != NULL && line(lines, place, value, length, A_VALUE) && kind(lines, what);
        PyMem_Free(freed);
        if (put && at[-1] == '"' && lines->within < 0 && may_be_json(value, value + length))
            put = string_within(lines, place, value, length);
        if (!put)
            return 0;
    }
}

/* What was left over, as one field. 0 where there is no room for it. */
static int rest_put(Lines *lines)
{
    if (lines->rest.used == 0)
        return 1;
    int none = lines->count;
    lines->known[none] = (Name){0, 0, 0, 0};
    return line(lines, none, lines->rest.data, lines->rest.used - 1, THE_REST);
}

/* For so many fields; NULL and an exception where there is no memory. */
static Lines *lines_new(Py_ssize_t most)
{
    Lines *lines = PyMem_Malloc(sizeof *lines);
    if (lines == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    memset(lines, 0, offsetof(Lines, known));
    memset(lines->slots, 0, sizeof lines->slots);
    lines->most = most;
    lines->within = -1;
    lines->between = '\n';
    if (room(&lines->names, 1024) != NULL)
        return lines;
    PyMem_Free(lines);
    PyErr_NoMemory();
    return NULL;
}

static void lines_free(Lines *lines)
{
    if (lines == NULL)
        return;
    PyMem_Free(lines->text.data);
    PyMem_Free(lines->names.data);
    PyMem_Free(lines->table.data);
    PyMem_Free(lines->rest.data);
    PyMem_Free(lines);
}

/* None where the body is not plain. */
static PyObject *lines_made(PyObject *body, PyObject *most_fields, int (*walk)(Lines *, const uint8_t *, const uint8_t *, Buffer *),
                            struct Parts *parts, Py_ssize_t most_depth, int with_kinds)
{
    Py_ssize_t most = PyLong_AsSsize_t(most_fields), size = PyBytes_GET_SIZE(body);
    if (most == -1 && PyErr_Occurred())
        return NULL;
    const uint8_t *data = (const uint8_t *)PyBytes_AS_STRING(body);
    Lines *lines = lines_new(most);
    if (lines == NULL)
        return NULL;
    lines->parts = parts;
    lines->most_depth = most_depth;
    Buffer spare = {NULL, 0, 0}, kinds = {NULL, 0, 0};
    if (with_kinds)
        lines->kinds = &kinds;
    PyObject *result = NULL;
    if (size < INT32_MAX / 4 && room(&lines->text, 2 * (size_t)size + 256) != NULL && room(&lines->table, 2048) != NULL
        && walk(lines, data, data + size, &spare) && rest_put(lines) && (!with_kinds || kind(lines, A_TEXT)))
        result = with_kinds ? Py_BuildValue("y#y#y#y#", lines->text.data, (Py_ssize_t)lines->text.used, lines->table.data,
                                            (Py_ssize_t)lines->table.used, lines->names.data, (Py_ssize_t)lines->names.used,
                                            kinds.used ? (char *)kinds.data : "", (Py_ssize_t)kinds.used)
                            : Py_BuildValue("y#y#y#", lines->text.data, (Py_ssize_t)lines->text.used, lines->table.data,
                                            (Py_ssize_t)lines->table.used, lines->names.data, (Py_ssize_t)lines->names.used);
    lines_free(lines);
    PyMem_Free(kinds.data);
    PyMem_Free(spare.data);
    return result == NULL && !PyErr_Occurred() ? Py_NewRef(Py_None) : result;
}

static PyObject *lines_of(PyObject *const *arguments, Py_ssize_t count,
                          int (*walk)(Lines *, const uint8_t *, const uint8_t *, Buffer *))
{
    if (count != 2 || !PyBytes_Check(arguments[0]) || !PyLong_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "takes bytes and a number of fields");
        return NULL;
    }
    return lines_made(arguments[0], arguments[1], walk, NULL, 0, 0);
}

PyDoc_STRVAR(json_lines_doc,
             "json_lines(data, most) -> tuple[bytes, bytes, bytes] | None\n\n"
             "The fields of a plain JSON document (or of several one after another), each in a line behind the end of its name; four int32 for each: where its\n"
             "value begins and ends, where its whole name begins in the names, and four times its length, one more where\n"
             "the field is a key, two more where it is all that is more than `most` fields; and the names. None where it is not plain.");

static PyObject *json_lines(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    return lines_of(arguments, count, json_walk);
}

PyDoc_STRVAR(json_fields_doc,
             "json_fields(data, most) -> tuple[bytes, bytes, bytes, bytes] | None\n\n"
             "What `json_lines` gives, and a byte for each field that tells of which kind it is (waf/findings.py).");

static PyObject *json_fields(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyBytes_Check(arguments[0]) || !PyLong_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "json_fields takes bytes and a number of fields");
        return NULL;
    }
    return lines_made(arguments[0], arguments[1], json_walk, NULL, 0, 1);
}
