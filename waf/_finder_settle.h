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
    Py_ssize_t begin;    /* of the body, up to here all is settled */
    int would;           /* policy wants something changed */
} Settled;

typedef struct { /* what `screen` was told; all borrowed */
    PyObject *text, *span, *names, *action, *everywhere, *edit;
    const uint8_t *text_at, *raw, *key;
    Py_ssize_t text_size, raw_size;
    size_t most;
    int named, rule, enforce;
} Terms;

enum { BESIDE = 400 }; /* beside.BESIDE */

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

/* find.Hit */
static PyObject *hit_of(Judge *self, const Found *found)
{
    PyObject *arguments[5] = {found->form->entity, PyLong_FromSsize_t(found->start), PyLong_FromSsize_t(found->end),
                              PyFloat_FromDouble(found->score), found->test ? Py_True : Py_False};
    PyObject *hit = NULL;
    if (arguments[1] != NULL && arguments[2] != NULL && arguments[3] != NULL)
        hit = PyObject_Vectorcall(self->hit, arguments, 5, NULL);
    Py_XDECREF(arguments[1]);
    Py_XDECREF(arguments[2]);
    Py_XDECREF(arguments[3]);
    return hit;
}

/* beside.Neighbours.stand_by: whether the one at `which` has near it what it must stand beside. `found` are in order, and apart. */
static int stands_by(const Found *found, size_t count, size_t which)
{
    const Found *one = &found[which];
    size_t low = which, size = strlen(one->form->beside), high = count;
    while (low < high) { /* the first that begins too far behind */
        size_t middle = (low + high) / 2;
        if (found[middle].start < one->end + BESIDE)
            low = middle + 1;
        else
            high = middle;
    }
    while (low-- > 0 && found[low].end > one->start - BESIDE)
        if (strncmp(found[low].form->id, one->form->beside, size) == 0)
            return 1;
    return 0;
}

/* What `edit(hit, start, end, action)` gives; -1 with an exception. */
static int ask_edit(Judge *self, Settled *settled, PyObject *edit, const Found *found, Py_ssize_t start, Py_ssize_t end,
                    PyObject *action, Py_ssize_t size)
{
    PyObject *arguments[] = {hit_of(self, found), PyLong_FromSsize_t(start), PyLong_FromSsize_t(end), action};
    PyObject *given = NULL;
    Change change = {0};
    if (arguments[0] != NULL && arguments[1] != NULL && arguments[2] != NULL)
        given = PyObject_Vectorcall(edit, arguments, 4, NULL);
    Py_XDECREF(arguments[0]);
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

/* What becomes of one value; -1 with an exception. */
static int settle_one(Judge *self, Settled *settled, const Terms *terms, const Found *found)
{
    Py_ssize_t start = found->start, end = found->end, from = start, upto = end; /* in the text, and in the body */
    if (terms->span != Py_None) {
        PyObject *pair = PyObject_CallFunction(terms->span, "nn", start, end);
        if (pair == NULL)
            return -1;
        int bad = !PyTuple_Check(pair) || !PyArg_ParseTuple(pair, "nn", &from, &upto);
        Py_DECREF(pair);
        if (bad) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_TypeError, "a span is a pair");
            return -1;
        }
    }
    if (from < 0 || upto < from || upto > terms->raw_size) {
        PyErr_SetString(PyExc_ValueError, "a hit outside of the body");
        return -1;
    }
    if (upto <= settled->begin)
        return 0;
    Py_ssize_t first = from > settled->begin ? from : settled->begin;
    int failed = 0, acts = found->score >= ACT - 1e-9;
    Form *form = found->form;
    /* As in the reference: by the place of the value, even where an edit before it reaches into it. */
    PyObject *address =
        address_of(settled, terms->named, terms->names, terms->text, terms->raw, terms->named == BY_PATH ? first : start);
    if (address == NULL)
        return -1;
    PyObject *wanted = PyDict_GetItemWithError(terms->everywhere, form->named); /* borrowed */
    if (wanted != NULL)
        Py_INCREF(wanted);
    else if (!PyErr_Occurred()) {
        PyObject *arguments[] = {form->entity, address};
        wanted = PyObject_Vectorcall(terms->action, arguments, 2, NULL);
    }
    if (wanted == NULL || !PyUnicode_Check(wanted) || says(wanted, "block")) {
        if (wanted != NULL)
            PyErr_SetString(PyExc_ValueError, "an action that is not for whole bodies");
        failed = 1;
    }
    else if (!says(wanted, "ignore")) {
        if (!acts)
            Py_SETREF(wanted, Py_NewRef(self->report));
        const uint8_t *value = terms->text_at + start;
        failed = count_hit(self, settled, form, address, wanted, value, end - start, acts, found->test, terms->key,
                           terms->most) < 0;
        if (!failed && !says(wanted, "report")) {
            settled->would = 1;
            if (terms->enforce) {
                if (says(wanted, "mask") && first == from && upto - from == end - start &&
                    memcmp(value, terms->raw + from, (size_t)(end - start)) == 0 &&
                    !may_be_bare(terms->rule, terms->text_at, terms->text_size, start, end))
                    failed = note_change(settled, (Change){from, upto, NULL, form}) < 0;
                else
                    failed = ask_edit(self, settled, terms->edit, found, first, upto, wanted, terms->raw_size) < 0;
            }
        }
    }
    if (upto > settled->begin)
        settled->begin = upto;
    if (settled->changes_count > 0 && settled->changes[settled->changes_count - 1].end > settled->begin)
        settled->begin = settled->changes[settled->changes_count - 1].end;
    Py_DECREF(address);
    Py_XDECREF(wanted);
    return failed ? -1 : 0;
}

