/* Urlencoded forms of the plain form (WHATWG URL, application/x-www-form-urlencoded): their fields in lines, and what of them no
 * program of waf/prefilter proves to be clean. The references are `pair_fields` in waf/inspect/fields.py and `_form_sheet` in
 * waf/inspect/bodies/choose.py.
 */

/* What servers make of a piece of a form, into `to`; its length. */
static size_t form_decoded(const uint8_t *at, const uint8_t *end, uint8_t *to)
{
    const uint8_t *const first = to;
    for (; at < end; at++) {
        int high, low;
        if (*at == '%' && end - at > 2 && (high = hex(at[1])) >= 0 && (low = hex(at[2])) >= 0) {
            *to++ = (uint8_t)(high << 4 | low);
            at += 2;
        }
        else
            *to++ = *at == '+' ? ' ' : *at;
    }
    return (size_t)(to - first);
}

static int is_utf8(const uint8_t *at, const uint8_t *end)
{
    while (at < end)
        if (*at < 0x80)
            at++;
        else if ((at = wide(at, end)) == NULL)
            return 0;
    return 1;
}

/* 0 where a name is not plain, or there are too many fields. */
static int form_walk(Lines *lines, const uint8_t *at, const uint8_t *end, Buffer *spare)
{
    uint8_t *decoded = room(spare, (size_t)(end - at) + 1);
    if (decoded == NULL)
        return 0;
    for (; at <= end; at++) {
        const uint8_t *stop = memchr(at, '&', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        const uint8_t *equals = memchr(at, '=', (size_t)(stop - at));
        size_t length = form_decoded(at, equals == NULL ? stop : equals, decoded);
        if (!is_utf8(decoded, decoded + length))
            return 0;
        int name = name_of(lines, -1, "", decoded, length);
        if (name < 0 || (length > 0 && !line(lines, name, decoded, length, A_NAME)))
            return 0;
        if (equals != NULL) {
            length = form_decoded(equals + 1, stop, decoded);
            if (!line(lines, name, decoded, length, A_VALUE))
                return 0;
        }
        at = stop;
    }
    return 1;
}

PyDoc_STRVAR(form_lines_doc,
             "form_lines(data, most) -> tuple[bytes, bytes, bytes] | None\n\n"
             "The same of a urlencoded form.");

static PyObject *form_lines(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    return lines_of(arguments, count, form_walk);
}

/* The pieces of a plain form, decoded, with marks for "=" and "&" before each; the same with those signs into `read`. -1 where it is not
 * plain: each pair a name, one "=" and a value, and no byte that has to be looked at more closely. `*open` is set where something
 * stands for a byte that may be read in another way. */
static Py_ssize_t form_flatten(const uint8_t *at, const uint8_t *end, Py_ssize_t most, uint8_t *out, uint8_t *read, int *coded, int *open)
{
    const uint8_t *const first = out;
    int behind_equals = 0;
    for (; at < end; at++, out++, read++) {
        uint8_t byte = *at;
        if (byte <= ' ' || byte >= MARK)
            return -1;
        if (byte == '&' || byte == '=') {
            if (behind_equals != (byte == '&') || most-- == 0)
                return -1;
            if (byte == '&' && end - at > 1 && (at[1] == '#' || at[1] == '%'))
                return -1; /* torn, perhaps (waf/inspect/torn.py) */
            behind_equals = byte == '=';
            *read = byte;
            *out = MARK;
            continue;
        }
        int high, low;
        if (byte == '%') {
            *coded = 1;
            if (end - at > 2 && (high = hex(at[1])) >= 0 && (low = hex(at[2])) >= 0) {
                byte = (uint8_t)(high << 4 | low);
                at += 2;
                if (byte == MARK)
                    return -1;
                *open |= byte >= 0x80 || byte == '&';
            }
        }
        else if (byte == '+')
            byte = ' ';
        if (!behind_equals && (byte == ' ' || byte == '\'' || byte == '"' || byte == '(' || byte == ')' || byte == ';' || byte == '<'))
            return -1; /* what no name holds */
        *out = *read = byte;
    }
    return behind_equals ? out - first : -1;
}

PyDoc_STRVAR(form_screen_doc,
             "form_screen(data, most, rules, values) -> tuple[int, bytes] | None\n\n"
             "Of a plain form of at most so many pairs: RULES_CLEAR where the program `rules` lets all names and values pass, DATA_CLEAR\n"
             "where `values` lets the form pass and nothing in it stands for something else, ESCAPED where something is percent-encoded;\n"
             "and the names and values that `rules` does not let pass, with marks between them. None where it is not plain.");

static PyObject *form_screen(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    Prefilter rules, values;
    if (count != 4 || !PyBytes_Check(arguments[0]) || !PyLong_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "form_screen takes bytes, a number of pairs, and two programs");
        return NULL;
    }
    Py_ssize_t most = PyLong_AsSsize_t(arguments[1]), size = PyBytes_GET_SIZE(arguments[0]);
    if (most == -1 && PyErr_Occurred())
        return NULL;
    if (prefilter_open(arguments[2], &rules) < 0 || prefilter_open(arguments[3], &values) < 0)
        return NULL;
    const uint8_t *data = (const uint8_t *)PyBytes_AS_STRING(arguments[0]);
    uint8_t small[4096], *text = 2 * (size_t)size <= sizeof small ? small : PyMem_Malloc(2 * (size_t)size);
    if (text == NULL)
        return PyErr_NoMemory();
    int coded = 0, open = 0;
    Py_ssize_t length = most < 0 || most > PY_SSIZE_T_MAX / 2 ? -1 : form_flatten(data, data + size, 2 * most, text, text + size, &coded, &open);
    PyObject *result = NULL;
    if (length >= 0) {
        int clear = coded ? ESCAPED : 0;
        if (!open && prefilter_passes(&values, text + size, length))
            clear |= DATA_CLEAR;
        length = prefilter_sift(&rules, text, length, text);
        result = Py_BuildValue("iy#", length == 0 ? clear | RULES_CLEAR : clear, text, length);
    }
    if (text != small)
        PyMem_Free(text);
    return length < 0 ? Py_NewRef(Py_None) : result;
}
