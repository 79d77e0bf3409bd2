/* Base64 in values (waf/inspect/layers.py, `decode_base64`): whole values, data URLs, JSON web tokens, credentials.
 *
 * What of an expression's repeats can match in one way only is read once: a run of the alphabet ends where it ends, so
 * where one beginning in it fails, all others in it do.
 */

enum { URL_RUN = 100, URLS = 8, TOKENS = 4, LEAST_URL = 8, LEAST_WHOLE = 6, LEAST_BASIC = 4 };

static int is_coded(uint8_t c)
{
    return (kind[c] & CODED) || c == '_' || c == '-';
}

static int is_url_safe(uint8_t c)
{
    return (kind[c] & WORD) || c == '-';
}

/* Whether the text goes on with a word, given in lower case, whatever its case. */
static int continues(const uint8_t *at, const uint8_t *end, const char *word)
{
    for (; *word; word++, at++)
        if (at == end || lower(*at) != (uint8_t)*word)
            return 0;
    return 1;
}

static int is_white(uint8_t c)
{
    return (kind[c] & WHITE) != 0;
}

/* Decoded by either alphabet, without the "=" at the end; a lone last character is dropped. */
static uint8_t *uncoded(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    uint32_t bits = 0;
    int have = 0;
    if ((end - at) % 4 == 1)
        end--;
    for (; at < end; at++) {
        uint8_t c = *at;
        uint32_t value = c >= 'a'   ? c - 'a' + 26u
                         : c == '_' ? 63u
                         : c >= 'A' ? c - 'A' + 0u
                         : c >= '0' ? c - '0' + 52u
                         : c == '/' ? 63u
                                    : 62u;
        bits = (bits << 6 | value) & 0xffffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            *out++ = (uint8_t)(bits >> have);
        }
    }
    return out;
}

