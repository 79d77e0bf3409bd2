/* Several values, or parts of one, in one text; and the ends of values, one behind the other. The references are `join` in
 * waf/inspect/joining.py and `find_ends` in waf/inspect/edges.py.
 */
enum { STAND_IN = 0x01 };

/* Copies a value, with another control where it has the mark itself; gives what is behind it. */
static uint8_t *put_value(uint8_t *to, const uint8_t *value, Py_ssize_t size)
{
    memcpy(to, value, (size_t)size);
    uint8_t *end = to + size, *mark = memchr(to, MARK, (size_t)size);
    for (; mark != NULL && mark < end; mark++)
        if (*mark == MARK)
            *mark = STAND_IN;
    return end;
}

PyDoc_STRVAR(joined_doc, "joined(values) -> bytes\n\n"
                         "All values, bytes each, with a mark (0x7f) behind each but the last; for a mark within one stands 0x01.");

static PyObject *joined(PyObject *unused, PyObject *values)
{
    PyObject *all = PySequence_Fast(values, "joined takes a sequence of bytes");
    if (all == NULL)
        return NULL;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(all), size = count > 1 ? count - 1 : 0;
    PyObject **items = PySequence_Fast_ITEMS(all), *text = NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!PyBytes_Check(items[i])) {
            PyErr_SetString(PyExc_TypeError, "joined takes a sequence of bytes");
            goto done;
        }
        if (PyBytes_GET_SIZE(items[i]) > PY_SSIZE_T_MAX - size) {
            PyErr_NoMemory();
            goto done;
        }
        size += PyBytes_GET_SIZE(items[i]);
    }
    if ((text = PyBytes_FromStringAndSize(NULL, size)) == NULL)
        goto done;
    uint8_t *to = (uint8_t *)PyBytes_AS_STRING(text);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (i > 0)
            *to++ = MARK;
        to = put_value(to, (const uint8_t *)PyBytes_AS_STRING(items[i]), PyBytes_GET_SIZE(items[i]));
    }
done:
    Py_DECREF(all);
    return text;
}

/* Start and end of a part of a text of so many bytes; whether it is one. */
static int is_part(PyObject *item, Py_ssize_t size, Py_ssize_t *start, Py_ssize_t *end)
{
    uint64_t low, high;
    if (!is_pair_of_numbers(item, &low, &high))
        return 0;
    if (low > high || high > (uint64_t)size) {
        PyErr_SetString(PyExc_ValueError, "a part is within its text, and ends behind where it begins");
        return 0;
    }
    *start = (Py_ssize_t)low;
    *end = (Py_ssize_t)high;
    return 1;
}

PyDoc_STRVAR(parted_doc, "parted(texts, parts) -> tuple[bytes, list[int]]\n\n"
                         "The parts of each text (start and end of each) as `joined` gives them, and their `ends_of`.");

/* Calls for each part of each text, in order; `texts` and `parts` are lists of the same length. */
static int each_part(PyObject *texts, PyObject *parts, int (*take)(void *, const uint8_t *, Py_ssize_t), void *with)
{
    if (PyList_GET_SIZE(texts) != PyList_GET_SIZE(parts)) {
        PyErr_SetString(PyExc_ValueError, "each text has its parts");
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(texts); i++) {
        PyObject *text = PyList_GET_ITEM(texts, i), *own = PyList_GET_ITEM(parts, i);
        if (!PyBytes_Check(text) || !PyList_Check(own)) {
            PyErr_SetString(PyExc_TypeError, "parted takes a list of texts, and of lists of parts");
            return -1;
        }
        for (Py_ssize_t j = 0; j < PyList_GET_SIZE(own); j++) {
            Py_ssize_t start, end;
            if (!is_part(PyList_GET_ITEM(own, j), PyBytes_GET_SIZE(text), &start, &end)
                || take(with, (const uint8_t *)PyBytes_AS_STRING(text) + start, end - start) < 0)
                return -1;
        }
    }
    return 0;
}

typedef struct {
    uint8_t *to;
    Py_ssize_t size; /* with a mark behind each */
    PyObject *ends;
} Parts;

static int count_part(void *with, const uint8_t *part, Py_ssize_t size)
{
    Parts *parts = with;
    if (size >= PY_SSIZE_T_MAX - parts->size) {
        PyErr_NoMemory();
        return -1;
    }
    parts->size += size + 1;
    return 0;
}

static int put_part(void *with, const uint8_t *part, Py_ssize_t size)
{
    Parts *parts = with;
    if (parts->size > 0)
        *parts->to++ = MARK;
    parts->to = put_value(parts->to, part, size);
    parts->size += size + 1;
    PyObject *end = PyLong_FromSsize_t(parts->size);
    int failed = end == NULL || PyList_Append(parts->ends, end) < 0;
    Py_XDECREF(end);
    return failed ? -1 : 0;
}

