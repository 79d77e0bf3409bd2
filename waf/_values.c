/* Whether the values of a query or of a JSON document conform to what was learned of them, at the speed of C.
 *
 * `Query.met` splits a query as waf/profiles/conforming.py does and holds each value against its rule: the bits of the
 * rules that were met, or -1 where anything is not plain or not at once fine. `Document.met` does the same with a document
 * that waf/_bodies.c has found to be plain; it trusts that for what is said twice, never for where memory ends. A yes here
 * is a yes there, and the caller asks waf/profiles/check.py about all the rest; tests hold them together.
 *
 * A rule is a length, a set of bytes, an enumeration, a set of shapes, and what only Python can tell. Values are decoded
 * into a buffer of fixed size; time is linear in what is read.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { LONGEST = 4096, SHAPED = 96, LONGEST_PATH = 256, MOST_DEPTH = 64, ALL_KINDS = 0x3f };
enum { STRING, NUMBER, BOOL, NIL, OBJECT, ARRAY }; /* waf.model.Kind */

static uint8_t folded[256]; /* a byte in a shape: values._SHAPE */
static int8_t hex_of[256]; /* of a hexadecimal number; -1 for none */

typedef struct {
    uint64_t bit;
    Py_ssize_t least, most;
    uint8_t allowed[256];
    int all;           /* every byte is allowed */
    int once;          /* it may not be met twice */
    unsigned kinds;    /* a bit for each that is allowed */
    PyObject *values;  /* a frozenset, or NULL */
    PyObject *shapes;  /* a frozenset, or NULL */
    PyObject *asked;   /* is true of a value that is fine, or NULL */
    unsigned types;    /* of a value of one of these nothing need be asked */
} Rule;

typedef struct {
    PyObject_HEAD
    PyObject *places; /* raw name to number of its rule */
    Rule *rules;
    Py_ssize_t count;
    int others; /* other names may stand there */
} Query;

/* The shape of a value (values.shape_of) into `out`; its length. */
static Py_ssize_t shape(const uint8_t *value, Py_ssize_t length, uint8_t *out)
{
    uint8_t runs[SHAPED];
    Py_ssize_t n = 0, made = 0;
    if (length > SHAPED)
        return 0;
    for (Py_ssize_t i = 0; i < length; i++) {
        uint8_t c = folded[value[i]];
        if (n == 0 || runs[n - 1] != c)
            runs[n++] = c;
    }
    for (Py_ssize_t i = 0; i < n;) {
        if (i + 3 < n && runs[i] == runs[i + 2] && runs[i + 1] == runs[i + 3])
            i += 2;
        else
            out[made++] = runs[i++];
    }
    return made;
}

static int holds(PyObject *set, const uint8_t *data, Py_ssize_t length)
{
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)data, length);
    if (bytes == NULL)
        return -1;
    int found = PySet_Contains(set, bytes);
    Py_DECREF(bytes);
    return found;
}

enum { INT = 1, DECIMAL = 2, HEX = 8, WORD = 12 }; /* values.Type */

static Py_ssize_t digits(const uint8_t *value, Py_ssize_t from, Py_ssize_t length)
{
    Py_ssize_t i = from;
    while (i < length && value[i] >= '0' && value[i] <= '9')
        i++;
    return i - from;
}

/* Whether a value is of one of the types, as values.PATTERNS has them; only those that are told fast. */
static int is_of(unsigned types, const uint8_t *value, Py_ssize_t length)
{
    if (length == 0 || length > 512)
        return 0;
    if (types & (1u << INT | 1u << DECIMAL)) {
        Py_ssize_t sign = value[0] == '-', whole = digits(value, sign, length), at = sign + whole;
        if (types & 1u << INT && at == length && whole >= 1 && whole <= 40)
            return 1;
        if (types & 1u << DECIMAL && whole >= 1 && whole <= 18 && at < length && (value[at] == '.' || value[at] == ',')) {
            Py_ssize_t rest = digits(value, at + 1, length);
            if (rest >= 1 && rest <= 18 && at + 1 + rest == length)
                return 1;
        }
    }
    if (types & (1u << WORD | 1u << HEX)) {
        int word = 1, lower = length >= 8, upper = length >= 8;
        for (Py_ssize_t i = 0; i < length; i++) {
            uint8_t c = value[i];
            int digit_ = c >= '0' && c <= '9', inner = i > 0 && i < length - 1 && (c == '.' || c == '-');
            int letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z' && c < 0x80;
            word &= digit_ || letter || c == '_' || inner;
            lower &= digit_ || (c >= 'a' && c <= 'f');
            upper &= digit_ || (c >= 'A' && c <= 'F');
        }
        if ((types & 1u << WORD && word && length <= 128) || (types & 1u << HEX && (lower || upper)))
            return 1;
    }
    return 0;
}

