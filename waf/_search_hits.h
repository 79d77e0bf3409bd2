/* Hits of rules, as they are made of matches and as questions are made of them. The references are in Python:
 * `gather` in waf/inspect/hits.py and `differing` in waf/inspect/questions.py.
 */

PyDoc_STRVAR(gathered_doc,
             "gathered(groups, places, texts, owners, families, within, new) -> int\n\n"
             "Appends new(text, match, sure) of each of `places` (number of a text, match) to the group of the family of its\n"
             "pattern and the owner of its text: groups[family << 32 | owner] is a list. `owners` has those of the texts,\n"
             "`families` a uint32 and `within` a byte for each pattern: whether none of its matches spans several texts;\n"
             "empty: there is but one text. Gives how many there were.");

static PyObject *gathered(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 7 || !PyDict_Check(arguments[0]) || !PyList_Check(arguments[1]) || !PyList_Check(arguments[2])
        || !PyList_Check(arguments[3]) || !PyBytes_Check(arguments[4]) || !PyBytes_Check(arguments[5])) {
        PyErr_SetString(PyExc_TypeError, "gathered takes groups, places, texts, owners, families, flags and a type");
        return NULL;
    }
    PyObject *groups = arguments[0], *places = arguments[1], *texts = arguments[2], *owners = arguments[3];
    const char *families = PyBytes_AS_STRING(arguments[4]), *within = PyBytes_AS_STRING(arguments[5]);
    Py_ssize_t known = PyBytes_GET_SIZE(arguments[4]) / (Py_ssize_t)sizeof(uint32_t);
    Py_ssize_t flags = PyBytes_GET_SIZE(arguments[5]), last = -1, number = -1;
    PyObject *group = NULL; /* that of the key `last`; borrowed */
    if (PyList_GET_SIZE(owners) != PyList_GET_SIZE(texts)) {
        PyErr_SetString(PyExc_ValueError, "each text has an owner");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(places); i++) {
        PyObject *place = PyList_GET_ITEM(places, i);
        uint64_t index, end;
        if (!PyTuple_Check(place) || PyTuple_GET_SIZE(place) != 2) {
            PyErr_SetString(PyExc_TypeError, "a place is a pair");
            return NULL;
        }
        PyObject *match = PyTuple_GET_ITEM(place, 1);
        number = PyLong_AsSsize_t(PyTuple_GET_ITEM(place, 0));
        if (PyErr_Occurred() || !is_pair_of_numbers(match, &index, &end))
            return NULL;
        if (number < 0 || number >= PyList_GET_SIZE(texts) || (Py_ssize_t)index >= known
            || (flags && (Py_ssize_t)index >= flags)) {
            PyErr_SetString(PyExc_IndexError, "no text or pattern has this number");
            return NULL;
        }
        uint32_t family;
        memcpy(&family, families + (size_t)index * sizeof family, sizeof family);
        Py_ssize_t owner = PyLong_AsSsize_t(PyList_GET_ITEM(owners, number));
        if (owner < 0 || owner > UINT32_MAX || family > INT32_MAX) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_OverflowError, "there are not so many owners");
            return NULL;
        }
        Py_ssize_t key = (Py_ssize_t)((uint64_t)family << 32 | (uint64_t)owner);
        if (key != last || group == NULL) {
            PyObject *named = PyLong_FromSsize_t(key);
            if (named == NULL)
                return NULL;
            group = PyDict_GetItemWithError(groups, named);
            if (group == NULL && !PyErr_Occurred()) {
                PyObject *fresh = PyList_New(0);
                if (fresh != NULL && PyDict_SetItem(groups, named, fresh) == 0)
                    group = fresh;
                Py_XDECREF(fresh); /* the groups have it */
            }
            Py_DECREF(named);
            if (group == NULL)
                return NULL;
            if (!PyList_Check(group)) {
                PyErr_SetString(PyExc_TypeError, "a group is a list");
                return NULL;
            }
            last = key;
        }
        PyObject *made[] = {PyList_GET_ITEM(texts, number), match, flags && !within[index] ? Py_False : Py_True};
        PyObject *hit = PyObject_Vectorcall(arguments[6], made, 3, NULL);
        if (hit == NULL)
            return NULL;
        int failed = PyList_Append(group, hit);
        Py_DECREF(hit);
        if (failed)
            return NULL;
    }
    return PyLong_FromSsize_t(PyList_GET_SIZE(places));
}

PyDoc_STRVAR(firsts_doc,
             "firsts(places, texts, patterns) -> list\n\n"
             "Of the places (number of a text, match) the first of each text and pattern, of those texts and patterns whose byte\n"
             "is not 0.");

