/* What a step of decoding left as it was. The reference is `unchanged_runs` in waf/inspect/changes.py.
 *
 * A text and what was made of it are held against each other from the front. Where they part, both are looked at a few
 * bytes further on for where they go on alike; so a run is always the same bytes in both, whatever the step did.
 */
enum { ALIKE_FOR = 8, MADE_MOST = 8, TAKEN_MOST = 64, CHANGES = 8, GROWN = 6 };
static const Py_ssize_t FURTHER[] = {16, 64, 256, 1024};

static Py_ssize_t alike(const uint8_t *one, const uint8_t *other, Py_ssize_t size)
{
    Py_ssize_t at = 0;
    while (size - at >= 8 && memcmp(one + at, other + at, 8) == 0)
        at += 8;
    while (at < size && one[at] == other[at])
        at++;
    return at;
}

PyDoc_STRVAR(unchanged_doc,
             "unchanged(source, made, reach) -> list[tuple[int, int, int]]\n\n"
             "Where what was made of `source` is as that was, and so within `reach` bytes around: start and end in `made`,\n"
             "start in `source`; no shorter than that. After many changes no more is given.");

static PyObject *unchanged(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3 || !PyBytes_Check(arguments[0]) || !PyBytes_Check(arguments[1]) || !PyLong_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "unchanged takes two texts and a distance");
        return NULL;
    }
    const uint8_t *source = (const uint8_t *)PyBytes_AS_STRING(arguments[0]);
    const uint8_t *made = (const uint8_t *)PyBytes_AS_STRING(arguments[1]);
    Py_ssize_t had = PyBytes_GET_SIZE(arguments[0]), has_now = PyBytes_GET_SIZE(arguments[1]);
    Py_ssize_t reach = PyLong_AsSsize_t(arguments[2]), from = 0, to = 0;
    if (PyErr_Occurred())
        return NULL;
    if (reach < 1 || reach > INT32_MAX) { /* twice of it is taken from a size */
        PyErr_SetString(PyExc_ValueError, "the distance is one byte at least, and no more than a text may have");
        return NULL;
    }
    PyObject *list = PyList_New(0);
    for (Py_ssize_t left = has_now / 2 / reach + CHANGES; list != NULL; left--) {
        Py_ssize_t room = had - from < has_now - to ? had - from : has_now - to;
        Py_ssize_t size = alike(source + from, made + to, room);
        int ends = from + size == had && to + size == has_now;
        Py_ssize_t lead = from || to ? reach : 0, trail = ends ? 0 : reach;
        if (size - lead - trail >= reach) {
            PyObject *run = Py_BuildValue("(nnn)", to + lead, to + size - trail, from + lead);
            int failed = run == NULL || PyList_Append(list, run) < 0;
            Py_XDECREF(run);
            if (failed)
                Py_CLEAR(list);
        }
        if (ends || left <= 0 || list == NULL)
            break;
        from += size;
        to += size;
        Py_ssize_t given = 0, taken = 0;
        int found = 0;
        for (; !found && given <= MADE_MOST && to + given + ALIKE_FOR <= has_now; given += !found)
            for (taken = 0; taken <= TAKEN_MOST && from + taken + ALIKE_FOR <= had; taken++)
                if ((found = memcmp(source + from + taken, made + to + given, ALIKE_FOR) == 0))
                    break;
        for (size_t i = 0; !found && i < sizeof FURTHER / sizeof *FURTHER; i++) {
            given = FURTHER[i];
            if (to + given + ALIKE_FOR > has_now)
                break;
            Py_ssize_t within = given * GROWN + TAKEN_MOST + ALIKE_FOR;
            if (within > had - from)
                within = had - from;
            const uint8_t *met = memmem(source + from, (size_t)within, made + to + given, ALIKE_FOR);
            if ((found = met != NULL))
                taken = met - (source + from);
        }
        if (!found)
            break;
        from += taken;
        to += given;
    }
    return list;
}

PyDoc_STRVAR(has_run_doc, "has_run(text, members, size) -> bool\n\n"
                          "Whether the text has `size` bytes in a row of those whose byte in `members`, of 256, is not 0.");

/* Backwards from where a run may end: most places are no member, and the next one is `size` bytes further. */
static PyObject *has_run(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3 || !PyBytes_Check(arguments[0]) || !PyBytes_Check(arguments[1]) || PyBytes_GET_SIZE(arguments[1]) != 256 ||
        !PyLong_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "has_run takes a text, a table of 256 bytes and a size");
        return NULL;
    }
    const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(arguments[0]);
    const uint8_t *members = (const uint8_t *)PyBytes_AS_STRING(arguments[1]);
    Py_ssize_t length = PyBytes_GET_SIZE(arguments[0]), size = PyLong_AsSsize_t(arguments[2]);
    if (size < 1) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "a run has a byte at least");
        return NULL;
    }
    for (Py_ssize_t at = size - 1; at < length;) {
        Py_ssize_t low = at;
        while (low > at - size && members[text[low]])
            low--;
        if (low == at - size)
            Py_RETURN_TRUE;
        at = low + size; /* what is between `low` and the old place is known; it is read again only where it ends a run */
    }
    Py_RETURN_FALSE;
}
