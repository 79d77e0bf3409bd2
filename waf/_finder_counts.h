/* Where hits stand and how often: fields by name, counts with their sketches (waf/sensitive/whereabouts.py, tally.py). */
#ifndef WAF_FINDER_COUNTS_H
#define WAF_FINDER_COUNTS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include "_finder_marks.h"
#include "_finder_terms.h"

static Place *place_of(Settled *settled, PyObject *entity, PyObject *address, PyObject *action)
{
    for (size_t i = settled->places_count; i-- > 0;) {
        Place *place = &settled->places[i];
        if (place->entity == entity && (place->action == action || PyUnicode_Compare(place->action, action) == 0) &&
            (place->address == address || PyUnicode_Compare(place->address, address) == 0))
            return place;
    }
    return NULL;
}

static Place *more_places(Settled *settled)
{
    Place *places = more_room(settled->places, settled->places_count, &settled->places_room, sizeof *places);
    if (places == NULL)
        return NULL;
    settled->places = places;
    Place *place = &places[settled->places_count++];
    memset(place, 0, sizeof *place);
    return place;
}

/* What was counted in earlier pieces; -1 with an exception. */
static int read_counts(Judge *self, Settled *settled, PyObject *counts)
{
    settled->counted = 1;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(counts); i++) {
        PyObject *object = PyList_GET_ITEM(counts, i);
        Place *place = more_places(settled);
        if (place == NULL)
            return -1;
        place->count_object = object;
        PyObject *entity = PyObject_GetAttr(object, self->entity);
        Py_XDECREF(entity); /* the count keeps it */
        place->entity = entity;
        place->address = entity == NULL ? NULL : PyObject_GetAttr(object, self->address);
        place->action = place->address == NULL ? NULL : PyObject_GetAttr(object, self->action);
        if (place->action == NULL)
            return -1;
        Py_ssize_t sure;
        PyObject *registers = PyObject_GetAttr(object, self->registers);
        int right = registers != NULL && PyBytes_Check(registers) && PyBytes_GET_SIZE(registers) == 64 &&
                    PyUnicode_Check(place->address) && PyUnicode_Check(place->action);
        if (right)
            memcpy(place->registers, PyBytes_AS_STRING(registers), 64);
        else if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "not a count");
        Py_XDECREF(registers);
        if (!right || number_at(object, self->count_word, &place->count) < 0 || number_at(object, self->test, &place->test) < 0 ||
            number_at(object, self->sure, &sure) < 0)
            return -1;
        place->sure = sure != 0;
    }
    return 0;
}

/* tally.Tally.add; -1 with an exception. */
static int count_hit(Judge *self, Settled *settled, Form *form, PyObject *address, PyObject *action, const uint8_t *value,
                     Py_ssize_t size, int sure, int test, const Terms *terms)
{
    if (!settled->counted && read_counts(self, settled, terms->counts) < 0)
        return -1;
    Place *place = place_of(settled, form->entity, address, action);
    if (place == NULL && settled->places_count >= terms->most) {
        address = self->elsewhere;
        place = place_of(settled, form->entity, address, action);
    }
    if (place == NULL) {
        place = more_places(settled);
        if (place == NULL)
            return -1;
        place->entity = form->entity;
        place->address = Py_NewRef(address);
        place->action = Py_NewRef(action);
    }
    place->touched = 1;
    place->count++;
    place->test += test;
    place->sure |= sure;
    sketch_add(place->registers, terms->key, form->id, value, size);
    return 0;
}

/* What was counted goes into the list of counts; -1 with an exception. */
static int keep_counts(Judge *self, const Settled *settled, PyObject *counts)
{
    for (size_t i = 0; i < settled->places_count; i++) {
        const Place *place = &settled->places[i];
        if (!place->touched)
            continue;
        PyObject *values[] = {place->entity, place->address, place->action, PyLong_FromSsize_t(place->count),
                              PyLong_FromSsize_t(place->test), place->sure ? Py_True : Py_False,
                              PyBytes_FromStringAndSize((const char *)place->registers, 64)};
        int failed = values[3] == NULL || values[4] == NULL || values[6] == NULL;
        if (!failed && place->count_object != NULL)
            failed = PyObject_SetAttr(place->count_object, self->count_word, values[3]) < 0 ||
                     PyObject_SetAttr(place->count_object, self->test, values[4]) < 0 ||
                     PyObject_SetAttr(place->count_object, self->sure, values[5]) < 0 ||
                     PyObject_SetAttr(place->count_object, self->registers, values[6]) < 0;
        else if (!failed) {
            PyObject *count = PyObject_Vectorcall(self->count_type, values, 7, NULL);
            failed = count == NULL || PyList_Append(counts, count) < 0;
            Py_XDECREF(count);
        }
        Py_XDECREF(values[3]);
        Py_XDECREF(values[4]);
        Py_XDECREF(values[6]);
        if (failed)
            return -1;
    }
    return 0;
}