/* As `is_text` in layers.py. -1: an error. */
static int reads_as_text(const uint8_t *data, Py_ssize_t size)
{
    Py_ssize_t beyond = 0;
    for (Py_ssize_t i = 0; i < size; i++) {
        uint8_t c = data[i];
        if (c == 0x7f || (c < 0x20 && c != 0 && !(c >= 9 && c <= 13)))
            return 0;
        beyond += c >= 0x80;
    }
    if (!beyond)
        return size > 0;
    char *rest = PyMem_Malloc((size_t)beyond);
    if (rest == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t kept = 0;
    for (Py_ssize_t i = 0; i < size; i++)
        if (data[i] >= 0x80)
            rest[kept++] = (char)data[i];
    PyObject *shown = PyUnicode_DecodeUTF8(rest, kept, "strict");
    PyMem_Free(rest);
    if (shown == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    Py_DECREF(shown);
    return 1;
}

/* UTF-16 as UTF-8, as `decode_utf16` in layers.py; an empty text where it is none. Takes the reference. */
static PyObject *narrowed(PyObject *plain)
{
    const uint8_t *data = (const uint8_t *)PyBytes_AS_STRING(plain);
    Py_ssize_t size = PyBytes_GET_SIZE(plain), odd = size / 2, nulls[2] = {0, 0};
    for (Py_ssize_t i = 0; i < size; i++)
        nulls[i & 1] += data[i] == 0;
    Py_ssize_t most = nulls[0] > nulls[1] ? nulls[0] : nulls[1];
    PyObject *result = NULL;
    if (!odd || most * 4 < odd * 3)
        result = PyBytes_FromStringAndSize(NULL, 0);
    else {
        int order = nulls[1] >= nulls[0] ? -1 : 1;
        PyObject *shown = PyUnicode_DecodeUTF16((const char *)data, size, "replace", &order);
        if (shown != NULL) {
            Py_ssize_t start = 0, length = PyUnicode_GET_LENGTH(shown);
            while (start < length && PyUnicode_READ_CHAR(shown, start) == 0xfeff)
                start++;
            PyObject *rest = PyUnicode_Substring(shown, start, length);
            result = rest == NULL ? NULL : PyUnicode_AsUTF8String(rest);
            Py_XDECREF(rest);
            Py_DECREF(shown);
        }
    }
    Py_DECREF(plain);
    return result;
}

enum { UNPACKED = 5, ANY_HEADER = 47 }; /* zlib's bits of the window: gzip or zlib, told by the header */

/* As `_unpacked` in layers.py: takes the reference, gives an empty text where nothing is packed. */
static PyObject *unpacked(PyObject *plain)
{
    PyObject *made = NULL, *zlib = PyImport_ImportModule("zlib");
    PyObject *error = zlib == NULL ? NULL : PyObject_GetAttrString(zlib, "error");
    PyObject *opened = error == NULL ? NULL : PyObject_CallMethod(zlib, "decompressobj", "i", ANY_HEADER);
    if (opened != NULL)
        made = PyObject_CallMethod(opened, "decompress", "On", plain, UNPACKED * PyBytes_GET_SIZE(plain) + 64);
    if (made == NULL && error != NULL && PyErr_ExceptionMatches(error)) {
        PyErr_Clear();
        made = PyBytes_FromStringAndSize(NULL, 0);
    }
    Py_XDECREF(opened);
    Py_XDECREF(error);
    Py_XDECREF(zlib);
    Py_DECREF(plain);
    return made;
}

/* Whether bytes begin as gzip and zlib do. */
static int is_packed(const uint8_t *data, Py_ssize_t size)
{
    if (size > 2 && data[0] == 0x1f && data[1] == 0x8b && data[2] == 8)
        return 1;
    return size > 1 && data[0] == 'x'
           && (data[1] == 0x01 || data[1] == '^' || data[1] == 0x9c || data[1] == 0xda);
}

/* What a run of base64 stands for; an empty text where that is none. */
static PyObject *uncoded_text(const uint8_t *at, const uint8_t *end)
{
    while (end > at && end[-1] == '=')
        end--;
    PyObject *plain = PyBytes_FromStringAndSize(NULL, (end - at) / 4 * 3 + 3);
    if (plain == NULL)
        return NULL;
    uint8_t *data = (uint8_t *)PyBytes_AS_STRING(plain);
    Py_ssize_t size = uncoded(at, end, data) - data, nulls = 0;
    int telling = reads_as_text(data, size);
    if (telling == 0 && is_packed(data, size)) {
        if (_PyBytes_Resize(&plain, size) < 0 || (plain = unpacked(plain)) == NULL)
            return NULL;
        data = (uint8_t *)PyBytes_AS_STRING(plain);
        size = PyBytes_GET_SIZE(plain);
        telling = reads_as_text(data, size);
    }
    if (telling < 0) {
        Py_DECREF(plain);
        return NULL;
    }
    if (_PyBytes_Resize(&plain, telling ? size : 0) < 0)
        return NULL;
    if (!telling)
        return plain;
    data = (uint8_t *)PyBytes_AS_STRING(plain);
    for (Py_ssize_t i = 0; i < size; i++)
        nulls += data[i] == 0;
    return nulls * 3 > size ? narrowed(plain) : plain;
}

/* Appends a text unless it is empty; takes the reference. */
static int add_text(PyObject *list, PyObject *text)
{
    if (text == NULL)
        return -1;
    int failed = PyBytes_GET_SIZE(text) ? PyList_Append(list, text) : 0;
    Py_DECREF(text);
    return failed;
}

static int add_run(PyObject *list, const uint8_t *at, const uint8_t *end)
{
    return add_text(list, uncoded_text(at, end));
}

/* Behind the run of a data URL that begins at `at`, with where it begins in `run`; NULL where there is none. */
static const uint8_t *data_url(const uint8_t *at, const uint8_t *end, const uint8_t **run)
{
    if (!continues(at, end, "data:"))
        return NULL;
    const uint8_t *first = at + 5, *last = first;
    while (last < end && last - first < URL_RUN && *last != ',' && !is_white(*last))
        last++;
    for (; last >= first; last--) {
        if (last == end || *last != ';')
            continue;
        const uint8_t *next = last + 1;
        next += next < end && is_white(*next);
        if (!continues(next, end, "base64,"))
            continue;
        next += 7;
        next += next < end && is_white(*next);
        *run = next;
        while (next < end && is_coded(*next))
            next++;
        if (next - *run >= LEAST_URL)
            return next;
    }
    return NULL;
}

static int add_urls(PyObject *list, const uint8_t *at, const uint8_t *end)
{
    for (int left = URLS; left && end - at > 5;) {
        const uint8_t *run, *behind = lower(*at) == 'd' ? data_url(at, end, &run) : NULL;
        if (behind == NULL) {
            at++;
            continue;
        }
        if (add_run(list, run, behind) < 0)
            return -1;
        at = behind;
        left--;
    }
    return 0;
}

static int add_tokens(PyObject *list, const uint8_t *start, const uint8_t *end)
{
    const uint8_t *at = start;
    for (int left = TOKENS; left && end - at > 3;) {
        if (!starts(at, end, "eyJ") || (at > start && (kind[at[-1]] & WORD))) {
            at++;
            continue;
        }
        const uint8_t *dot = at + 3, *last;
        while (dot < end && is_url_safe(*dot))
            dot++;
        last = dot;
        if (dot - at >= 11 && dot < end && *dot == '.' && starts(dot + 1, end, "eyJ")) {
            for (last = dot + 4; last < end && is_url_safe(*last);)
                last++;
            if (last - dot >= 8) {
                if (add_run(list, at, dot) < 0 || add_run(list, dot + 1, last) < 0)
                    return -1;
                at = last;
                left--;
                continue;
            }
        }
        at = dot; /* nothing that begins in this run ends otherwise */
    }
    return 0;
}

/* The credentials of "Basic …": whole, user and password. 0: it is something else. -1: an error. */
static int add_credentials(PyObject *list, const uint8_t *at, const uint8_t *end)
{
    if (!continues(at, end, "basic "))
        return 0;
    at += 6;
    while (at < end && *at == ' ')
        at++;
    const uint8_t *last = at;
    while (last < end && is_coded(*last))
        last++;
    if (last - at < LEAST_BASIC)
        return 0;
    for (int padding = 0; padding < 2 && last < end && *last == '='; padding++)
        last++;
    if (last != end)
        return 0;
    PyObject *plain = uncoded_text(at, last);
    if (plain == NULL)
        return -1;
    const char *text = PyBytes_AS_STRING(plain);
    Py_ssize_t size = PyBytes_GET_SIZE(plain);
    const char *colon = size ? memchr(text, ':', (size_t)size) : NULL;
    int failed = size ? PyList_Append(list, plain) : 0;
    if (colon != NULL && !failed) {
        Py_ssize_t user = colon - text, password = size - user - 1;
        failed = add_text(list, PyBytes_FromStringAndSize(text, user)) < 0
                 || (!(user == password && memcmp(text, colon + 1, (size_t)user) == 0)
                     && add_text(list, PyBytes_FromStringAndSize(colon + 1, password)) < 0);
    }
    Py_DECREF(plain);
    return failed ? -1 : 1;
}

/* The value as a whole where it is base64: without white space, a blank being a "+" that was taken for a form's.
 * 0: it is something else. -1: an error. */
static int add_whole(PyObject *list, const uint8_t *at, const uint8_t *end)
{
    int lines = memchr(at, '\n', (size_t)(end - at)) != NULL;
    while (!lines && at < end && is_white(*at))
        at++;
    while (!lines && end > at && is_white(end[-1]))
        end--;
    Py_ssize_t count = 0, padding = 0;
    int clean = 1; /* nothing has to be taken out or put in */
    for (const uint8_t *next = at; next < end; next++) {
        uint8_t c = *next;
        if (c == ' ' || (lines && (c == '\t' || c == '\r' || c == '\n'))) {
            clean = 0;
            if (lines)
                continue;
            c = '+';
        }
        if (c == '=')
            padding++;
        else if (padding || !is_coded(c))
            return 0;
        else
            count++;
    }
    if (count < LEAST_WHOLE || padding > 2)
        return 0;
    if (clean)
        return add_run(list, at, end) < 0 ? -1 : 1;
    uint8_t *joined = PyMem_Malloc((size_t)count), *out = joined;
    if (joined == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (const uint8_t *next = at; next < end && out - joined < count; next++)
        if (is_coded(*next))
            *out++ = *next;
        else if (!lines && *next == ' ')
            *out++ = '+';
    int failed = add_run(list, joined, out);
    PyMem_Free(joined);
    return failed < 0 ? -1 : 1;
}

static int add_uncoded(PyObject *list, const uint8_t *at, const uint8_t *end)
{
    int done = add_credentials(list, at, end);
    if (!done)
        done = add_whole(list, at, end);
    if (done)
        return done < 0 ? -1 : 0;
    return add_urls(list, at, end) < 0 || add_tokens(list, at, end) < 0 ? -1 : 0;
}
