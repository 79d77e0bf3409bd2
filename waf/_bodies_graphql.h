/* Documents of GraphQL: how large they are, and what their literals say. The reference is `waf/inspect/bodies/graphql.py`, whose
 * tokens these are (GraphQL specification, October 2021, section 2.1).
 */

enum Token { NOTHING, NAME, SIGN, COMMENT, CLOSED, UNCLOSED };

static int is_name(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9');
}

/* Behind a comment or a literal that begins at `at`, and which of them it is; of a literal, where its text begins and ends. One that is
 * not closed ends with the text, or the line. */
static const uint8_t *comment_or_literal(const uint8_t *at, const uint8_t *end, enum Token *token, const uint8_t **from,
                                         const uint8_t **to)
{
    if (*at == '#') {
        const uint8_t *line = memchr(at, '\n', (size_t)(end - at));
        *token = COMMENT;
        return line == NULL ? end : line;
    }
    int block = end - at >= 3 && at[1] == '"' && at[2] == '"';
    *from = at += block ? 3 : 1;
    while (at < end) {
        if (*at == '\\') {
            if (end - at < 2)
                break;
            at += 2;
        }
        else if (*at == '"' && (!block || (end - at >= 3 && at[1] == '"' && at[2] == '"'))) {
            *to = at;
            *token = CLOSED;
            return at + (block ? 3 : 1);
        }
        else if (*at == '\n' && !block)
            break;
        else
            at++;
    }
    *to = at;
    *token = block ? CLOSED : UNCLOSED; /* a block ends with the text as well */
    return block ? end : at;
}

/* Behind the token that begins at `at`; behind one byte where there is none. */
static const uint8_t *next_token(const uint8_t *at, const uint8_t *end, enum Token *token)
{
    const uint8_t *from, *to;
    if (*at == '"' || *at == '#')
        return comment_or_literal(at, end, token, &from, &to);
    *token = NOTHING;
    if (is_name(*at)) {
        if (*at >= '0' && *at <= '9')
            return at + 1;
        *token = NAME;
        while (at < end && is_name(*at))
            at++;
        return at;
    }
    switch (*at) {
    case '{': case '}': case '(': case ')': case '[': case ']': case ':': case '@': case '$': case '!': case '=': case '|': case '&':
        *token = SIGN;
        return at + 1;
    case '.':
        if (end - at < 3 || at[1] != '.' || at[2] != '.')
            return at + 1;
        *token = SIGN;
        return at + 3;
    default:
        return at + 1;
    }
}

PyDoc_STRVAR(graphql_counts_doc,
             "graphql_counts(text, most) -> tuple[int, int, int, bool]\n\n"
             "Of a GraphQL document: how many selection sets stand within one another, aliases, selections, and whether it\n"
             "does not follow the grammar. Of more tokens than `most` there are -1 selections.");

static PyObject *graphql_counts(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyBytes_Check(arguments[0]) || !PyLong_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "graphql_counts takes bytes and a number");
        return NULL;
    }
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(arguments[0]);
    const uint8_t *end = at + PyBytes_GET_SIZE(arguments[0]);
    Py_ssize_t most = PyLong_AsSsize_t(arguments[1]), tokens = 0;
    if (most == -1 && PyErr_Occurred())
        return NULL;
    Py_ssize_t depth = 0, deepest = 0, lists = 0, aliases = 0, selections = 0;
    int broken = 0, named = 0; /* `named`: a colon now makes what stands before it an alias */
    while (at < end) {
        enum Token token;
        uint8_t sign = *at;
        at = next_token(at, end, &token);
        if (token == NOTHING)
            continue;
        if (tokens++ >= most) {
            selections = -1;
            break;
        }
        int may = 0;
        switch (token) {
        case NAME:
            may = depth != 0 && lists == 0;
            selections += may;
            break;
        case SIGN:
            if (sign == '{' && lists == 0) {
                depth++;
                deepest = depth > deepest ? depth : deepest;
            }
            else if (sign == '}' && lists == 0)
                broken |= --depth < 0;
            else if (sign == '(')
                lists++;
            else if (sign == ')')
                broken |= --lists < 0;
            else if (sign == ':' && named) {
                aliases++;
                selections--; /* alias and field are one selection */
            }
            break;
        case UNCLOSED:
            broken = 1;
            break;
        default:
            break;
        }
        named = may;
    }
    return Py_BuildValue("nnnN", deepest, aliases, selections, PyBool_FromLong(broken || depth != 0 || lists != 0));
}

/* What a literal says, which is no longer than what stands there; gives its length. */
static Py_ssize_t unescaped(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    static const char named[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
    uint8_t *const start = out;
    while (at < end) {
        const char *known;
        if (*at != '\\' || end - at < 2)
            *out++ = *at++;
        else if (at[1] != 0 && (known = strchr(named, at[1])) != NULL) {
            *out++ = (uint8_t)plain[known - named];
            at += 2;
        }
        else {
            int point = at[1] == 'u' ? code_unit(at + 2, end) : -1;
            if (point < 0) {
                *out++ = *at++;
                continue;
            }
            out = utf8(point, out);
            at += 6;
        }
    }
    return out - start;
}

PyDoc_STRVAR(graphql_literals_doc,
             "graphql_literals(text, most) -> list[bytes]\n\n"
             "What the string literals of a GraphQL document say, but for empty ones; no more than `most` of them and of comments\n"
             "are looked at.");

static PyObject *graphql_literals(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyBytes_Check(arguments[0]) || !PyLong_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "graphql_literals takes bytes and a number");
        return NULL;
    }
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(arguments[0]);
    const uint8_t *end = at + PyBytes_GET_SIZE(arguments[0]);
    Py_ssize_t most = PyLong_AsSsize_t(arguments[1]);
    if (most == -1 && PyErr_Occurred())
        return NULL;
    PyObject *found = PyList_New(0);
    while (found != NULL && at < end && most > 0) {
        enum Token token;
        const uint8_t *from = at, *to = at;
        if (*at != '"' && *at != '#') {
            at++;
            continue;
        }
        at = comment_or_literal(at, end, &token, &from, &to);
        most--;
        if (token == COMMENT || from == to)
            continue;
        PyObject *literal = PyBytes_FromStringAndSize(NULL, to - from);
        if (literal == NULL) {
            Py_DECREF(found);
            return NULL;
        }
        Py_ssize_t length = unescaped(from, to, (uint8_t *)PyBytes_AS_STRING(literal));
        if ((length < to - from && _PyBytes_Resize(&literal, length) < 0) || PyList_Append(found, literal) < 0)
            Py_CLEAR(found);
        Py_XDECREF(literal);
    }
    return found;
}
