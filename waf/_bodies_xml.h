/* XML 1.0 of the plain form: elements, attributes, text, comments, sections of characters and the entities that everybody knows, in UTF-8,
 * names in ASCII. The reference is waf/inspect/bodies/xml_body.py over expat; whatever has more to it (a document type, instructions,
 * other charsets, names with other letters) is for that.
 */

enum { MOST_ATTRIBUTES = 64, MOST_ELEMENTS = 128 /* within one another */ };
enum { IN_TEXT, IN_VALUE, IN_COMMENT, IN_SECTION }; /* where characters stand */

typedef struct {
    const uint8_t *name;
    size_t length;
    int place;   /* the number of its name among those of all; -1 where a sheet is made */
    size_t text; /* where its own text begins */
} Element;

typedef struct {
    Lines *lines;
    const uint8_t *at, *end;
    uint8_t *texts; /* of all that is open, one behind the other: as long as the document, of which each byte is put there once at most */
    size_t used;
    uint8_t *out; /* of a sheet; NULL where lines are made */
    Py_ssize_t fields;
    size_t longest;
    int depth, most_depth;
    Element open[MOST_ELEMENTS];
} Xml;

static int is_name_start(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

/* Behind the name that begins at `at`; `at` where none does. */
static const uint8_t *xml_name(const uint8_t *at, const uint8_t *end)
{
    if (at < end && is_name_start(*at))
        while (at < end && (is_name_start(*at) || (*at >= '0' && *at <= '9') || *at == '-' || *at == '.'))
            at++;
    return at;
}

static int begins(const uint8_t *at, const uint8_t *end, const char *word)
{
    return literal(at, end, word, strlen(word)) != NULL;
}

/* The character that an entity stands for, into the texts. 0 where it is none that everybody knows. */
static int entity(Xml *xml)
{
    static const char *const known[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&apos;"};
    static const char meant[] = "<>&\"'";
    const uint8_t *at = xml->at, *const end = xml->end;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (begins(at, end, known[i])) {
            xml->texts[xml->used++] = (uint8_t)meant[i];
            xml->at += strlen(known[i]);
            return 1;
        }
    if (!begins(at, end, "&#"))
        return 0;
    at += 2;
    const int base = at < end && *at == 'x' ? 16 : 10;
    at += base == 16;
    const uint8_t *const first = at;
    int point = 0, digit;
    for (; at < end && at - first < 7 && (digit = hex(*at)) >= 0 && digit < base; at++)
        point = point * base + digit;
    if (at == first || at == end || *at != ';')
        return 0;
    if ((point < ' ' && point != '\t' && point != '\n' && point != '\r') || point == MARK || (point >= 0xd800 && point < 0xe000)
        || point == 0xfffe || point == 0xffff || point > 0x10ffff)
        return 0;
    xml->used = (size_t)(utf8(point, xml->texts + xml->used) - xml->texts);
    xml->at = at + 1;
    return 1;
}

/* Characters up to what ends them, put behind the texts: a tag, the quote, or the mark of the end, behind which it goes on. 0 where they
 * are not plain, or nothing ends them. */
static int characters(Xml *xml, int where, uint8_t quote)
{
    const uint8_t *const first = xml->at;
    while (xml->at < xml->end) {
        const uint8_t *const at = xml->at;
        const uint8_t byte = *at;
        if (byte >= 0x80) {
            const uint8_t *behind = wide(at, xml->end);
            if (behind == NULL || (byte == 0xef && at[1] == 0xbf && at[2] >= 0xbe))
                return 0;
            memcpy(xml->texts + xml->used, at, (size_t)(behind - at));
            xml->used += (size_t)(behind - at);
            xml->at = behind;
            continue;
        }
        switch (byte) {
        case '<':
            if (where == IN_TEXT)
                return 1;
            if (where == IN_VALUE)
                return 0;
            break;
        case '>':
            if (at - first >= 2 && at[-1] == ']' && at[-2] == ']' && where != IN_COMMENT && where != IN_VALUE) {
                xml->at++;
                xml->used -= 2;
                return where == IN_SECTION;
            }
            break;
        case '-':
            if (where == IN_COMMENT && begins(at, xml->end, "--")) {
                if (!begins(at, xml->end, "-->"))
                    return 0;
                xml->at += 3;
                return 1;
            }
            break;
        case '&':
            if (where == IN_TEXT || where == IN_VALUE) {
                if (!entity(xml))
                    return 0;
                continue;
            }
            break;
        case '"':
        case '\'':
            if (where == IN_VALUE && byte == quote) {
                xml->at++;
                return 1;
            }
            break;
        case '\r': /* the end of a line is one character */
            if (at + 1 == xml->end || at[1] != '\n')
                xml->texts[xml->used++] = where == IN_VALUE ? ' ' : '\n';
            xml->at++;
            continue;
        case '\t':
        case '\n':
            xml->texts[xml->used++] = where == IN_VALUE ? ' ' : byte;
            xml->at++;
            continue;
        default:
            if (byte < ' ' || byte == MARK)
                return 0;
        }
        xml->texts[xml->used++] = byte;
        xml->at++;
    }
    return 0;
}

/* One field. 0 where there is no room for it. */
static int tell(Xml *xml, int place, const uint8_t *value, size_t length, int what)
{
    if (length > xml->longest)
        return 0;
    xml->fields++;
    if (xml->out != NULL) {
        xml->out = put(xml->out, value, length);
        return 1;
    }
    return line(xml->lines, place, value, length, what);
}

/* The number of a name behind that of a parent; of no use in a sheet. -2 where there is no room for it. */
static int place_of(Xml *xml, int parent, const char *joint, const uint8_t *name, size_t length)
{
    if (xml->out != NULL || xml->lines->fields == xml->lines->most)
        return -1; /* of what has no field any more names are of no use */
    int place = name_of(xml->lines, parent, joint, name, length);
    return place < 0 ? -2 : place;
}

/* A name as a field, where it is the first of its kind. */
static int tell_name(Xml *xml, int place, const uint8_t *name, size_t length)
{
    int own = name_of(xml->lines, -1, "", name, length);
    if (own < 0)
        return 0;
    if (xml->lines->known[own].told)
        return 1;
    xml->lines->known[own].told = 1;
    return tell(xml, place, name, length, A_NAME);
}

static int is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Whether a text begins or ends with white space beyond ASCII, which the reference strips as well. */
static int has_wide_edge(const uint8_t *at, size_t length)
{
    for (int last = 0; last < 2; last++)
        for (size_t size = 2; size <= 3 && size <= length; size++) {
            const uint8_t *c = last ? at + length - size : at;
            if (size == 2 ? c[0] == 0xc2 && (c[1] == 0x85 || c[1] == 0xa0)
                          : (c[0] == 0xe1 && c[1] == 0x9a && c[2] == 0x80) || (c[0] == 0xe3 && c[1] == 0x80 && c[2] == 0x80)
                                || (c[0] == 0xe2 && c[1] == 0x81 && c[2] == 0x9f)
                                || (c[0] == 0xe2 && c[1] == 0x80 && (c[2] <= 0x8a || c[2] == 0xa8 || c[2] == 0xa9 || c[2] == 0xaf)))
                return 1;
        }
    return 0;
}

/* Ends the innermost element: its text is a field where there is more than white space. */
static int close_element(Xml *xml)
{
    const Element *element = &xml->open[--xml->depth];
    const uint8_t *text = xml->texts + element->text;
    size_t length = xml->used - element->text;
    xml->used = element->text;
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    while (length > 0 && is_blank(*text)) {
        text++;
        length--;
    }
    return length == 0 || (!has_wide_edge(text, length) && tell(xml, element->place, text, length, A_VALUE));
}

/* A comment is a field, a section of characters text. Behind its "<!". */
static int comment_or_section(Xml *xml)
{
    static const uint8_t name[] = "#comment";
    if (begins(xml->at, xml->end, "--")) {
        const size_t before = xml->used;
        const int place = place_of(xml, -1, "", name, sizeof name - 1);
        xml->at += 2;
        if (place == -2 || !characters(xml, IN_COMMENT, 0))
            return 0;
        const size_t length = xml->used - before;
        xml->used = before;
        return tell(xml, place, xml->texts + before, length, A_VALUE);
    }
    if (xml->depth == 0 || !begins(xml->at, xml->end, "[CDATA["))
        return 0;
    xml->at += 7;
    return characters(xml, IN_SECTION, 0);
}

/* An attribute. Its name goes to `*key`. */
static int attribute(Xml *xml, int owner, Piece *key)
{
    key->at = xml->at;
    xml->at = xml_name(key->at, xml->end);
    key->length = (size_t)(xml->at - key->at);
    xml->at = blanks(xml->at, xml->end);
    if (key->length == 0 || xml->at == xml->end || *xml->at++ != '=')
        return 0;
    xml->at = blanks(xml->at, xml->end);
    if (xml->at == xml->end || (*xml->at != '"' && *xml->at != '\''))
        return 0;
    const uint8_t quote = *xml->at++;
    const size_t before = xml->used;
    const int place = place_of(xml, owner, "@", key->at, key->length);
    if (place == -2 || !characters(xml, IN_VALUE, quote))
        return 0;
    const size_t length = xml->used - before;
    xml->used = before;
    return tell(xml, place, xml->texts + before, length, A_VALUE) && tell_name(xml, place, key->at, key->length);
}

/* A tag that begins an element. Behind its "<". */
static int open_element(Xml *xml)
{
    if (xml->depth == xml->most_depth || xml->depth == MOST_ELEMENTS)
        return 0;
    Piece keys[MOST_ATTRIBUTES];
    int count = 0;
    const uint8_t *const name = xml->at, *const behind = xml_name(name, xml->end);
    const size_t length = (size_t)(behind - name);
    const int parent = xml->depth ? xml->open[xml->depth - 1].place : -1;
    const int place = length > 0 ? place_of(xml, parent, ".", name, length) : -2;
    if (place == -2 || !tell_name(xml, place, name, length))
        return 0;
    xml->at = behind;
    xml->open[xml->depth++] = (Element){name, length, place, xml->used};
    for (;;) {
        const uint8_t *const before = xml->at;
        xml->at = blanks(before, xml->end);
        if (begins(xml->at, xml->end, ">")) {
            xml->at++;
            return 1;
        }
        if (begins(xml->at, xml->end, "/>")) {
            xml->at += 2;
            return close_element(xml);
        }
        if (xml->at == before || count == MOST_ATTRIBUTES || !attribute(xml, place, &keys[count]))
            return 0;
        for (int i = 0; i < count; i++)
            if (keys[i].length == keys[count].length && memcmp(keys[i].at, keys[count].at, keys[i].length) == 0)
                return 0; /* given twice */
        count++;
    }
}

/* A tag that ends an element. Behind its "</". */
static int end_element(Xml *xml)
{
    if (xml->depth == 0)
        return 0;
    const Element *element = &xml->open[xml->depth - 1];
    const uint8_t *const name = xml->at, *const behind = xml_name(name, xml->end);
    if ((size_t)(behind - name) != element->length || memcmp(name, element->name, element->length) != 0)
        return 0;
    xml->at = blanks(behind, xml->end);
    return begins(xml->at, xml->end, ">") && (xml->at++, close_element(xml));
}

/* Behind the declaration, where there is one of those that everybody writes; NULL where there is another. */
static const uint8_t *declaration(const uint8_t *at, const uint8_t *end)
{
    static const char *const known[] = {
        "<?xml version=\"1.0\"?>", "<?xml version=\"1.0\" ?>", "<?xml version='1.0'?>", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>", "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>",
        "<?xml version=\"1.0\" encoding=\"utf-8\" ?>", "<?xml version='1.0' encoding='UTF-8'?>", "<?xml version='1.0' encoding='utf-8'?>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>", "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>",
    };
    if (!begins(at, end, "<?"))
        return at;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (begins(at, end, known[i]))
            return at + strlen(known[i]);
    return NULL;
}

/* A whole document. 0 where it is not plain. */
static int xml_read(Xml *xml)
{
    int rooted = 0;
    xml->at = declaration(xml->at, xml->end);
    if (xml->at == NULL)
        return 0;
    for (;;) {
        if (xml->depth > 0) {
            if (!characters(xml, IN_TEXT, 0))
                return 0;
        }
        else {
            xml->at = blanks(xml->at, xml->end);
            if (xml->at == xml->end)
                return rooted;
        }
        if (*xml->at++ != '<' || xml->at == xml->end)
            return 0;
        int plain;
        switch (*xml->at) {
        case '/':
            xml->at++;
            plain = end_element(xml);
            break;
        case '!':
            xml->at++;
            plain = comment_or_section(xml);
            break;
        default:
            plain = (xml->depth > 0 || !rooted) && open_element(xml);
            rooted = 1;
        }
        if (!plain)
            return 0;
    }
}

/* Reads `data`, for lines or, with `out`, for a sheet; gives the number of fields, -1 where it is not plain. */
static Py_ssize_t xml_fields(Lines *lines, const uint8_t *at, const uint8_t *end, Py_ssize_t most_depth, Py_ssize_t longest, uint8_t **out)
{
    if (longest < 0 || most_depth < 1)
        return -1;
    Xml xml;
    memset(&xml, 0, offsetof(Xml, open));
    xml.lines = lines;
    xml.at = at;
    xml.end = end;
    xml.longest = (size_t)longest;
    xml.most_depth = most_depth < MOST_ELEMENTS ? (int)most_depth : MOST_ELEMENTS;
    xml.out = out == NULL ? NULL : *out;
    xml.texts = PyMem_Malloc((size_t)(end - at) + 4);
    if (xml.texts == NULL)
        return -1;
    const int plain = xml_read(&xml);
    PyMem_Free(xml.texts);
    if (out != NULL)
        *out = xml.out;
    return plain ? xml.fields : -1;
}

/* As `json_sheet` for a document; NULL without an exception where it is not plain. */
static PyObject *xml_text(PyObject *document, Py_ssize_t most_depth, Py_ssize_t longest, Py_ssize_t *fields)
{
    const uint8_t *data = (const uint8_t *)PyBytes_AS_STRING(document);
    const Py_ssize_t size = PyBytes_GET_SIZE(document);
    if (size > INT32_MAX / 4 || memchr(data, '<', (size_t)size) == NULL)
        return NULL;
    Lines *lines = lines_new(0);
    /* The mark of a value fits into the quote, bracket or blank before it. */
    PyObject *text = lines == NULL ? NULL : PyBytes_FromStringAndSize(NULL, size);
    if (text != NULL) {
        uint8_t *const first = (uint8_t *)PyBytes_AS_STRING(text), *out = first;
        *fields = xml_fields(lines, data, data + size, most_depth, longest, &out);
        if (*fields < 0)
            Py_CLEAR(text);
        else
            _PyBytes_Resize(&text, out - first); /* NULL where there is no memory */
    }
    lines_free(lines);
    return text;
}

PyDoc_STRVAR(xml_sheet_doc,
             "xml_sheet(data, most_depth, longest) -> tuple[bytes, int] | None\n\n"
             "All texts, values of attributes and comments of a plain document of XML, and each name once, each behind a mark (0x7f), and how\n"
             "many there are; None where it is not plain, or one of them longer than `longest` bytes.");

static PyObject *xml_sheet(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3 || !PyBytes_Check(arguments[0]) || !PyLong_Check(arguments[1]) || !PyLong_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "xml_sheet takes bytes, a depth, and a length");
        return NULL;
    }
    Py_ssize_t depth = PyLong_AsSsize_t(arguments[1]), longest = PyLong_AsSsize_t(arguments[2]), fields;
    if ((depth == -1 || longest == -1) && PyErr_Occurred())
        return NULL;
    PyObject *text = xml_text(arguments[0], depth, longest, &fields);
    if (text == NULL)
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    return Py_BuildValue("Nn", text, fields);
}

