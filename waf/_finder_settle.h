/* What becomes of the hits of a body that is here whole, as waf/sensitive/stream.py settles them. */
#ifndef WAF_FINDER_SETTLE_H
#define WAF_FINDER_SETTLE_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "_finder_forms.h"
#include "_finder_marks.h"
#include "_finder_places.h"
#include "_finder_text.h"

/* ------------------------------------------------------------------------------------------ what becomes of hits */

enum { ONE_NAME, BY_LABEL, BY_PATH, BY_COLUMN };  /* how fields are named */
enum { NO_RULE, JSON_RULE, MEMBER_RULE, HTML_RULE, ASK }; /* where bare numbers may stand, containers._BARE */

typedef struct {
    PyObject *entity, *address, *action; /* borrowed, new, new */
    Py_ssize_t count, test;
    int sure;
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
    Change *changes;
    size_t changes_count, changes_room;
    Path path;
    Columns columns;
    PyObject *elsewhere; /* the address of what stands in no column; borrowed */
} Settled;

static Form *form_of(Judge *self, PyObject *entity)
{
    for (Py_ssize_t i = 0; i < self->count; i++)
        if (self->entities[i] == entity)
            return &self->forms[i];
    PyErr_SetString(PyExc_ValueError, "a hit of an entity that is not looked for");
    return NULL;
}

/* Whether digits may stand bare there, so that the reference has to look: containers.is_bare_number, erring towards yes. */
static int may_be_bare(int rule, const uint8_t *text, Py_ssize_t size, Py_ssize_t start, Py_ssize_t end)
{
    if (rule == NO_RULE || !all_digits(text + start, end - start))
        return 0;
    if (start > 0 && memchr("\"'`", text[start - 1], 3) != NULL)
        return 0;
    if (rule == ASK)
        return 1;
    if (rule == HTML_RULE && !(start > 0 && text[start - 1] == '>' && end < size && text[end] == '<'))
        return 1; /* it may stand in a script */
    Py_ssize_t low = start > 40 ? start - 40 : 0, at = start;
    if (at > low && text[at - 1] == '-')
        at--;
    for (; at > low && is_json_blank(text[at - 1]); at--)
        if (rule == JSON_RULE && text[at - 1] == '\n')
            return 1;
    if (at == low)
        return 1;
    return rule == JSON_RULE ? memchr(":[,{", text[at - 1], 4) != NULL : text[at - 1] == ':';
}

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

/* tally.Tally.add for a fresh tally; -1 with an exception. */
static int count_hit(Judge *self, Settled *settled, Form *form, PyObject *address, PyObject *action, const uint8_t *value,
                     Py_ssize_t size, int sure, int test, const uint8_t *key, size_t most)
{
    Place *place = place_of(settled, form->entity, address, action);
    if (place == NULL && settled->places_count >= most) {
        address = self->elsewhere;
        place = place_of(settled, form->entity, address, action);
    }
    if (place == NULL) {
        Place *places = more_room(settled->places, settled->places_count, &settled->places_room, sizeof *places);
        if (places == NULL)
            return -1;
        settled->places = places;
        place = &places[settled->places_count++];
        memset(place, 0, sizeof *place);
        place->entity = form->entity;
        place->address = Py_NewRef(address);
        place->action = Py_NewRef(action);
    }
    place->count++;
    place->test += test;
    place->sure |= sure;
    sketch_add(place->registers, key, form->id, value, size);
    return 0;
}

