/* Fields as lines behind their names: `written` of waf/sensitive/lines.py is the reference. */
#ifndef WAF_FINDER_FIELDS_H
#define WAF_FINDER_FIELDS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include "_lines.h"

enum { PARTS = 64 }; /* lines._PARTS */

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
static int write_field(PyObject *part, PyObject *name, PyObject *value, PyObject *labels, unsigned long long names, Buffer *text,
                       Buffer *table)
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
    uint8_t *to = room(text, LABEL + 2 + (size_t)size);
    int32_t *row = to == NULL ? NULL : (int32_t *)room(table, 4 * sizeof(int32_t));
    int failed = row == NULL;
    if (failed)
        PyErr_NoMemory();
    else if (text->used + (size_t)size > INT32_MAX / 2) {
        PyErr_SetString(PyExc_OverflowError, "more than fits into a table");
        failed = 1;
    }
    if (!failed) {
        /* A name that is looked at itself says nothing of itself, even where it is no text and is told in another way. */
        int own = (names >> kind & 1) || (size == spoken_size && memcmp(PyBytes_AS_STRING(value), spoken, (size_t)size) == 0);
        to = labelled(to, (const uint8_t *)spoken, own ? 0 : (size_t)spoken_size);
        memcpy(to, PyBytes_AS_STRING(value), (size_t)size);
        row[0] = (int32_t)(to - text->data);
        text->used = (size_t)(to - text->data) + (size_t)size;
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
    Buffer text = {NULL, 0, 0}, table = {NULL, 0, 0};
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
    PyObject *made = failed ? NULL : Py_BuildValue("y#y#", text.used ? (char *)text.data : "", (Py_ssize_t)text.used,
                                                   table.used ? (char *)table.data : "", (Py_ssize_t)table.used);
    PyMem_Free(text.data);
    PyMem_Free(table.data);
    Py_XDECREF(fields);
    Py_XDECREF(labels);
    return made;
}

#endif
