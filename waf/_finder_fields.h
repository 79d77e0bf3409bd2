/* Fields as lines behind their names: `written` of waf/sensitive/lines.py is the reference. */
#ifndef WAF_FINDER_FIELDS_H
#define WAF_FINDER_FIELDS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include "_finder_text.h"

enum { LABELLED = 64, NUMBERED = 7, PARTS = 64 }; /* lines._LABEL, _NUMBER, _PARTS */

typedef struct {
    uint8_t *at;
    size_t used, room;
} Written;

/* Room for so many bytes more; NULL with an exception. */
static uint8_t *written_room(Written *written, size_t more)
{
    if (written->room - written->used < more) {
        size_t room = 2 * written->room + more;
        uint8_t *at = PyMem_Realloc(written->at, room);
        if (at == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        written->at = at;
        written->room = room;
    }
    return written->at + written->used;
}

/* The line break, the label and "=" before a value, of which there is no more than LABELLED + 2; gives their length. */
static size_t label_into(uint8_t *to, const uint8_t *name, Py_ssize_t size)
{
    uint8_t *const first = to;
    int digits = 0;
    if (size > LABELLED) {
        name += size - LABELLED;
        size = LABELLED;
    }
    for (Py_ssize_t i = 0; i < size; i++)
        digits += is(name[i], DIGIT) != 0;
    *to++ = '\n';
    for (Py_ssize_t i = 0; i < size; i++)
        *to++ = digits >= NUMBERED && is(name[i], DIGIT) ? 'x' : name[i] == '\n' ? ' ' : name[i];
    *to++ = '=';
    return (size_t)(to - first);
}

/* The number of a name among `labels`; -1 with an exception. */
static long number_of_label(PyObject *labels, PyObject *name)
{
    PyObject *known = PyDict_GetItemWithError(labels, name); /* borrowed */
    if (known != NULL)
        return PyLong_AsLong(known);
    if (PyErr_Occurred())
        return -1;
    long number = (long)PyDict_GET_SIZE(labels);
    PyObject *value = PyLong_FromLong(number);
    int failed = value == NULL || PyDict_SetItem(labels, name, value) < 0;
    Py_XDECREF(value);
    return failed ? -1 : number;
}

/* One field more; -1 with an exception. */
static int write_field(PyObject *part, PyObject *name, PyObject *value, PyObject *labels, unsigned long long names, Written *text,
                       Written *table)
{
    if (!PyUnicode_Check(name) || !PyBytes_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "a field has a name, and a value of bytes");
        return -1;
    }
    long kind = PyLong_AsLong(part), number = kind == -1 && PyErr_Occurred() ? -1 : number_of_label(labels, name);
    if (number < 0)
        return -1;
    if (kind < 0 || kind >= PARTS) {
        PyErr_SetString(PyExc_ValueError, "no part of a message");
        return -1;
    }
    Py_ssize_t spoken_size, size = PyBytes_GET_SIZE(value);
    PyObject *encoded = NULL;
    const char *spoken = PyUnicode_AsUTF8AndSize(name, &spoken_size);
    if (spoken == NULL) { /* lone surrogates */
        PyErr_Clear();
        encoded = PyUnicode_AsEncodedString(name, "utf-8", "replace");
        if (encoded == NULL)
            return -1;
        spoken = PyBytes_AS_STRING(encoded);
        spoken_size = PyBytes_GET_SIZE(encoded);
    }
    uint8_t *to = written_room(text, LABELLED + 2 + (size_t)size);
    int32_t *row = to == NULL ? NULL : (int32_t *)written_room(table, 4 * sizeof(int32_t));
    int failed = row == NULL;
    if (!failed && text->used + (size_t)size > INT32_MAX / 2) {
        PyErr_SetString(PyExc_OverflowError, "more than fits into a table");
        failed = 1;
    }
    if (!failed) {
        /* A name that is looked at itself says nothing of itself, even where it is no text and is told in another way. */
        int own = (names >> kind & 1) || (size == spoken_size && memcmp(PyBytes_AS_STRING(value), spoken, (size_t)size) == 0);
        text->used += label_into(to, (const uint8_t *)spoken, own ? 0 : spoken_size);
        row[0] = (int32_t)text->used;
        memcpy(text->at + text->used, PyBytes_AS_STRING(value), (size_t)size);
        text->used += (size_t)size;
        row[1] = (int32_t)text->used;
        row[2] = (int32_t)(number * PARTS + kind);
        row[3] = 0;
        table->used += 4 * sizeof(int32_t);
    }
    Py_XDECREF(encoded);
    return failed ? -1 : 0;
}

PyDoc_STRVAR(written_doc, "written(fields, names) -> (text, table)\n\nAs `lines.written`; `names` has a bit for each part of which fields are names.");

static PyObject *module_written(PyObject *unused, PyObject *args)
{
    static PyObject *words[3]; /* kept for good */
    static const char *const spelled[3] = {"part", "name", "value"};
    PyObject *given;
    unsigned long long names;
    if (!PyArg_ParseTuple(args, "OK", &given, &names))
        return NULL;
    for (int i = 0; i < 3; i++)
        if (words[i] == NULL && (words[i] = PyUnicode_InternFromString(spelled[i])) == NULL)
            return NULL;
    PyObject *fields = PySequence_Fast(given, "fields are a sequence"), *labels = fields == NULL ? NULL : PyDict_New();
    Written text = {NULL, 0, 0}, table = {NULL, 0, 0};
    int failed = labels == NULL;
    for (Py_ssize_t i = 0; !failed && i < PySequence_Fast_GET_SIZE(fields); i++) {
        PyObject *field = PySequence_Fast_GET_ITEM(fields, i); /* borrowed */
        PyObject *part = PyObject_GetAttr(field, words[0]), *name = part == NULL ? NULL : PyObject_GetAttr(field, words[1]);
        PyObject *value = name == NULL ? NULL : PyObject_GetAttr(field, words[2]);
        failed = value == NULL || write_field(part, name, value, labels, names, &text, &table) < 0;
        Py_XDECREF(part);
        Py_XDECREF(name);
        Py_XDECREF(value);
    }
    PyObject *made = failed ? NULL : Py_BuildValue("y#y#", text.used ? (char *)text.at : "", (Py_ssize_t)text.used,
                                                   table.used ? (char *)table.at : "", (Py_ssize_t)table.used);
    PyMem_Free(text.at);
    PyMem_Free(table.at);
    Py_XDECREF(fields);
    Py_XDECREF(labels);
    return made;
}

#endif