static PyObject *parted(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyList_Check(arguments[0]) || !PyList_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "parted takes a list of texts, and of lists of parts");
        return NULL;
    }
    Parts parts = {NULL, 0, NULL};
    if (each_part(arguments[0], arguments[1], count_part, &parts) < 0)
        return NULL;
    PyObject *made = PyBytes_FromStringAndSize(NULL, parts.size > 0 ? parts.size - 1 : 0);
    if (made == NULL || (parts.ends = PyList_New(0)) == NULL) {
        Py_XDECREF(made);
        return NULL;
    }
    parts.to = (uint8_t *)PyBytes_AS_STRING(made);
    parts.size = 0;
    if (each_part(arguments[0], arguments[1], put_part, &parts) < 0) {
        Py_DECREF(made);
        Py_DECREF(parts.ends);
        return NULL;
    }
    return pair_of(made, parts.ends);
}

enum { BLANK_UP_TO = 32 };

/* Where a value begins and ends but for blanks beyond so many. */
static void trim(const uint8_t *text, Py_ssize_t kept, Py_ssize_t *start, Py_ssize_t *stop)
{
    Py_ssize_t low = *start, high = *stop;
    while (low < high && text[low] <= BLANK_UP_TO)
        low++;
    if (low == high) {
        if (high - *start > 2 * kept)
            *stop = *start + 2 * kept;
        return;
    }
    while (text[high - 1] <= BLANK_UP_TO)
        high--;
    if (low - *start > kept)
        *start = low - kept;
    if (*stop - high > kept)
        *stop = high + kept;
}

typedef struct {
    const uint8_t *text;
    uint8_t *made;
    Py_ssize_t size;
    PyObject *behind, *further;
} EndPieces;

static int take_end(EndPieces *taken, Py_ssize_t start, Py_ssize_t end)
{
    memcpy(taken->made + taken->size, taken->text + start, (size_t)(end - start));
    PyObject *further = PyLong_FromSsize_t(start - taken->size);
    taken->size += end - start;
    PyObject *behind = PyLong_FromSsize_t(taken->size);
    int failed = further == NULL || behind == NULL || PyList_Append(taken->further, further) < 0
                 || PyList_Append(taken->behind, behind) < 0;
    Py_XDECREF(further);
    Py_XDECREF(behind);
    return failed ? -1 : 0;
}

PyDoc_STRVAR(ends_doc, "ends(text, window, kept, most) -> tuple[bytes, list[int], list[int]] | None\n\n"
                       "As `find_ends` in waf/inspect/edges.py; None where the text has more than `most` marks.");

static PyObject *ends(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    Py_ssize_t numbers[3];
    if (count != 4 || !PyBytes_Check(arguments[0])) {
        PyErr_SetString(PyExc_TypeError, "ends takes a text and three numbers");
        return NULL;
    }
    for (int i = 0; i < 3; i++) {
        numbers[i] = PyLong_AsSsize_t(arguments[i + 1]);
        if (numbers[i] == -1 && PyErr_Occurred())
            return NULL;
        if (numbers[i] < 1 || numbers[i] > INT32_MAX) {
            PyErr_SetString(PyExc_ValueError, "the numbers are one at least, and no more than a text may have");
            return NULL;
        }
    }
    Py_ssize_t window = numbers[0], kept = numbers[1], marks = 0, size = PyBytes_GET_SIZE(arguments[0]);
    if (size < 1) {
        PyErr_SetString(PyExc_ValueError, "a text with a mark before and behind each value has one");
        return NULL;
    }
    const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(arguments[0]), *end = text + size;
    for (const uint8_t *at = text; at < end && (at = memchr(at, MARK, (size_t)(end - at))) != NULL; at++)
        if (++marks > numbers[2])
            Py_RETURN_NONE;
    PyObject *made = PyBytes_FromStringAndSize(NULL, size), *told = NULL;
    EndPieces taken = {text, NULL, 0, PyList_New(0), PyList_New(0)};
    if (made == NULL || taken.behind == NULL || taken.further == NULL)
        goto done;
    taken.made = (uint8_t *)PyBytes_AS_STRING(made);
    Py_ssize_t mark = 0;
    const uint8_t *next;
    while (mark + 1 < size && (next = memchr(text + mark + 1, MARK, (size_t)(size - mark - 1))) != NULL) {
        Py_ssize_t start = mark + 1, stop = next - text, following = stop;
        trim(text, kept, &start, &stop);
        int failed = take_end(&taken, mark, mark + 1);
        if (!failed && stop - start <= 2 * window)
            failed = take_end(&taken, start, stop);
        else if (!failed)
            failed = take_end(&taken, start, start + window) < 0 || take_end(&taken, stop - window, stop) < 0;
        if (failed)
            goto done;
        mark = following;
    }
    if (take_end(&taken, mark, mark + 1) < 0 || _PyBytes_Resize(&made, taken.size) < 0)
        goto done;
    told = PyTuple_Pack(3, made, taken.behind, taken.further);
done:
    Py_XDECREF(made);
    Py_XDECREF(taken.behind);
    Py_XDECREF(taken.further);
    return told;
}