/* 1 where the value is fine at once, 0 where that is not known, -1 with an exception. */
static int fine(const Rule *rule, const uint8_t *value, Py_ssize_t length)
{
    if (length < rule->least || length > rule->most)
        return 0;
    if (!rule->all)
        for (Py_ssize_t i = 0; i < length; i++)
            if (!rule->allowed[value[i]])
                return 0;
    if (rule->values != NULL) {
        int found = holds(rule->values, value, length);
        if (found <= 0)
            return found;
    }
    if (rule->shapes != NULL) {
        uint8_t made[SHAPED];
        int found = holds(rule->shapes, made, shape(value, length, made));
        if (found <= 0)
            return found;
    }
    if (rule->asked != NULL && !(rule->types && is_of(rule->types, value, length))) {
        PyObject *bytes = PyBytes_FromStringAndSize((const char *)value, length);
        if (bytes == NULL)
            return -1;
        PyObject *said = PyObject_CallOneArg(rule->asked, bytes);
        Py_DECREF(bytes);
        if (said == NULL)
            return -1;
        int yes = said == Py_None ? 0 : PyObject_IsTrue(said);
        Py_DECREF(said);
        return yes;
    }
    return 1;
}

/* A name that is nothing but a name: letters, "_", "." and "-", at most 64. */
static int plain_name(const uint8_t *name, Py_ssize_t length)
{
    if (length < 1 || length > 64)
        return 0;
    for (Py_ssize_t i = 0; i < length; i++) {
        uint8_t c = name[i], lower = c | 0x20;
        if (!((lower >= 'a' && lower <= 'z') || c == '_' || c == '.' || c == '-'))
            return 0;
    }
    return 1;
}

PyDoc_STRVAR(met_doc, "met(query) -> int\n\nThe bits of the rules that were met, -1 where only the fields tell.");