PyDoc_STRVAR(xml_screen_doc,
             "xml_screen(data, most_depth, most, rules, values) -> tuple[int, bytes] | None\n\n"
             "Of a plain document of XML of at most so many fields what `json_screen` gives of one of JSON; None where it is not plain.");

static PyObject *xml_screen(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    Prefilter rules, values;
    if (count != 5 || !PyBytes_Check(arguments[0]) || !PyLong_Check(arguments[1]) || !PyLong_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "xml_screen takes bytes, a depth, a number of fields, and two programs");
        return NULL;
    }
    Py_ssize_t depth = PyLong_AsSsize_t(arguments[1]), most = PyLong_AsSsize_t(arguments[2]), fields = 0;
    if ((depth == -1 || most == -1) && PyErr_Occurred())
        return NULL;
    if (prefilter_open(arguments[3], &rules) < 0 || prefilter_open(arguments[4], &values) < 0)
        return NULL;
    PyObject *text = xml_text(arguments[0], depth, PY_SSIZE_T_MAX, &fields);
    if (text != NULL && fields > most)
        Py_CLEAR(text);
    if (text == NULL)
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    return screened(arguments[0], text, &rules, &values);
}

static int xml_walk(Lines *lines, const uint8_t *at, const uint8_t *end, Buffer *spare)
{
    lines->between = MARK;
    return xml_fields(lines, at, end, lines->most_depth, PY_SSIZE_T_MAX, NULL) >= 0;
}

PyDoc_STRVAR(xml_lines_doc,
             "xml_lines(data, most_depth, most) -> tuple[bytes, bytes, bytes] | None\n\n"
             "What `json_lines` gives, of a plain document of XML.");

static PyObject *xml_lines(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3 || !PyBytes_Check(arguments[0]) || !PyLong_Check(arguments[1]) || !PyLong_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "xml_lines takes bytes, a depth, and a number of fields");
        return NULL;
    }
    Py_ssize_t depth = PyLong_AsSsize_t(arguments[1]);
    if (depth == -1 && PyErr_Occurred())
        return NULL;
    return lines_made(arguments[0], arguments[2], xml_walk, NULL, depth, 0);
}
