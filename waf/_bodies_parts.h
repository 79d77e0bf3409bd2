/* Forms in parts (RFC 7578) of the plain form: fields alone, no files, each with the one header line that browsers write. The reference is
 * waf/inspect/bodies/multipart_body.py; whatever has more to it is for that.
 */

enum { LONGEST_PART_NAME = 4096, LONGEST_BOUNDARY = 70 };

typedef struct Parts {
    const uint8_t *at, *end;
    uint8_t delimiter[LONGEST_BOUNDARY + 4]; /* CR LF, two hyphens, the boundary */
    size_t length;
} Parts;

typedef struct {
    const uint8_t *at;
    size_t length;
} Piece;

/* Goes behind the first boundary. 0 where the body does not begin with it. */
static int parts_begin(Parts *parts, PyObject *body, PyObject *boundary)
{
    const size_t length = (size_t)PyBytes_GET_SIZE(boundary);
    if (length == 0 || length > LONGEST_BOUNDARY)
        return 0;
    memcpy(parts->delimiter, "\r\n--", 4);
    memcpy(parts->delimiter + 4, PyBytes_AS_STRING(boundary), length);
    parts->length = length + 4;
    parts->at = (const uint8_t *)PyBytes_AS_STRING(body);
    parts->end = parts->at + PyBytes_GET_SIZE(body);
    if ((size_t)(parts->end - parts->at) < length + 2 || memcmp(parts->at, parts->delimiter + 2, length + 2) != 0)
        return 0;
    parts->at += length + 2;
    return 1;
}

/* Where the delimiter behind a content begins. NULL where there is none, or where the boundary stands anywhere else behind `from`: lenient
 * parsers split there, too. */
static const uint8_t *next_delimiter(const Parts *parts, const uint8_t *from, const uint8_t *content)
{
    const uint8_t *at = memmem(from, (size_t)(parts->end - from), parts->delimiter + 2, parts->length - 2);
    return at != NULL && at - content >= 2 && at[-2] == '\r' && at[-1] == '\n' ? at - 2 : NULL;
}

/* 1: the next part. 0: behind the last. -1: not plain. */
static int next_part(Parts *parts, Piece *name, Piece *content)
{
    static const char usual[] = "Content-Disposition: form-data; name=\"", small[] = "content-disposition: form-data; name=\"";
    enum { HEAD = sizeof usual - 1 };
    const uint8_t *at = parts->at, *const end = parts->end;
    if (end - at < 2)
        return -1;
    if (at[0] == '-' && at[1] == '-') {
        at += 2;
        return at == end || (end - at == 2 && at[0] == '\r' && at[1] == '\n') ? 0 : -1;
    }
    if (at[0] != '\r' || at[1] != '\n')
        return -1;
    at += 2;
    if (end - at < HEAD || (memcmp(at, usual, HEAD) != 0 && memcmp(at, small, HEAD) != 0))
        return -1;
    name->at = at += HEAD;
    while (at < end && *at != '"') {
        if (*at < ' ' || *at == '\\' || *at == MARK)
            return -1;
        at++;
    }
    name->length = (size_t)(at - name->at);
    if (name->length > LONGEST_PART_NAME || end - at < 5 || memcmp(at, "\"\r\n\r\n", 5) != 0)
        return -1;
    static const char charset[] = "_charset_"; /* which says in what the others are written (RFC 7578 section 4.6) */
    if (name->length == sizeof charset - 1 && memcmp(name->at, charset, name->length) == 0)
        return -1;
    content->at = at + 5;
    at = next_delimiter(parts, name->at, content->at);
    if (at == NULL)
        return -1;
    content->length = (size_t)(at - content->at);
    parts->at = at + parts->length;
    return 1;
}

/* All names and contents, each behind a mark; their number goes to `*fields`. Gives the length of the text, -1 where the body is not
 * plain, or a value longer than `longest`. */
static Py_ssize_t parts_flatten(Parts *parts, size_t longest, uint8_t *out, Py_ssize_t *fields)
{
    const uint8_t *const first = out;
    Piece name, content;
    int found;
    *fields = 0;
    while ((found = next_part(parts, &name, &content)) > 0) {
        if (name.length > longest || content.length > longest || memchr(content.at, MARK, content.length) != NULL)
            return -1;
        if (name.length > 0) {
            out = put(out, name.at, name.length);
            ++*fields;
        }
        out = put(out, content.at, content.length);
        ++*fields;
    }
    return found < 0 || *fields == 0 ? -1 : out - first;
}

/* As `parts_flatten`, into new bytes: what stands around a part is longer than its two marks. NULL without an exception where the body
 * is not plain. */
