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

PyDoc_STRVAR(parted_doc, "parted(text, parts) -> tuple[bytes, list[int]]\n\n"
                         "The parts (start and end of each) as `joined` gives them, and their `ends_of`.");

static PyObject *parted(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyBytes_Check(arguments[0]) || !PyList_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "parted takes a text and a list of parts");
        return NULL;
    }
    const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(arguments[0]);
    Py_ssize_t length = PyBytes_GET_SIZE(arguments[0]), parts = PyList_GET_SIZE(arguments[1]);
    Py_ssize_t size = parts > 1 ? parts - 1 : 0, start, end, place = 0;
    for (Py_ssize_t i = 0; i < parts; i++) {
        if (!is_part(PyList_GET_ITEM(arguments[1], i), length, &start, &end))
            return NULL;
        if (end - start > PY_SSIZE_T_MAX - size)
            return PyErr_NoMemory();
        size += end - start;
    }
    PyObject *made = PyBytes_FromStringAndSize(NULL, size), *ends = made == NULL ? NULL : PyList_New(parts);
    if (ends == NULL)
        goto failed;
    uint8_t *to = (uint8_t *)PyBytes_AS_STRING(made);
    for (Py_ssize_t i = 0; i < parts; i++) {
        if (!is_part(PyList_GET_ITEM(arguments[1], i), length, &start, &end))
            goto failed;
        if (i > 0)
            *to++ = MARK;
        to = put_value(to, text + start, end - start);
        place += end - start + 1;
        PyObject *number = PyLong_FromSsize_t(place);
        if (number == NULL)
            goto failed;
        PyList_SET_ITEM(ends, i, number);
    }
    return pair_of(made, ends);
failed:
    Py_XDECREF(made);
    Py_XDECREF(ends);
    return NULL;
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
