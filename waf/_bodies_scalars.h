/* What stands in a JSON document that was read already: `read_scalars` in waf/inspect/bodies/json_body.py is the reference. */

typedef struct {
    PyObject **items; /* borrowed: the documents hold all of them, and nothing is called that could change them */
    Py_ssize_t count, room;
    PyObject *strings, *numbers;
    PyTypeObject *pairs;
} Walk;

/* Takes a key or a scalar, and remembers a container for later. */
static int take(Walk *walk, PyObject *value)
{
    if (PyUnicode_CheckExact(value))
        return PyList_Append(walk->strings, value);
    if (PyLong_CheckExact(value) || PyFloat_CheckExact(value))
        return PyList_Append(walk->numbers, value);
    if (!PyDict_CheckExact(value) && !PyList_CheckExact(value) && !Py_IS_TYPE(value, walk->pairs))
        return 0;
    if (walk->count == walk->room) {
        Py_ssize_t room = walk->room ? walk->room * 2 : 64;
        PyObject **more = PyMem_Realloc(walk->items, (size_t)room * sizeof *more);
        if (more == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        walk->items = more;
        walk->room = room;
    }
    walk->items[walk->count++] = value;
    return 0;
}

static int take_all(Walk *walk, PyObject *container)
{
    if (PyDict_CheckExact(container)) {
        PyObject *key, *value;
        for (Py_ssize_t at = 0; PyDict_Next(container, &at, &key, NULL);)
            if (PyUnicode_CheckExact(key) && PyList_Append(walk->strings, key) < 0)
                return -1;
        for (Py_ssize_t at = 0; PyDict_Next(container, &at, NULL, &value);)
            if (take(walk, value) < 0)
                return -1;
        return 0;
    }
    const int named = Py_IS_TYPE(container, walk->pairs);
    for (Py_ssize_t i = 0; named && i < PyList_GET_SIZE(container); i++) {
        PyObject *pair = PyList_GET_ITEM(container, i);
        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
            PyErr_SetString(PyExc_TypeError, "an object that has a key twice is a list of pairs");
            return -1;
        }
        if (PyList_Append(walk->strings, PyTuple_GET_ITEM(pair, 0)) < 0)
            return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(container); i++) {
        PyObject *item = PyList_GET_ITEM(container, i);
        if (take(walk, named ? PyTuple_GET_ITEM(item, 1) : item) < 0)
            return -1;
    }
    return 0;
}

PyDoc_STRVAR(json_scalars_doc,
             "json_scalars(documents, pairs) -> tuple[list[str], list[int | float]]\n\n"
             "All keys and strings, and all numbers, of a list of documents; `pairs` is the type (of lists) of objects that have a\n"
             "key twice.");

static PyObject *json_scalars(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyList_Check(arguments[0]) || !PyType_Check(arguments[1])
        || !PyType_IsSubtype((PyTypeObject *)arguments[1], &PyList_Type)) {
        PyErr_SetString(PyExc_TypeError, "json_scalars takes a list of documents and a type of lists");
        return NULL;
    }
    Walk walk = {NULL, 0, 0, PyList_New(0), PyList_New(0), (PyTypeObject *)arguments[1]};
    PyObject *found = NULL;
    int failed = walk.strings == NULL || walk.numbers == NULL || take_all(&walk, arguments[0]) < 0;
    while (!failed && walk.count > 0)
        failed = take_all(&walk, walk.items[--walk.count]) < 0;
    if (!failed)
        found = PyTuple_Pack(2, walk.strings, walk.numbers);
    PyMem_Free(walk.items);
    Py_XDECREF(walk.strings);
    Py_XDECREF(walk.numbers);
    return found;
}