static PyObject *parts_text(PyObject *body, PyObject *boundary, Py_ssize_t longest, Py_ssize_t *fields)
{
    Parts parts;
    if (longest < 0 || !parts_begin(&parts, body, boundary))
        return NULL;
    PyObject *text = PyBytes_FromStringAndSize(NULL, PyBytes_GET_SIZE(body));
    if (text == NULL)
        return NULL;
    Py_ssize_t length = parts_flatten(&parts, (size_t)longest, (uint8_t *)PyBytes_AS_STRING(text), fields);
    if (length < 0)
        Py_CLEAR(text);
    else
        _PyBytes_Resize(&text, length); /* NULL where there is no memory */
    return text;
}

PyDoc_STRVAR(parts_sheet_doc,
             "parts_sheet(data, boundary, longest) -> tuple[bytes, int] | None\n\n"
             "All names and contents of a plain form in parts, each behind a mark (0x7f), and how many there are; None where it is not\n"
             "plain, or one of them longer than `longest` bytes.");

static PyObject *parts_sheet(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3 || !PyBytes_Check(arguments[0]) || !PyBytes_Check(arguments[1]) || !PyLong_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "parts_sheet takes bytes, a boundary, and a length");
        return NULL;
    }
    Py_ssize_t longest = PyLong_AsSsize_t(arguments[2]), fields;
    if (longest == -1 && PyErr_Occurred())
        return NULL;
    PyObject *text = parts_text(arguments[0], arguments[1], longest, &fields);
    if (text == NULL)
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    return Py_BuildValue("Nn", text, fields);
}

PyDoc_STRVAR(parts_screen_doc,
             "parts_screen(data, boundary, most, rules, values) -> tuple[int, bytes] | None\n\n"
             "Of a plain form in parts of at most so many fields what `json_screen` gives of a document; None where it is not plain.");

static PyObject *parts_screen(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    Prefilter rules, values;
    if (count != 5 || !PyBytes_Check(arguments[0]) || !PyBytes_Check(arguments[1]) || !PyLong_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "parts_screen takes bytes, a boundary, a number of fields, and two programs");
        return NULL;
    }
    Py_ssize_t most = PyLong_AsSsize_t(arguments[2]), fields = 0;
    if (most == -1 && PyErr_Occurred())
        return NULL;
    if (prefilter_open(arguments[3], &rules) < 0 || prefilter_open(arguments[4], &values) < 0)
        return NULL;
    PyObject *text = parts_text(arguments[0], arguments[1], PY_SSIZE_T_MAX, &fields);
    if (text != NULL && fields > most)
        Py_CLEAR(text);
    if (text == NULL)
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    return screened(arguments[0], text, &rules, &values);
}

/* A name as people see it: bytes that are no UTF-8 as \xNN, and no more of it than LONGEST characters. Gives its number; -1 where there is
 * no room for it, or it has more bytes than LONGEST. */
static int part_name(Lines *lines, const Piece *name)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t shown[LONGEST + 4];
    size_t length = 0;
    int ascii = 1;
    for (const uint8_t *at = name->at, *const end = at + name->length; at < end && length < LONGEST;) {
        if (*at < 0x80) {
            shown[length++] = *at++;
            continue;
        }
        const uint8_t *behind = wide(at, end);
        if (behind == NULL) {
            const uint8_t coded[] = {'\\', 'x', (uint8_t)digits[*at >> 4], (uint8_t)digits[*at & 15]};
            for (int i = 0; i < 4 && length < LONGEST; i++)
                shown[length++] = coded[i];
            at++;
            continue;
        }
        ascii = 0;
        if (length + (size_t)(behind - at) > LONGEST)
            return -1;
        while (at < behind)
            shown[length++] = *at++;
    }
    return length == LONGEST && !ascii ? -1 : name_of(lines, -1, "", shown, length);
}

static int parts_walk(Lines *lines, const uint8_t *at, const uint8_t *end, Buffer *spare)
{
    Piece name, content;
    int found;
    while ((found = next_part(lines->parts, &name, &content)) > 0) {
        if (memchr(content.at, MARK, content.length) != NULL)
            return 0;
        const int beyond = lines->fields == lines->most; /* there are no names any more */
        const int place = beyond ? 0 : part_name(lines, &name);
        if (place < 0 || (name.length > 0 && !line(lines, place, name.at, name.length, A_NAME))
            || !line(lines, place, content.at, content.length, A_VALUE))
            return 0;
    }
    return found == 0;
}

PyDoc_STRVAR(parts_lines_doc,
             "parts_lines(data, boundary, most) -> tuple[bytes, bytes, bytes] | None\n\n"
             "What `json_lines` gives, of a plain form in parts.");

static PyObject *parts_lines(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3 || !PyBytes_Check(arguments[0]) || !PyBytes_Check(arguments[1]) || !PyLong_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "parts_lines takes bytes, a boundary, and a number of fields");
        return NULL;
    }
    Parts parts;
    if (!parts_begin(&parts, arguments[0], arguments[1]))
        return Py_NewRef(Py_None);
    return lines_made(arguments[0], arguments[2], parts_walk, &parts, 0, 0);
}
