/* Messages of protocol buffers without their schema: the strings in them, each with its path of field numbers. The reference is `_Walk` in
 * waf/inspect/bodies/protobuf_body.py; paths that are deeper than is of use are left to that.
 */

enum { MOST_MESSAGES = 128, NUMBER_DIGITS = 21, MOST_TEXTS = 8 /* within one another that are messages */ };

__extension__ typedef unsigned __int128 Number; /* ten groups of seven bits */

typedef struct {
    PyObject *found;         /* a list of (path, text) */
    Py_ssize_t left;         /* values that may be read */
    Py_ssize_t deepest;
    uint8_t *scratch;        /* as long as the whole message */
    size_t path_length;
    char path[(MOST_MESSAGES + 1) * (NUMBER_DIGITS + 1)];
} Messages;

typedef struct {
    Number number;
    const uint8_t *at; /* of what has a length; else NULL */
    size_t length;
} Wire;

/* A number in groups of seven bits. 0 where there is none. */
static int varint(const uint8_t **at, const uint8_t *end, Number *value)
{
    *value = 0;
    for (int i = 0; i < 10 && *at < end; i++) {
        const uint8_t byte = *(*at)++;
        *value |= (Number)(byte & 0x7f) << (7 * i);
        if (byte < 0x80)
            return 1;
    }
    return 0;
}

/* 1: the next value of a message. 0: it is none. */
static int next_value(const uint8_t **at, const uint8_t *end, Wire *value, Py_ssize_t *left)
{
    Number tag, size;
    const int read = varint(at, end, &tag);
    --*left;
    if (!read || *left < 0 || tag >> 3 == 0)
        return 0;
    *value = (Wire){tag >> 3, NULL, 0};
    const int kind = tag & 7;
    if (kind == 1 || kind == 5) {
        const ptrdiff_t width = kind == 1 ? 8 : 4;
        if (end - *at < width)
            return 0;
        *at += width;
        return 1;
    }
    if (!varint(at, end, &size) || (kind != 0 && kind != 2))
        return 0;
    if (kind == 2) {
        if (size > (Number)(end - *at))
            return 0;
        value->at = *at;
        value->length = (size_t)size;
        *at += size;
    }
    return 1;
}

/* Whether all of it is one message. */
static int is_message(Messages *all, const uint8_t *at, const uint8_t *end)
{
    Wire value;
    while (at < end)
        if (!next_value(&at, end, &value, &all->left))
            return 0;
    return 1;
}

/* `is_text` in waf/inspect/layers.py: what is beyond ASCII counts without what stands between. */
static int is_written(const Messages *all, const uint8_t *at, size_t length)
{
    size_t others = 0;
    for (size_t i = 0; i < length; i++) {
        const uint8_t c = at[i];
        if (c >= 0x80)
            all->scratch[others++] = c;
        else if (c == MARK || (c < ' ' && c != 0 && (c < '\t' || c > '\r')))
            return 0;
    }
    return length > 0 && is_utf8(all->scratch, all->scratch + others);
}

static int found_put(Messages *all, const uint8_t *text, size_t length)
{
    PyObject *one = Py_BuildValue("s#y#", all->path, (Py_ssize_t)all->path_length, text, (Py_ssize_t)length);
    const int put = one != NULL && PyList_Append(all->found, one) == 0;
    Py_XDECREF(one);
    return put;
}

/* What reads as strings between what is binary, as one text. */
static int strings_put(Messages *all, const uint8_t *at, const uint8_t *end)
{
    size_t used = 0;
    while (at < end) {
        const uint8_t *const first = at;
        while (at < end && (*at == '\t' || *at == '\n' || *at == '\r' || (*at >= ' ' && *at <= 0xf4 && *at != MARK)))
            at++;
        if (at - first >= 4) {
            if (used > 0)
                all->scratch[used++] = '\n';
            memcpy(all->scratch + used, first, (size_t)(at - first));
            used += (size_t)(at - first);
        }
        at += at < end;
    }
    return used == 0 || found_put(all, all->scratch, used);
}

/* The digits of a number; gives how many there are. */
static size_t decimal(Number number, char *out)
{
    char digits[NUMBER_DIGITS];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + (int)(number % 10));
    while ((number /= 10) > 0);
    for (size_t i = 0; i < count; i++)
        out[i] = digits[count - 1 - i];
    return count;
}

/* 0 where it goes too deep, or with an exception. */
static int message_walk(Messages *all, const uint8_t *at, const uint8_t *end, Py_ssize_t depth, int texts)
{
    const int message = depth <= all->deepest && is_message(all, at, end);
    if (depth == MOST_MESSAGES)
        return 0;
    if (!message)
        return strings_put(all, at, end);
    const size_t before = all->path_length;
    while (at < end) {
        Wire value;
        Py_ssize_t counted = PY_SSIZE_T_MAX; /* it was paid for above */
        if (!next_value(&at, end, &value, &counted))
            return 0;
        if (value.at == NULL || value.length == 0)
            continue;
        const uint8_t *const inner = value.at, *const inner_end = inner + value.length;
        if (before > 0)
            all->path[all->path_length++] = '.';
        all->path_length += decimal(value.number, all->path + all->path_length);
        const int text = is_written(all, inner, value.length);
        if (text && !found_put(all, inner, value.length))
            return 0;
        /* A message whose tags and lengths are all printable reads as text, too. */
        if ((!text || (texts < MOST_TEXTS && (*inner & 7) == 2 && depth < all->deepest && is_message(all, inner, inner_end)))
            && !message_walk(all, inner, inner_end, depth + 1, texts + text))
            return 0;
        all->path_length = before;
    }
    return 1;
}

PyDoc_STRVAR(protobuf_strings_doc,
             "protobuf_strings(message, deepest, left) -> tuple[list[tuple[str, bytes]], int] | None\n\n"
             "The strings of a message, each behind the path of its field numbers, and how many of the `left` values are left; None where\n"
             "messages are deeper in one another than can be told here.");

static PyObject *protobuf_strings(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3 || !PyBytes_Check(arguments[0]) || !PyLong_Check(arguments[1]) || !PyLong_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "protobuf_strings takes bytes and two numbers");
        return NULL;
    }
    const uint8_t *data = (const uint8_t *)PyBytes_AS_STRING(arguments[0]);
    const Py_ssize_t size = PyBytes_GET_SIZE(arguments[0]);
    Messages all;
    all.deepest = PyLong_AsSsize_t(arguments[1]);
    all.left = PyLong_AsSsize_t(arguments[2]);
    if ((all.deepest == -1 || all.left == -1) && PyErr_Occurred())
        return NULL;
    all.path_length = 0;
    all.found = PyList_New(0);
    all.scratch = PyMem_Malloc((size_t)size + 1);
    PyObject *result = NULL;
    if (all.found == NULL || all.scratch == NULL)
        PyErr_NoMemory();
    else if (message_walk(&all, data, data + size, 0, 0))
        result = Py_BuildValue("On", all.found, all.left);
    else if (!PyErr_Occurred())
        result = Py_NewRef(Py_None);
    PyMem_Free(all.scratch);
    Py_XDECREF(all.found);
    return result;
}
