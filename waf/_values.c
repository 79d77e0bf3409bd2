/* Whether the parameters of a query conform to what was learned of them, at the speed of C.
 *
 * `Query.met` splits a query as waf/profiles/conforming.py does and holds each value against its rule: the bits of the
 * rules that were met, or -1 where anything is not plain or not at once fine. A yes here is a yes there, and the caller
 * asks waf/profiles/check.py about all the rest; tests hold the two together.
 *
 * A rule is a length, a set of bytes, an enumeration, a set of shapes, and what only Python can tell. Values are decoded
 * into a buffer of fixed size; time is linear in the query.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { LONGEST = 4096, SHAPED = 96 };

static uint8_t folded[256]; /* a byte in a shape: values._SHAPE */
static int8_t hex_of[256]; /* of a hexadecimal number; -1 for none */

typedef struct {
    uint64_t bit;
    Py_ssize_t least, most;
    uint8_t allowed[256];
    int all;           /* every byte is allowed */
    PyObject *values;  /* a frozenset, or NULL */
    PyObject *shapes;  /* a frozenset, or NULL */
    PyObject *asked;   /* is true of a value that is fine, or NULL */
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
    if (rule->asked != NULL) {
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
            if (bits & rule->bit)
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
    if (!PyTuple_Check(item)) {
        PyErr_SetString(PyExc_TypeError, "a rule is a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(item, "SKnnSOOO", &name, &bit, &rule->least, &rule->most, &allowed, &values, &shapes, &asked))
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
        PyErr_SetString(PyExc_TypeError, "Query takes no named arguments");
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
    if (PyType_Ready(&QueryType) < 0)
        return NULL;
    PyObject *made = PyModule_Create(&module);
    if (made != NULL && PyModule_AddObjectRef(made, "Query", (PyObject *)&QueryType) < 0)
        Py_CLEAR(made);
    return made;
}