/* The address of the value at `start`: a new reference, or NULL with an exception. */
static PyObject *address_of(Settled *settled, int named, PyObject *names, PyObject *bytes, const uint8_t *raw,
                            Py_ssize_t start)
{
    PyObject *key, *address;
    if (named == ONE_NAME)
        return Py_NewRef(names);
    if (named == BY_COLUMN) {
        Columns *columns = &settled->columns;
        go_to(columns, (const uint8_t *)PyBytes_AS_STRING(bytes), start);
        address = Py_NewRef(columns->now.column < PyTuple_GET_SIZE(columns->labels)
                                ? PyTuple_GET_ITEM(columns->labels, columns->now.column)
                                : settled->elsewhere);
    }
    else {
        if (named == BY_LABEL) {
            Run run = label_before((const uint8_t *)PyBytes_AS_STRING(bytes), start);
            key = PyBytes_FromStringAndSize((const char *)run.at, run.size);
        }
        else {
            if (follow(&settled->path, raw, start) < 0)
                return NULL;
            PyObject *empty = PyUnicode_FromStringAndSize("", 0);
            PyObject *above = empty == NULL ? NULL : PyUnicode_Join(empty, settled->path.stack);
            Py_XDECREF(empty);
            PyObject *path = above == NULL ? NULL : PyUnicode_Concat(above, settled->path.key);
            Py_XDECREF(above);
            key = path == NULL ? NULL : PyUnicode_AsUTF8String(path);
            Py_XDECREF(path);
        }
        if (key == NULL)
            return NULL;
        address = PyObject_GetItem(names, key);
        Py_DECREF(key);
    }
    if (address != NULL && !PyUnicode_Check(address)) {
        PyErr_SetString(PyExc_TypeError, "an address is a str");
        Py_CLEAR(address);
    }
    return address;
}

static int number_at(PyObject *object, PyObject *name, Py_ssize_t *number)
{
    PyObject *value = PyObject_GetAttr(object, name);
    if (value == NULL)
        return -1;
    *number = PyLong_AsSsize_t(value);
    Py_DECREF(value);
    return *number == -1 && PyErr_Occurred() ? -1 : 0;
}

static int note_change(Settled *settled, Change change)
{
    Change *changes = more_room(settled->changes, settled->changes_count, &settled->changes_room, sizeof *changes);
    if (changes == NULL)
        return -1;
    settled->changes = changes;
    changes[settled->changes_count++] = change;
    return 0;
}

/* edits.applied; takes nothing. */
static PyObject *changed(Settled *settled, PyObject *raw)
{
    const char *old = PyBytes_AS_STRING(raw);
    Py_ssize_t size = PyBytes_GET_SIZE(raw), made = 0, done = 0;
    if (settled->changes_count == 0)
        return Py_NewRef(raw);
    for (size_t i = 0; i < settled->changes_count; i++) {
        Change *change = &settled->changes[i];
        if (change->start > done)
            made += change->start - done;
        made += change->text == NULL ? change->end - change->start : PyBytes_GET_SIZE(change->text);
        done = change->end;
    }
    made += size > done ? size - done : 0;
    PyObject *out = PyBytes_FromStringAndSize(NULL, made);
    if (out == NULL)
        return NULL;
    char *at = PyBytes_AS_STRING(out);
    done = 0;
    for (size_t i = 0; i < settled->changes_count; i++) {
        Change *change = &settled->changes[i];
        if (change->start > done) {
            memcpy(at, old + done, (size_t)(change->start - done));
            at += change->start - done;
        }
        if (change->text == NULL) {
            Py_ssize_t length = change->end - change->start;
            memcpy(at, old + change->start, (size_t)length);
            mask((uint8_t *)at, length, change->form->mask, change->form->first, change->form->last);
            at += length;
        }
        else {
            memcpy(at, PyBytes_AS_STRING(change->text), (size_t)PyBytes_GET_SIZE(change->text));
            at += PyBytes_GET_SIZE(change->text);
        }
        done = change->end;
    }
    if (size > done)
        memcpy(at, old + done, (size_t)(size - done));
    return out;
}

