/* What a step of decoding left as it was, and what of a text is searched for that. The references are `unchanged_runs` and
 * `pieces_of` in waf/inspect/changes.py, `find_stretches` in waf/inspect/far.py.
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

/* A piece of a text, behind those there are; one that touches the last becomes part of it. Returns 0 where that cannot be. */
static int take_piece(PyObject *list, Py_ssize_t low, Py_ssize_t high, Py_ssize_t *last_low, Py_ssize_t *last_high)
{
    Py_ssize_t count = PyList_GET_SIZE(list);
    int joins = count > 0 && low <= *last_high;
    if (!joins)
        *last_low = low;
    *last_high = high;
    PyObject *piece = Py_BuildValue("(nn)", *last_low, high);
    if (piece == NULL)
        return 0;
    if (joins)
        return PyList_SetItem(list, count - 1, piece) == 0;
    int failed = PyList_Append(list, piece) < 0;
    Py_DECREF(piece);
    return !failed;
}

enum { EDGE = 256, CLOSE_BY = 48 };

static int of_word(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 32) >= 'a' && (byte | 32) <= 'z') || byte == '_' || byte >= 0x80;
}

/* Where a piece may begin that has the byte at `place`: -1 where there is no such place. */
static Py_ssize_t before(const uint8_t *text, Py_ssize_t place, int lines)
{
    if (place <= 0)
        return 0;
    if (!lines) {
        Py_ssize_t low = place > CLOSE_BY ? place - CLOSE_BY : 0, at = place;
        while (at > low && of_word(text[at - 1]))
            at--;
        if (at > low)
            return at;
    }
    Py_ssize_t low = place > EDGE ? place - EDGE : 0;
    const uint8_t *line = memrchr(text + low, '\n', (size_t)(place - low));
    if (line != NULL)
        return line - text + 1;
    while (low < place && of_word(text[low]))
        low++;
    return low < place ? low + 1 : -1;
}

/* Where one may end that goes on to `place`. */
static Py_ssize_t behind(const uint8_t *text, Py_ssize_t size, Py_ssize_t place, int lines)
{
    if (place >= size)
        return size;
    if (!lines) {
        Py_ssize_t high = size - place > CLOSE_BY ? place + CLOSE_BY : size, at = place;
        while (at < high && of_word(text[at]))
            at++;
        if (at < high)
            return at;
    }
    Py_ssize_t high = size - place > EDGE ? place + EDGE : size;
    const uint8_t *line = memchr(text + place, '\n', (size_t)(high - place));
    if (line != NULL)
        return line - text;
    while (place < high && of_word(text[place]))
        place++;
    return place < high ? place : -1;
}

static int run_at(PyObject *runs, Py_ssize_t i, Py_ssize_t size, Py_ssize_t least, Py_ssize_t *start, Py_ssize_t *end)
{
    PyObject *run = PyList_GET_ITEM(runs, i);
    if (!PyTuple_Check(run) || PyTuple_GET_SIZE(run) != 3) {
        PyErr_SetString(PyExc_TypeError, "a run is three numbers");
        return 0;
    }
    *start = PyLong_AsSsize_t(PyTuple_GET_ITEM(run, 0));
    *end = PyLong_AsSsize_t(PyTuple_GET_ITEM(run, 1));
    if (PyErr_Occurred())
        return 0;
    if (*start < least || *end < *start || *end > size) {
        PyErr_SetString(PyExc_ValueError, "runs are within the text, one behind the other");
        return 0;
    }
    return 1;
}

PyDoc_STRVAR(pieces_doc, "pieces(text, runs, lines) -> list[tuple[int, int]] | None\n\n"
                         "What is left of a text without the runs. None where that is most of it.");

static PyObject *pieces(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3 || !PyBytes_Check(arguments[0]) || !PyList_Check(arguments[1]) || !PyBool_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "pieces takes a text, a list of runs and whether to go on to the ends of lines");
        return NULL;
    }
    const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(arguments[0]);
    PyObject *runs = arguments[1];
    Py_ssize_t size = PyBytes_GET_SIZE(arguments[0]), same = 0, start, end, from = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(runs); i++) {
        if (!run_at(runs, i, size, from, &start, &end))
            return NULL;
        same += end - start;
        from = end;
    }
    if (same < size - 2 * same) /* less than a third */
        Py_RETURN_NONE;
    PyObject *list = PyList_New(0);
    Py_ssize_t last_low = 0, last_high = 0;
    from = 0;
    for (Py_ssize_t i = 0; list != NULL && i <= PyList_GET_SIZE(runs); i++) {
        start = end = size;
        if (i < PyList_GET_SIZE(runs) && !run_at(runs, i, size, from, &start, &end)) {
            Py_CLEAR(list);
            break;
        }
        if (from < start) {
            Py_ssize_t low = before(text, from, arguments[2] == Py_True);
            Py_ssize_t high = behind(text, size, start, arguments[2] == Py_True);
            if (low < 0 || high < 0) {
                Py_DECREF(list);
                Py_RETURN_NONE;
            }
            if (!take_piece(list, low, high, &last_low, &last_high))
                Py_CLEAR(list);
        }
        from = end;
    }
    return list;
}

PyDoc_STRVAR(stretches_doc,
             "stretches(text, members, size, around) -> list[tuple[int, int]]\n\n"
             "Where the text has `size` bytes in a row of those whose byte in `members`, of 256, is not 0, and what is within\n"
             "`around` bytes of them.");

/* Backwards from where a run may end: most places are no member, and the next one is `size` bytes further. */
static PyObject *stretches(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 4 || !PyBytes_Check(arguments[0]) || !PyBytes_Check(arguments[1]) || PyBytes_GET_SIZE(arguments[1]) != 256 ||
        !PyLong_Check(arguments[2]) || !PyLong_Check(arguments[3])) {
        PyErr_SetString(PyExc_TypeError, "stretches takes a text, a table of 256 bytes, a size and a distance");
        return NULL;
    }
    const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(arguments[0]);
    const uint8_t *members = (const uint8_t *)PyBytes_AS_STRING(arguments[1]);
    Py_ssize_t length = PyBytes_GET_SIZE(arguments[0]), size = PyLong_AsSsize_t(arguments[2]);
    Py_ssize_t around = PyLong_AsSsize_t(arguments[3]);
    if (size < 1 || around < 0 || around > INT32_MAX) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "a run has a byte at least, and what is around it no more than a text");
        return NULL;
    }
    PyObject *list = PyList_New(0);
    Py_ssize_t last_low = 0, last_high = 0, done = 0; /* behind the last run */
    for (Py_ssize_t at = size - 1; list != NULL && at < length;) {
        Py_ssize_t low = at;
        while (low >= done && members[text[low]])
            low--;
        if (at - low < size) {
            at = low + size; /* what is between `low` and the old place is read again only where it ends a run */
            continue;
        }
        done = at + 1;
        while (done < length && members[text[done]])
            done++;
        Py_ssize_t first = low + 1 > around ? low + 1 - around : 0;
        if (!take_piece(list, first, length - done > around ? done + around : length, &last_low, &last_high))
            Py_CLEAR(list);
        at = done + size;
    }
    return list;
}
