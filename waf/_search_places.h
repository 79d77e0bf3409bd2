/* Which of several joined texts something stands in: `steps_of` in waf/inspect/hits.py is the reference. */

typedef struct {
    Py_ssize_t texts, number;    /* how many there are; that which was found last */
    const uint64_t *bounds;      /* where each begins, and where the last one ends */
    uint32_t *found;             /* of each its steps, and SEEN */
} Places;

enum { SEEN = 1u << 30 };

PyDoc_STRVAR(ends_of_doc, "ends_of(values: list[bytes]) -> list[int]\n\n"
                          "Where each value ends when all are joined, with the mark that stands behind it.");

static PyObject *ends_of(PyObject *unused, PyObject *values)
{
    if (!PyList_Check(values)) {
        PyErr_SetString(PyExc_TypeError, "values are a list");
        return NULL;
    }
    Py_ssize_t count = PyList_GET_SIZE(values), end = 0;
    PyObject *ends = PyList_New(count);
    for (Py_ssize_t i = 0; ends != NULL && i < count; i++) {
        PyObject *value = PyList_GET_ITEM(values, i), *number = NULL;
        if (!PyBytes_Check(value))
            PyErr_SetString(PyExc_TypeError, "values are bytes");
        else
            number = PyLong_FromSsize_t(end += PyBytes_GET_SIZE(value) + 1);
        if (number == NULL)
            Py_CLEAR(ends);
        else
            PyList_SET_ITEM(ends, i, number);
    }
    return ends;
}

/* Notes that the byte before `offset` hints at `bit`. */
static int note_place(Places *places, PyObject *offset, long bit)
{
    long long end = PyLong_AsLongLong(offset);
    if (end == -1 && PyErr_Occurred())
        return -1;
    if (bit < 0 || bit >= SEEN || end < 0) {
        PyErr_SetString(PyExc_ValueError, "no place in any text, or no step");
        return -1;
    }
    Py_ssize_t last = places->texts - 1, number = places->number;
    if (!(places->bounds[number] < (uint64_t)end && (uint64_t)end <= places->bounds[number + 1])) {
        Py_ssize_t low = 0, high = last; /* the first text that ends at the byte or behind it */
        while (low < high) {
            Py_ssize_t middle = (low + high) / 2;
            if ((uint64_t)end <= places->bounds[middle + 1])
                high = middle;
            else
                low = middle + 1;
        }
        places->number = number = low;
    }
    places->found[number] |= SEEN | (uint32_t)bit;
    return 0;
}

static PyObject *told_places(const Places *places)
{
    PyObject *dict = PyDict_New();
    for (Py_ssize_t i = 0; dict != NULL && i < places->texts; i++) {
        if (!places->found[i])
            continue;
        PyObject *number = PyLong_FromSsize_t(i), *bits = PyLong_FromUnsignedLong(places->found[i] & ~(uint32_t)SEEN);
        if (number == NULL || bits == NULL || PyDict_SetItem(dict, number, bits) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(number);
        Py_XDECREF(bits);
    }
    return dict;
}

PyDoc_STRVAR(steps_of_doc,
             "steps_of(ends, offsets, spots) -> dict[int, int]\n\n"
             "Which texts the bytes before the offsets and spots (bit, offset) stand in, in their order, with the steps of each.\n"
             "Texts are joined by a mark, behind which each ends.");

static PyObject *steps_of(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3 || !PyList_Check(arguments[0])) {
        PyErr_SetString(PyExc_TypeError, "steps_of takes a list of ends, offsets and spots");
        return NULL;
    }
    PyObject *ends = arguments[0], *told = NULL;
    PyObject *offsets = PySequence_Fast(arguments[1], "offsets are a sequence");
    PyObject *spots = offsets == NULL ? NULL : PySequence_Fast(arguments[2], "spots are a sequence");
    Py_ssize_t texts = PyList_GET_SIZE(ends);
    uint64_t *bounds = PyMem_Calloc((size_t)texts + 1, sizeof *bounds);
    Places places = {texts, 0, bounds, PyMem_Calloc((size_t)texts + 1, sizeof(uint32_t))};
    if (spots == NULL)
        goto done;
    if (bounds == NULL || places.found == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < texts; i++) {
        bounds[i + 1] = PyLong_AsUnsignedLongLong(PyList_GET_ITEM(ends, i));
        if (PyErr_Occurred())
            goto done;
    }
    for (Py_ssize_t i = 0; texts && i < PySequence_Fast_GET_SIZE(offsets); i++)
        if (note_place(&places, PySequence_Fast_GET_ITEM(offsets, i), 0) < 0)
            goto done;
    for (Py_ssize_t i = 0; texts && i < PySequence_Fast_GET_SIZE(spots); i++) {
        PyObject *spot = PySequence_Fast_GET_ITEM(spots, i);
        if (!PyTuple_Check(spot) || PyTuple_GET_SIZE(spot) != 2) {
            PyErr_SetString(PyExc_TypeError, "a spot is a pair");
            goto done;
        }
        long bit = PyLong_AsLong(PyTuple_GET_ITEM(spot, 0));
        if ((bit == -1 && PyErr_Occurred()) || note_place(&places, PyTuple_GET_ITEM(spot, 1), bit) < 0)
            goto done;
    }
    told = told_places(&places);
done:
    PyMem_Free(bounds);
    PyMem_Free(places.found);
    Py_XDECREF(offsets);
    Py_XDECREF(spots);
    return told;
}