/* What `edit(hit, start, end, action)` gives; -1 with an exception. */
static int ask_edit(Judge *self, Settled *settled, PyObject *edit, PyObject *hit, Py_ssize_t start, Py_ssize_t end,
                    PyObject *action, Py_ssize_t size)
{
    PyObject *arguments[] = {hit, PyLong_FromSsize_t(start), PyLong_FromSsize_t(end), action};
    PyObject *given = NULL;
    Change change = {0};
    if (arguments[1] != NULL && arguments[2] != NULL)
        given = PyObject_Vectorcall(edit, arguments, 4, NULL);
    Py_XDECREF(arguments[1]);
    Py_XDECREF(arguments[2]);
    if (given == NULL)
        return -1;
    int failed = number_at(given, self->start, &change.start) < 0 || number_at(given, self->end, &change.end) < 0;
    change.text = failed ? NULL : PyObject_GetAttr(given, self->text);
    Py_DECREF(given);
    if (change.text == NULL)
        return -1;
    if (!PyBytes_Check(change.text) || change.start < 0 || change.end < change.start || change.end > size) {
        PyErr_SetString(PyExc_ValueError, "not an edit of this body");
        Py_DECREF(change.text);
        return -1;
    }
    if (note_change(settled, change) < 0) {
        Py_DECREF(change.text);
        return -1;
    }
    return 0;
}

static void forget_settled(Settled *settled)
{
    for (size_t i = 0; i < settled->places_count; i++) {
        Py_DECREF(settled->places[i].address);
        Py_DECREF(settled->places[i].action);
    }
    for (size_t i = 0; i < settled->changes_count; i++)
        Py_XDECREF(settled->changes[i].text);
    PyMem_Free(settled->places);
    PyMem_Free(settled->changes);
    Py_XDECREF(settled->path.stack);
    Py_XDECREF(settled->path.key);
}

static int says(PyObject *action, const char *word)
{
    return PyUnicode_CompareWithASCIIString(action, word) == 0;
}

PyDoc_STRVAR(settle_doc,
             "settle(text, raw, span, hits, named, names, action, rule, enforce, edit, key, most, put) -> (bytes, bool)\n\n"
             "The body `raw` as policy lets it go on, and whether policy wants it changed. `text` is its view; where their "
             "lengths differ, `span(start, end)` tells what spells a part of it. `action(entity, address)` decides; `edit` gives what is not masked in place; `put` takes the counts.");