static PyObject *firsts(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3 || !PyList_Check(arguments[0]) || !PyBytes_Check(arguments[1]) || !PyBytes_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "firsts takes places and flags of texts and of patterns");
        return NULL;
    }
    PyObject *places = arguments[0], *list = NULL;
    const char *texts = PyBytes_AS_STRING(arguments[1]), *patterns = PyBytes_AS_STRING(arguments[2]);
    Table table = {NULL, 0};
    if (open_table(&table, PyList_GET_SIZE(places)) < 0)
        return PyErr_NoMemory();
    list = PyList_New(0);
    for (Py_ssize_t i = 0; list != NULL && i < PyList_GET_SIZE(places); i++) {
        PyObject *place = PyList_GET_ITEM(places, i);
        uint64_t index, end;
        if (!PyTuple_Check(place) || PyTuple_GET_SIZE(place) != 2) {
            PyErr_SetString(PyExc_TypeError, "a place is a pair");
            goto failed;
        }
        Py_ssize_t number = PyLong_AsSsize_t(PyTuple_GET_ITEM(place, 0));
        if (PyErr_Occurred() || !is_pair_of_numbers(PyTuple_GET_ITEM(place, 1), &index, &end))
            goto failed;
        if (number < 0 || number >= PyBytes_GET_SIZE(arguments[1]) || (Py_ssize_t)index >= PyBytes_GET_SIZE(arguments[2])) {
            PyErr_SetString(PyExc_IndexError, "no text or pattern has this number");
            goto failed;
        }
        if (!texts[number] || !patterns[index])
            continue;
        Kept *kept = slot(&table, ((uint64_t)number << 32 | index) + 1);
        if (kept->key)
            continue;
        kept->key = ((uint64_t)number << 32 | index) + 1;
        if (PyList_Append(list, place) < 0)
            goto failed;
    }
    PyMem_Free(table.slots);
    return list;
failed:
    PyMem_Free(table.slots);
    Py_XDECREF(list);
    return NULL;
}

static uint64_t secret; /* so that nobody outside can tell what has the same hash */

static uint64_t mixed(const uint8_t *text, Py_ssize_t size, uint64_t seed)
{
    uint64_t hash = secret ^ seed ^ (uint64_t)size * 0x9e3779b97f4a7c15u;
    for (; size >= 8; text += 8, size -= 8) {
        uint64_t eight;
        memcpy(&eight, text, 8);
        hash = (hash ^ eight) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    for (; size > 0; text++, size--)
        hash = (hash ^ *text) * 0x100000001b3u;
    hash ^= hash >> 29;
    return hash * 0xc4ceb9fe1a85ec53u ^ hash >> 32;
}

typedef struct {
    const uint8_t *window;
    Py_ssize_t size, part; /* of the window; of the text, in parts of `near` bytes */
} Seen;

PyDoc_STRVAR(differing_doc,
             "differing(hits, near) -> list\n\n"
             "The hits of which none before has the same bytes within `near` of its end, in a text that is about as long.");

static PyObject *differing(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    static PyObject *name_text, *name_data, *name_match;
    if (count != 2 || !PyList_Check(arguments[0]) || !PyLong_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "differing takes hits and a distance");
        return NULL;
    }
    if (name_text == NULL) {
        name_data = PyUnicode_InternFromString("data");
        name_match = PyUnicode_InternFromString("match");
        if (name_data == NULL || name_match == NULL || (name_text = PyUnicode_InternFromString("text")) == NULL)
            return NULL;
    }
    PyObject *hits = arguments[0];
    Py_ssize_t near = PyLong_AsSsize_t(arguments[1]), all = PyList_GET_SIZE(hits);
    if (PyErr_Occurred())
        return NULL;
    if (near < 1) {
        PyErr_SetString(PyExc_ValueError, "the distance is one byte at least");
        return NULL;
    }
    size_t room = 16;
    while (room < (size_t)all * 2)
        room *= 2;
    Seen *seen = PyMem_Calloc(room, sizeof *seen);
    PyObject *list = seen == NULL ? PyErr_NoMemory() : PyList_New(0);
    PyObject *last = NULL, *held = NULL; /* the text of the hit before, and its bytes: it is held by its hit */
    for (Py_ssize_t i = 0; list != NULL && i < all; i++) {
        PyObject *hit = PyList_GET_ITEM(hits, i), *text = PyObject_GetAttr(hit, name_text);
        PyObject *match = text == NULL ? NULL : PyObject_GetAttr(hit, name_match);
        uint64_t index, end;
        if (match == NULL || !is_pair_of_numbers(match, &index, &end)) {
            Py_XDECREF(text);
            Py_XDECREF(match);
            goto failed;
        }
        Py_DECREF(match);
        if (text != last) {
            PyObject *data = PyObject_GetAttr(text, name_data);
            if (data == NULL || !PyBytes_Check(data)) {
                if (data != NULL)
                    PyErr_SetString(PyExc_TypeError, "a text has bytes");
                Py_XDECREF(data);
                Py_DECREF(text);
                goto failed;
            }
            held = data;
            last = text;
            Py_DECREF(data); /* the text has it, and the hit the text */
        }
        Py_DECREF(text);
        Py_ssize_t size = PyBytes_GET_SIZE(held);
        Py_ssize_t at = end < (uint64_t)size ? (Py_ssize_t)end : size;
        Py_ssize_t low = at > near ? at - near : 0, high = size - at > near ? at + near : size;
        const uint8_t *window = (const uint8_t *)PyBytes_AS_STRING(held) + low;
        size_t slot_at = (size_t)mixed(window, high - low, (uint64_t)(size / near));
        Seen *own;
        for (;; slot_at++) {
            own = &seen[slot_at & (room - 1)];
            if (own->window == NULL
                || (own->size == high - low && own->part == size / near
                    && memcmp(own->window, window, (size_t)(high - low)) == 0))
                break;
        }
        if (own->window != NULL)
            continue;
        own->window = window;
        own->size = high - low;
        own->part = size / near;
        if (PyList_Append(list, hit) < 0)
            goto failed;
    }
    PyMem_Free(seen);
    return list;
failed:
    PyMem_Free(seen);
    Py_XDECREF(list);
    return NULL;
}