/* Where the path in a body stood before this piece: 0, or 1 where it cannot be told, -1 with an exception. */
static int begin_path(Settled *settled, const Terms *terms)
{
    settled->follows = 1;
    if (!terms->piece) {
        settled->path.stack = PyList_New(0);
        settled->path.key = PyUnicode_FromStringAndSize("", 0);
        return settled->path.stack == NULL || settled->path.key == NULL ? -1 : 0;
    }
    PyObject *told = PyObject_CallNoArgs(terms->where);
    if (told == NULL)
        return -1;
    Py_ssize_t from = 0;
    int known = told != Py_None;
    PyObject *stack, *key;
    int right = !known || (PyTuple_Check(told) && PyArg_ParseTuple(told, "O!Upnn", &PyList_Type, &stack, &key, &settled->path.in_string,
                                                                  &from, &settled->followed));
    if (known && right) {
        settled->path.stack = Py_NewRef(stack);
        settled->path.key = Py_NewRef(key);
        settled->path.from = from;
        if (from < 0 || from > settled->followed || settled->followed > terms->raw_size) {
            PyErr_SetString(PyExc_ValueError, "a path that is told beyond the body");
            right = 0;
        }
    }
    Py_DECREF(told);
    if (!right) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "a path, and up to where it is told");
        return -1;
    }
    return !known;
}

/* So many of the names above a value are as much as its address is made of (`_Names` in waf/sensitive/whereabouts.py): all of them, mostly.
 * They are joined in `above` then. -1 with an exception. */
static Py_ssize_t join_above(Settled *settled)
{
    PyObject *stack = settled->path.stack;
    Py_ssize_t depth = PyList_GET_SIZE(stack), few = settled->path.joined;
    Py_ssize_t *ends = settled->above_ends, *characters = settled->above_characters;
    for (; few < depth && few < MOST_DEPTH && characters[few] < MOST_PATH; few++) {
        Py_ssize_t size;
        PyObject *name = PyList_GET_ITEM(stack, few);
        const char *at = PyUnicode_AsUTF8AndSize(name, &size);
        if (at != NULL && size > MOST_ABOVE - ends[few]) {
            PyErr_SetString(PyExc_ValueError, "a name is longer than names are");
            at = NULL;
        }
        if (at == NULL)
            return -1;
        memcpy(settled->above + ends[few], at, (size_t)size);
        ends[few + 1] = ends[few] + size;
        characters[few + 1] = characters[few] + PyUnicode_GET_LENGTH(name);
    }
    settled->path.joined = few;
    return few;
}

/* The first `few` names above a value, which are joined, and, where these are all, its own. A new reference, or NULL with an exception. */
static PyObject *path_of(const Settled *settled, Py_ssize_t few)
{
    Py_ssize_t size = settled->above_ends[few], more = 0;
    const char *key = "";
    if (few == PyList_GET_SIZE(settled->path.stack) && (key = PyUnicode_AsUTF8AndSize(settled->path.key, &more)) == NULL)
        return NULL;
    PyObject *path = PyBytes_FromStringAndSize(NULL, size + more);
    if (path != NULL) {
        memcpy(PyBytes_AS_STRING(path), settled->above, (size_t)size);
        memcpy(PyBytes_AS_STRING(path) + size, key, (size_t)more);
    }
    return path;
}

/* The address of the value at `start`: a new reference, or NULL with an exception or, if `left`, without. */
static PyObject *address_of(Settled *settled, const Terms *terms, Py_ssize_t start)
{
    PyObject *key, *address, *names = terms->names;
    Py_ssize_t few = 0;
    if (terms->named == ONE_NAME)
        return Py_NewRef(names);
    if (terms->named == BY_COLUMN) {
        Columns *columns = &settled->columns;
        go_to(columns, terms->text, start);
        address = Py_NewRef(columns->now.column < PyTuple_GET_SIZE(columns->labels)
                                ? PyTuple_GET_ITEM(columns->labels, columns->now.column)
                                : settled->elsewhere);
    }
    else {
        if (terms->named == BY_LABEL) {
            Run run = label_before(terms->text, start);
            key = PyBytes_FromStringAndSize((const char *)run.at, run.size);
        }
        else {
            int unknown = settled->follows ? 0 : begin_path(settled, terms);
            if (unknown) {
                settled->left = unknown > 0;
                return NULL;
            }
            if (start > settled->followed) {
                if (follow(&settled->path, terms->raw, start) < 0)
                    return NULL;
                settled->followed = start;
            }
            if (settled->deep != NULL && settled->path.lowest >= settled->deep_from)
                return Py_NewRef(settled->deep);
            few = join_above(settled);
            key = few < 0 ? NULL : path_of(settled, few);
        }
        if (key == NULL)
            return NULL;
        address = PyObject_GetItem(names, key);
        Py_DECREF(key);
        if (address != NULL && terms->named == BY_PATH && few < PyList_GET_SIZE(settled->path.stack)) {
            Py_XSETREF(settled->deep, Py_NewRef(address));
            settled->deep_from = few;
            settled->path.lowest = PyList_GET_SIZE(settled->path.stack);
        }
    }
    if (address != NULL && !PyUnicode_Check(address)) {
        PyErr_SetString(PyExc_TypeError, "an address is a str");
        Py_CLEAR(address);
    }
    return address;
}

#endif
