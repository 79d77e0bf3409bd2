/* What `screen` is told, and what it keeps while it settles the hits of a body. */
#ifndef WAF_FINDER_TERMS_H
#define WAF_FINDER_TERMS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include "_finder_forms.h"
#include "_finder_places.h"
#include "_finder_text.h"
#include "_finder_views.h"

enum { ONE_NAME, BY_LABEL, BY_PATH, BY_COLUMN };                      /* how fields are named */
enum { NO_RULE, JSON_RULE, MEMBER_RULE, HTML_RULE, SCRIPT_RULE };     /* where bare numbers may stand, containers._BARE */
enum { BESIDE = 400, LONGEST_KEPT = 512, PARTIAL = 8, BLANKS = 64 }; /* beside.BESIDE; stream._PARTIAL, stream._SPACES */
enum { MOST_PATH = 257 };  /* characters: one more than the longest name that is looked at has bytes */
enum { MOST_ABOVE = 2048 }; /* bytes of those, the last name of them with its bytes */
enum { FINAL = 1, IDLE = 2, IN_SCRIPT = 4 };

typedef struct {
    PyObject *entity, *address, *action; /* borrowed, new, new */
    PyObject *count_object;              /* of an earlier piece: borrowed from the list of counts; NULL: new */
    Py_ssize_t count, test;
    int sure, touched;
    uint8_t registers[64];
} Place;

typedef struct {
    Py_ssize_t start, end;
    PyObject *text; /* NULL: masked in place */
    Form *form;
} Change;

typedef struct {
    Place *places;
    size_t places_count, places_room;
    int counted; /* what was counted in earlier pieces is among `places` */
    Change *changes;
    size_t changes_count, changes_room;
    Path path;
    int follows;         /* `path` is known */
    Py_ssize_t followed; /* the path is told up to here */
    PyObject *deep;      /* the address of all below the first `deep_from` names of the path, which are more than it is made of; NULL: of none */
    Py_ssize_t deep_from;
    uint8_t above[MOST_ABOVE]; /* the lowest names of the path, joined, and up to where each reaches in bytes and in characters */
    Py_ssize_t above_ends[MOST_DEPTH + 1], above_characters[MOST_DEPTH + 1];
    Columns columns;
    PyObject *elsewhere;        /* the address of what stands in no column; borrowed */
    Py_ssize_t begin;           /* of the body, up to here all is settled */
    Py_ssize_t tags_at, script; /* mark-up was read up to the first for scripts; whether it was in one */
    int would;                  /* policy wants something changed */
    int left;                   /* it is for the reference to do */
} Settled;

typedef struct { /* what was told; all borrowed */
    View *view;
    PyObject *names, *action, *everywhere, *edit, *counts;
    const uint8_t *text, *raw, *key;
    Py_ssize_t text_size, raw_size;
    size_t most;
    int named, rule, enforce;
    /* of a piece; places are those of `raw` */
    int piece, flags;
    Py_ssize_t offset, limit, floor, ceiling, passed;
    PyObject *seen, *lasting, *where;
} Terms;

static int number_at(PyObject *object, PyObject *name, Py_ssize_t *number)
{
    PyObject *value = PyObject_GetAttr(object, name);
    if (value == NULL)
        return -1;
    *number = PyLong_AsSsize_t(value);
    Py_DECREF(value);
    return *number == -1 && PyErr_Occurred() ? -1 : 0;
}

#endif