static PyObject *met(PyObject *object, PyObject *argument)
{
    Query *self = (Query *)object;
    if (!PyBytes_Check(argument)) {
        PyErr_SetString(PyExc_TypeError, "a query is bytes");
        return NULL;
    }
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(argument), *end = at + PyBytes_GET_SIZE(argument);
    uint64_t bits = 0;
    uint8_t decoded[LONGEST];
    for (;;) {
        const uint8_t *stop = memchr(at, '&', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        const uint8_t *equals = memchr(at, '=', (size_t)(stop - at));
        if (equals == NULL || stop - equals > LONGEST)
            return PyLong_FromLong(-1);
        PyObject *name = PyBytes_FromStringAndSize((const char *)at, equals - at);
        if (name == NULL)
            return NULL;
        PyObject *place = PyDict_GetItemWithError(self->places, name);
        Py_DECREF(name);
        if (place == NULL) {
            if (PyErr_Occurred())
                return NULL;
            if (!self->others || !plain_name(at, equals - at))
                return PyLong_FromLong(-1);
        }
        else {
            const Rule *rule = &self->rules[PyLong_AsSsize_t(place)];
            const uint8_t *value = equals + 1;
            Py_ssize_t length = stop - value;
            if (bits & rule->bit) /* what stands twice is for the fields */
                return PyLong_FromLong(-1);
            if (memchr(value, '%', (size_t)length) != NULL || memchr(value, '+', (size_t)length) != NULL) {
                Py_ssize_t n = 0;
                for (const uint8_t *p = value; p < stop; p++) {
                    if (*p == '%' && stop - p > 2 && hex_of[p[1]] >= 0 && hex_of[p[2]] >= 0) {
                        decoded[n++] = (uint8_t)(hex_of[p[1]] << 4 | hex_of[p[2]]);
                        p += 2;
                    }
                    else
                        decoded[n++] = *p == '+' ? ' ' : *p;
                }
                value = decoded;
                length = n;
            }
            int yes = fine(rule, value, length);
            if (yes < 0)
                return NULL;
            if (!yes)
                return PyLong_FromLong(-1);
            bits |= rule->bit;
        }
        if (stop == end)
            return PyLong_FromUnsignedLongLong(bits);
        at = stop + 1;
    }
}

/* Where the walk through a document is: the path to it, and what is open. */
typedef struct {
    const Query *rules;
    uint64_t bits;
    uint8_t path[LONGEST_PATH];
    Py_ssize_t length;
} Walk;

/* One value at the path: 1 where it is fine, 0 where only the fields tell, -1 with an exception. */
static int value_at(Walk *walk, int kind, const uint8_t *value, Py_ssize_t length)
{
    PyObject *name = PyBytes_FromStringAndSize((const char *)walk->path, walk->length);
    if (name == NULL)
        return -1;
    PyObject *place = PyDict_GetItemWithError(walk->rules->places, name);
    Py_DECREF(name);
    if (place == NULL) {
        if (PyErr_Occurred())
            return -1;
        if (!walk->rules->others)
            return 0;
        for (Py_ssize_t i = 0; i < walk->length; i++) /* a key that is an id has another name to the rules */
            if (walk->path[i] >= 0x80 || (walk->path[i] >= '0' && walk->path[i] <= '9'))
                return 0;
        return 1;
    }
    const Rule *rule = &walk->rules->rules[PyLong_AsSsize_t(place)];
    if (!(rule->kinds >> kind & 1) || (rule->once && (walk->bits & rule->bit)) || length > LONGEST)
        return 0;
    walk->bits |= rule->bit;
    return fine(rule, value, length);
}

/* A string may hold a document of its own, and then has more fields than one. */
static int holds_more(const uint8_t *value, Py_ssize_t length)
{
    return length > 1 && (value[0] == '{' || value[0] == '[') && (value[length - 1] == '}' || value[length - 1] == ']');
}

static int enter(Walk *walk, const uint8_t *name, Py_ssize_t length)
{
    if (length > LONGEST_PATH - walk->length)
        return 0;
    memcpy(walk->path + walk->length, name, (size_t)length);
    walk->length += length;
    return 1;
}

static const uint8_t *blank(const uint8_t *at, const uint8_t *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

/* Behind the string that begins at `at`, at its closing quote; NULL for one that is not plain. */
static const uint8_t *closing(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at != '"') {
        if (*at == '\\' || *at < 0x20)
            return NULL;
        at++;
    }
    return at == end ? NULL : at;
}

/* A number is shown to the rules as Python writes it; true where that is how it stands there. */
static int usual_number(const uint8_t *at, Py_ssize_t length)
{
    const uint8_t *end = at + length, *first = at;
    if (at < end && *at == '-')
        at++;
    const uint8_t *digits = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    if (at == digits || (at - digits > 1 && *digits == '0') || end - digits > 16)
        return 0;
    if (at == end)
        return !(*digits == '0' && digits != first); /* -0 is written 0 */
    if (*at != '.' || end - at < 2)
        return 0;
    if (*digits == '0' && end - at > 4 && memcmp(at, ".0000", 5) == 0) /* 0.00001 is written 1e-05 */
        return 0;
    const uint8_t *fraction = ++at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at == end && (end[-1] != '0' || end - fraction == 1);
}

PyDoc_STRVAR(document_met_doc, "met(document) -> int\n\nThe same of a JSON document that is known to be plain.");

/* 1 where all is fine, 0 where only the fields tell, -1 with an exception. */
static int walk_through(Walk *walk, const uint8_t *at, const uint8_t *end)
{
    Py_ssize_t back[MOST_DEPTH]; /* how long the path was where each container began */
    uint8_t lists[MOST_DEPTH];
    int depth = 0, fresh = 0; /* fresh: nothing of the innermost container was read */
    for (;;) {
        at = blank(at, end);
        if (at == end)
            return 0;
        if (depth > 0) {
            walk->length = back[depth - 1];
            if (*at == ']' || *at == '}') {
                if ((*at == ']') != lists[depth - 1])
                    return 0;
                if (fresh) {
                    int yes = value_at(walk, *at == ']' ? ARRAY : OBJECT, (const uint8_t *)(*at == ']' ? "[]" : "{}"), 2);
                    if (yes <= 0)
                        return yes;
                }
                at++;
                fresh = 0;
                if (--depth == 0)
                    return blank(at, end) == end;
                continue;
            }
            if (!fresh) {
                if (*at != ',')
                    return 0;
                at = blank(at + 1, end);
                if (at == end)
                    return 0;
            }
            fresh = 0;
            if (lists[depth - 1]) {
                if (!enter(walk, (const uint8_t *)"[]", 2))
                    return 0;
            }
            else {
                if (*at != '"')
                    return 0;
                const uint8_t *name = at + 1, *stop = closing(name, end);
                if (stop == NULL || (walk->length > 0 && !enter(walk, (const uint8_t *)".", 1)) ||
                    !enter(walk, name, stop - name))
                    return 0;
                at = blank(stop + 1, end);
                if (at == end || *at != ':')
                    return 0;
                at = blank(at + 1, end);
                if (at == end)
                    return 0;
            }
        }
        if (*at == '{' || *at == '[') {
            if (depth == MOST_DEPTH)
                return 0;
            lists[depth] = *at == '[';
            back[depth++] = walk->length;
            fresh = 1;
            at++;
            continue;
        }
        if (depth == 0) /* one value is no document here */
            return 0;
        const uint8_t *value = at, *stop;
        int kind;
        if (*at == '"') {
            kind = STRING;
            stop = closing(++value, end);
            if (stop == NULL || holds_more(value, stop - value))
                return 0;
            at = stop + 1;
        }
        else {
            while (at < end && *at != ',' && *at != ']' && *at != '}' && *at > ' ')
                at++;
            stop = at;
            Py_ssize_t length = stop - value;
            if (length == 4 && memcmp(value, "null", 4) == 0)
                kind = NIL;
            else if ((length == 4 && memcmp(value, "true", 4) == 0) || (length == 5 && memcmp(value, "false", 5) == 0))
                kind = BOOL;
            else if (usual_number(value, length))
                kind = NUMBER;
            else
                return 0;
        }
        int yes = value_at(walk, kind, value, stop - value);
        if (yes <= 0)
            return yes;
    }
}

static PyObject *document_met(PyObject *object, PyObject *argument)
{
    if (!PyBytes_Check(argument)) {
        PyErr_SetString(PyExc_TypeError, "a document is bytes");
        return NULL;
    }
    Walk walk = {.rules = (Query *)object};
    const uint8_t *data = (const uint8_t *)PyBytes_AS_STRING(argument);
    int yes = walk_through(&walk, data, data + PyBytes_GET_SIZE(argument));
    if (yes < 0)
        return NULL;
    return yes ? PyLong_FromUnsignedLongLong(walk.bits) : PyLong_FromLong(-1);
}

static int clear(Query *self)
{
    for (Py_ssize_t i = 0; i < self->count; i++) {
        Py_CLEAR(self->rules[i].values);
        Py_CLEAR(self->rules[i].shapes);
        Py_CLEAR(self->rules[i].asked);
    }
    Py_CLEAR(self->places);
    return 0;
}

static int traverse(Query *self, visitproc visit, void *arg)
{
    for (Py_ssize_t i = 0; i < self->count; i++) {
        Py_VISIT(self->rules[i].values);
        Py_VISIT(self->rules[i].shapes);
        Py_VISIT(self->rules[i].asked);
    }
    Py_VISIT(self->places);
    return 0;
}

static void deallocate(Query *self)
{
    PyObject_GC_UnTrack(self);
    clear(self);
    PyMem_Free(self->rules);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* Takes the fields of one rule; 0, or -1 with an exception. */
static int take(Query *self, Rule *rule, PyObject *item)
{
    PyObject *name, *allowed, *values, *shapes, *asked;
    unsigned long long bit;
    int once, kinds, types;
    if (!PyTuple_Check(item)) {
        PyErr_SetString(PyExc_TypeError, "a rule is a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(item, "SKnnSOOOpii", &name, &bit, &rule->least, &rule->most, &allowed, &values, &shapes, &asked,
                          &once, &kinds, &types))
        return -1;
    if (bit == 0 || bit >> 62 || (bit & (bit - 1)) || (values != Py_None && !PyFrozenSet_Check(values)) ||
        (shapes != Py_None && !PyFrozenSet_Check(shapes)) || (asked != Py_None && !PyCallable_Check(asked))) {
        PyErr_SetString(PyExc_ValueError, "no rule: one bit below 62, frozen sets, and something to be called");
        return -1;
    }
    PyObject *number = PyLong_FromSsize_t(self->count);
    int failed = number == NULL || PyDict_SetItem(self->places, name, number) < 0;
    Py_XDECREF(number);
    if (failed)
        return -1;
    rule->bit = bit;
    rule->once = once;
    rule->types = (unsigned)types;
    rule->kinds = (unsigned)kinds & ALL_KINDS;
    memset(rule->allowed, 0, sizeof rule->allowed);
    for (Py_ssize_t i = 0; i < PyBytes_GET_SIZE(allowed); i++)
        rule->allowed[(uint8_t)PyBytes_AS_STRING(allowed)[i]] = 1;
    rule->all = memchr(rule->allowed, 0, sizeof rule->allowed) == NULL;
    rule->values = values == Py_None ? NULL : Py_NewRef(values);
    rule->shapes = shapes == Py_None ? NULL : Py_NewRef(shapes);
    rule->asked = asked == Py_None ? NULL : Py_NewRef(asked);
    self->count++;
    return 0;
}

static PyObject *new(PyTypeObject *type, PyObject *arguments, PyObject *named)
{
    PyObject *rules;
    int others;
    if (named != NULL && PyDict_GET_SIZE(named) != 0) {
        PyErr_SetString(PyExc_TypeError, "no named arguments are taken");
        return NULL;
    }
    if (!PyArg_ParseTuple(arguments, "O!p", &PyTuple_Type, &rules, &others))
        return NULL;
    Query *self = (Query *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->others = others;
    self->places = PyDict_New();
    self->rules = PyMem_Calloc((size_t)PyTuple_GET_SIZE(rules) + 1, sizeof(Rule));
    if (self->places == NULL || self->rules == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(rules); i++)
        if (take(self, &self->rules[self->count], PyTuple_GET_ITEM(rules, i)) < 0) {
            Py_DECREF(self);
            return NULL;
        }
    return (PyObject *)self;
}

static PyMethodDef query_methods[] = {
    {"met", met, METH_O, met_doc},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject QueryType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "waf._values.Query",
    .tp_doc = PyDoc_STR("Query(rules, others): what is demanded of a query."),
    .tp_basicsize = sizeof(Query),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = new,
    .tp_dealloc = (destructor)deallocate,
    .tp_traverse = (traverseproc)traverse,
    .tp_clear = (inquiry)clear,
    .tp_methods = query_methods,
};

static PyMethodDef document_methods[] = {
    {"met", document_met, METH_O, document_met_doc},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject DocumentType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "waf._values.Document",
    .tp_doc = PyDoc_STR("Document(rules, others): what is demanded of a JSON document."),
    .tp_basicsize = sizeof(Query),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = new,
    .tp_dealloc = (destructor)deallocate,
    .tp_traverse = (traverseproc)traverse,
    .tp_clear = (inquiry)clear,
    .tp_methods = document_methods,
};

PyDoc_STRVAR(shape_doc, "shape_of(value) -> bytes\n\nSee waf/profiles/values.py.");

static PyObject *shape_of(PyObject *unused, PyObject *value)
{
    uint8_t made[SHAPED];
    if (!PyBytes_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "a value is bytes");
        return NULL;
    }
    Py_ssize_t length = shape((const uint8_t *)PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), made);
    return PyBytes_FromStringAndSize((const char *)made, length);
}

static PyMethodDef methods[] = {
    {"shape_of", shape_of, METH_O, shape_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "waf._values",
                                    PyDoc_STR("Values that conform, told in C; the reference is Python."), -1,
                                    methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__values(void)
{
    for (int c = 0; c < 256; c++) {
        int lower = c | 0x20;
        folded[c] = c >= 0x80 ? 1 : lower >= 'a' && lower <= 'z' ? 'a' : c >= '0' && c <= '9' ? '0' : (uint8_t)c;
        hex_of[c] = (int8_t)(c >= '0' && c <= '9' ? c - '0' : c < 0x80 && lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1);
    }
    if (PyType_Ready(&QueryType) < 0 || PyType_Ready(&DocumentType) < 0)
        return NULL;
    PyObject *made = PyModule_Create(&module);
    if (made != NULL && (PyModule_AddObjectRef(made, "Query", (PyObject *)&QueryType) < 0 ||
                         PyModule_AddObjectRef(made, "Document", (PyObject *)&DocumentType) < 0))
        Py_CLEAR(made);
    return made;
}