/* A list of tally.Count; NULL with an exception. */
static PyObject *counts_of(Judge *self, const Settled *settled)
{
    PyObject *counts = PyList_New((Py_ssize_t)settled->places_count);
    for (size_t i = 0; counts != NULL && i < settled->places_count; i++) {
        const Place *place = &settled->places[i];
        PyObject *arguments[] = {place->entity, place->address, place->action, PyLong_FromSsize_t(place->count),
                                 PyLong_FromSsize_t(place->test), place->sure ? Py_True : Py_False,
                                 PyBytes_FromStringAndSize((const char *)place->registers, 64)};
        PyObject *count = NULL;
        if (arguments[3] != NULL && arguments[4] != NULL && arguments[6] != NULL)
            count = PyObject_Vectorcall(self->count_type, arguments, 7, NULL);
        Py_XDECREF(arguments[3]);
        Py_XDECREF(arguments[4]);
        Py_XDECREF(arguments[6]);
        if (count == NULL)
            Py_CLEAR(counts);
        else
            PyList_SET_ITEM(counts, (Py_ssize_t)i, count);
    }
    return counts;
}

/* What becomes of what was found: (the body, whether policy wants it changed, the counts); NULL with an exception. `args` are those
 * of `screen` from `raw` on. */
static PyObject *settle_found(Judge *self, PyObject *text, const Found *found, size_t count, PyObject *const *args)
{
    Terms terms = {.text = text, .text_at = (const uint8_t *)PyBytes_AS_STRING(text), .text_size = PyBytes_GET_SIZE(text),
                   .span = args[1], .named = (int)PyLong_AsLong(args[2]), .names = args[3], .rule = (int)PyLong_AsLong(args[5]),
                   .enforce = PyObject_IsTrue(args[6]), .edit = args[7], .most = (size_t)PyLong_AsSize_t(args[9])};
    if (PyErr_Occurred())
        return NULL;
    PyObject *raw = args[0], *orders = args[4], *key = args[8];
    if (!PyBytes_Check(raw) || !PyTuple_Check(orders) || PyTuple_GET_SIZE(orders) != 2 ||
        !PyDict_Check(PyTuple_GET_ITEM(orders, 1)) || !PyBytes_Check(key)) {
        PyErr_SetString(PyExc_TypeError, "a body, orders with what holds everywhere, a key");
        return NULL;
    }
    terms.raw = (const uint8_t *)PyBytes_AS_STRING(raw);
    terms.raw_size = PyBytes_GET_SIZE(raw);
    terms.action = PyTuple_GET_ITEM(orders, 0);
    terms.everywhere = PyTuple_GET_ITEM(orders, 1);
    terms.key = (const uint8_t *)PyBytes_AS_STRING(key);
    if (PyBytes_GET_SIZE(key) != 32 || (terms.named == ONE_NAME && !PyUnicode_Check(terms.names)) ||
        (terms.named == BY_COLUMN && (!PyTuple_Check(terms.names) || PyTuple_GET_SIZE(terms.names) != 3))) {
        PyErr_SetString(PyExc_ValueError, "a key of 32 bytes, and names as they are named");
        return NULL;
    }
    Settled settled = {0};
    if (terms.named == BY_COLUMN) {
        PyObject *pair = PyTuple_GetSlice(terms.names, 0, 2);
        int bad = pair == NULL || read_columns(pair, &settled.columns) < 0;
        Py_XDECREF(pair); /* `names` holds what is in it */
        if (bad)
            return NULL;
        settled.elsewhere = PyTuple_GET_ITEM(terms.names, 2);
    }
    int failed = 0;
    if (terms.named == BY_PATH) {
        settled.path.stack = PyList_New(0);
        settled.path.key = PyUnicode_FromStringAndSize("", 0);
        failed = settled.path.stack == NULL || settled.path.key == NULL;
    }
    for (size_t i = 0; !failed && i < count; i++)
        failed = settle_one(self, &settled, &terms, &found[i]) < 0;
    PyObject *counts = failed ? NULL : counts_of(self, &settled);
    PyObject *out = counts == NULL ? NULL : changed(&settled, raw);
    PyObject *given = out == NULL ? NULL : PyTuple_Pack(3, out, settled.would ? Py_True : Py_False, counts);
    Py_XDECREF(counts);
    Py_XDECREF(out);
    forget_settled(&settled);
    return given;
}

#endif