static PyObject *judge_settle(Judge *self, PyObject *args)
{
    PyObject *bytes, *raw_bytes, *span, *hits, *names, *action, *edit, *put;
    int named, rule, enforce;
    const char *key;
    Py_ssize_t key_size, most;
    if (!PyArg_ParseTuple(args, "SSOO!iOOipOy#nO", &bytes, &raw_bytes, &span, &PyList_Type, &hits, &named, &names, &action, &rule,
                          &enforce, &edit, &key, &key_size, &most, &put))
        return NULL;
    const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(bytes), *raw = (const uint8_t *)PyBytes_AS_STRING(raw_bytes);
    Py_ssize_t size = PyBytes_GET_SIZE(bytes), raw_size = PyBytes_GET_SIZE(raw_bytes);
    if (key_size != 32 || (named == ONE_NAME && !PyUnicode_Check(names)) || (named == BY_COLUMN && !PyTuple_Check(names))) {
        PyErr_SetString(PyExc_ValueError, "a key of 32 bytes, and names as they are named");
        return NULL;
    }
    Settled settled = {0};
    if (named == BY_COLUMN) {
        PyObject *pair = PyTuple_GetSlice(names, 0, 2);
        int bad = pair == NULL || read_columns(pair, &settled.columns) < 0;
        Py_XDECREF(pair); /* `names` holds what is in it */
        if (bad)
            return NULL;
        if (PyTuple_GET_SIZE(names) != 3) {
            PyErr_SetString(PyExc_ValueError, "addresses, a separator, and the address of all else");
            return NULL;
        }
        settled.elsewhere = PyTuple_GET_ITEM(names, 2);
    }
    settled.path.stack = PyList_New(0);
    settled.path.key = PyUnicode_FromStringAndSize("", 0);
    int failed = settled.path.stack == NULL || settled.path.key == NULL, would = 0;
    Py_ssize_t begin = 0;
    for (Py_ssize_t i = 0; !failed && i < PyList_GET_SIZE(hits); i++) {
        PyObject *hit = Py_NewRef(PyList_GET_ITEM(hits, i));
        PyObject *entity = PyObject_GetAttr(hit, self->entity), *score = NULL, *tested = NULL, *address = NULL;
        PyObject *wanted = NULL;
        Py_ssize_t start, end, from, upto; /* in the text, and in the body */
        failed = 1;
        if (entity == NULL || number_at(hit, self->start, &start) < 0 || number_at(hit, self->end, &end) < 0)
            goto next;
        Form *form = form_of(self, entity);
        if (form == NULL)
            goto next;
        if (start < 0 || end < start || end > size) {
            PyErr_SetString(PyExc_ValueError, "a hit outside of the text");
            goto next;
        }
        from = start;
        upto = end;
        if (span != Py_None) {
            PyObject *pair = PyObject_CallFunction(span, "nn", start, end);
            if (pair == NULL)
                goto next;
            int bad = !PyTuple_Check(pair) || !PyArg_ParseTuple(pair, "nn", &from, &upto);
            Py_DECREF(pair);
            if (bad) {
                if (!PyErr_Occurred())
                    PyErr_SetString(PyExc_TypeError, "a span is a pair");
                goto next;
            }
        }
        if (from < 0 || upto < from || upto > raw_size) {
            PyErr_SetString(PyExc_ValueError, "a hit outside of the body");
            goto next;
        }
        if (upto <= begin) {
            failed = 0;
            goto next;
        }
        score = PyObject_GetAttr(hit, self->score);
        tested = score == NULL ? NULL : PyObject_GetAttr(hit, self->test);
        if (tested == NULL)
            goto next;
        Py_ssize_t first = from > begin ? from : begin;
        int acts = PyFloat_AsDouble(score) >= ACT - 1e-9, test = PyObject_IsTrue(tested);
        if (PyErr_Occurred())
            goto next;
        /* As in the reference: by the place of the value, even where an edit before it reaches into it. */
        address = address_of(&settled, named, names, bytes, raw, named == BY_PATH ? first : start);
        if (address == NULL)
            goto next;
        PyObject *arguments[] = {entity, address};
        wanted = PyObject_Vectorcall(action, arguments, 2, NULL);
        if (wanted == NULL)
            goto next;
        if (!PyUnicode_Check(wanted) || says(wanted, "block")) {
            PyErr_SetString(PyExc_ValueError, "an action that is not for whole bodies");
            goto next;
        }
        failed = 0;
        if (!says(wanted, "ignore")) {
            if (!acts)
                Py_SETREF(wanted, Py_NewRef(self->report));
            failed = count_hit(self, &settled, form, address, wanted, text + start, end - start, acts, test,
                               (const uint8_t *)key, (size_t)most) < 0;
            int masks = says(wanted, "mask");
            if (!failed && !says(wanted, "report")) {
                would = 1;
                if (enforce) {
                    if (masks && first == from && upto - from == end - start &&
                        memcmp(text + start, raw + from, (size_t)(end - start)) == 0 &&
                        !may_be_bare(rule, text, size, start, end))
                        failed = note_change(&settled, (Change){from, upto, NULL, form}) < 0;
                    else
                        failed = ask_edit(self, &settled, edit, hit, first, upto, wanted, raw_size) < 0;
                }
            }
        }
        if (upto > begin)
            begin = upto;
        if (!failed && settled.changes_count > 0 && settled.changes[settled.changes_count - 1].end > begin)
            begin = settled.changes[settled.changes_count - 1].end;
    next:
        Py_DECREF(hit);
        Py_XDECREF(entity);
        Py_XDECREF(score);
        Py_XDECREF(tested);
        Py_XDECREF(address);
        Py_XDECREF(wanted);
    }
    for (size_t i = 0; !failed && i < settled.places_count; i++) {
        Place *place = &settled.places[i];
        PyObject *done = PyObject_CallFunction(put, "OOOnnOy#", place->entity, place->address, place->action, place->count,
                                               place->test, place->sure ? Py_True : Py_False, place->registers,
                                               (Py_ssize_t)64);
        failed = done == NULL;
        Py_XDECREF(done);
    }
    PyObject *out = failed ? NULL : changed(&settled, raw_bytes);
    PyObject *given = out == NULL ? NULL : PyTuple_Pack(2, out, would ? Py_True : Py_False);
    Py_XDECREF(out);
    forget_settled(&settled);
    return given;
}

#endif
