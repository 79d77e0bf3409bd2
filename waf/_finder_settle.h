/* What becomes of the hits of a body, or of a piece of one, as waf/sensitive/stream.py settles them. */
#ifndef WAF_FINDER_SETTLE_H
#define WAF_FINDER_SETTLE_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include "_finder_changes.h"
#include "_finder_counts.h"
#include "_finder_terms.h"

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

static void forget_settled(Settled *settled)
{
    for (size_t i = 0; i < settled->places_count; i++) {
        Py_XDECREF(settled->places[i].address);
        Py_XDECREF(settled->places[i].action);
    }
    for (size_t i = 0; i < settled->changes_count; i++)
        Py_XDECREF(settled->changes[i].text);
    PyMem_Free(settled->places);
    PyMem_Free(settled->changes);
    Py_XDECREF(settled->path.stack);
    Py_XDECREF(settled->path.key);
    Py_XDECREF(settled->deep);
}

/* What becomes of one value that is spelled by [from, upto); -1 with an exception or, if it is `left`, without. */
static int settle_one(Judge *self, Settled *settled, const Terms *terms, const Found *found, Py_ssize_t from, Py_ssize_t upto,
                      Py_ssize_t first)
{
    Py_ssize_t start = found->start, end = found->end;
    int failed = 0, acts = found->score >= ACT - 1e-9;
    Form *form = found->form;
    /* As in the reference: by the place of the value, even where an edit before it reaches into it. */
    PyObject *address = address_of(settled, terms, terms->named == BY_PATH ? first : start);
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
            PyErr_SetString(PyExc_ValueError, "an action that is not done here");
        failed = 1;
    }
    else if (!says(wanted, "ignore")) {
        if (!acts)
            Py_SETREF(wanted, Py_NewRef(self->report));
        failed = count_hit(self, settled, form, address, wanted, terms->text + start, end - start, acts, found->test, terms) < 0;
        if (!failed && !says(wanted, "report")) {
            settled->would = 1;
            if (terms->enforce)
                failed = change_value(self, settled, terms, found, from, upto, first, wanted) < 0;
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

/* stream.Redactor._undecided */
static int is_undecided(const Terms *terms, Py_ssize_t end)
{
    Py_ssize_t at = end;
    while (at < terms->text_size && at - end < BLANKS && (terms->text[at] == ' ' || terms->text[at] == '\t'))
        at++;
    return at == terms->text_size && at - end < BLANKS;
}

/* stream.Redactor._beside: 1 where it stands by what it must, -1 with an exception. */
static int stands_beside(const Terms *terms, const Found *found, size_t count, size_t which)
{
    PyObject *last = PyDict_GetItemWithError(terms->seen, found[which].form->neighbour); /* borrowed */
    if (last == NULL && PyErr_Occurred())
        return -1;
    if (last != NULL) {
        Py_ssize_t place = PyLong_AsSsize_t(last);
        if (place == -1 && PyErr_Occurred())
            return -1;
        if (terms->passed + found[which].start - terms->offset - place <= BESIDE)
            return 1;
    }
    return stands_by(found, count, which);
}

/* Remember where a value stood that others count beside. */
static int note_seen(const Terms *terms, const Form *form, Py_ssize_t upto)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(terms->lasting); i++) {
        PyObject *wanted = PyTuple_GET_ITEM(terms->lasting, i);
        Py_ssize_t size;
        const char *word = PyUnicode_AsUTF8AndSize(wanted, &size);
        if (word == NULL)
            return -1;
        if (strncmp(form->id, word, (size_t)size) != 0)
            continue;
        PyObject *place = PyLong_FromSsize_t(terms->passed + upto - terms->offset);
        int failed = place == NULL || PyDict_SetItem(terms->seen, wanted, place) < 0;
        Py_XDECREF(place);
        if (failed)
            return -1;
    }
    return 0;
}

/* stream.Redactor._settle: -1 with an exception or, if it is `left`, without. */
static int settle_all(Judge *self, Settled *settled, Terms *terms, const Found *found, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const Found *one = &found[i];
        Py_ssize_t from = one->start, upto = one->end;
        if (terms->view->count > 0 && view_span(terms->view, one->start, one->end, &from, &upto) < 0)
            return -1;
        if (from < 0 || upto < from || upto > terms->raw_size) {
            PyErr_SetString(PyExc_ValueError, "a hit outside of the body");
            return -1;
        }
        if (upto <= settled->begin)
            continue;
        if (from >= terms->limit)
            break;
        Py_ssize_t first = from > settled->begin ? from : settled->begin;
        if (terms->piece && !(terms->flags & FINAL)) {
            if (one->form->endless.call != NULL && terms->raw_size - upto < PARTIAL) {
                settled->left = 1; /* it may go on */
                return -1;
            }
            if (is_undecided(terms, one->end)) {
                terms->limit = first;
                return 0;
            }
        }
        if (terms->piece && one->form->beside[0]) {
            int stands = stands_beside(terms, found, count, i);
            if (stands < 0)
                return -1;
            if (!stands && !(terms->flags & (FINAL | IDLE)) && terms->text_size - one->end < BESIDE) {
                terms->limit = first;
                return 0;
            }
            if (!stands && !(terms->flags & IDLE))
                continue;
        }
        if (settle_one(self, settled, terms, one, from, upto, first) < 0 || (terms->piece && note_seen(terms, one->form, upto) < 0))
            return -1;
        if (settled->begin > terms->limit)
            terms->limit = settled->begin;
    }
    if (settled->begin > terms->limit)
        terms->limit = settled->begin;
    return 0;
}

/* Reads what `screen` was told behind the candidates: named, names, orders, rule, enforce, edit, key, most, counts, piece; -1 with an
 * exception. */
static int read_terms(PyObject *view, PyObject *const *args, Terms *terms)
{
    if (!PyObject_TypeCheck(view, &ViewType)) {
        PyErr_SetString(PyExc_TypeError, "a view, as waf._finder makes it");
        return -1;
    }
    *terms = (Terms){.view = (View *)view, .named = (int)PyLong_AsLong(args[0]), .names = args[1], .rule = (int)PyLong_AsLong(args[3]),
                     .enforce = PyObject_IsTrue(args[4]), .edit = args[5], .most = (size_t)PyLong_AsSize_t(args[7]), .counts = args[8]};
    if (PyErr_Occurred())
        return -1;
    PyObject *orders = args[2], *key = args[6];
    if (!PyTuple_Check(orders) || PyTuple_GET_SIZE(orders) != 2 || !PyDict_Check(PyTuple_GET_ITEM(orders, 1)) || !PyBytes_Check(key) ||
        !PyList_Check(terms->counts)) {
        PyErr_SetString(PyExc_TypeError, "orders with what holds everywhere, a key, a list of counts");
        return -1;
    }
    terms->raw = (const uint8_t *)PyBytes_AS_STRING(terms->view->raw);
    terms->raw_size = PyBytes_GET_SIZE(terms->view->raw);
    terms->text = (const uint8_t *)PyBytes_AS_STRING(terms->view->text);
    terms->text_size = PyBytes_GET_SIZE(terms->view->text);
    terms->action = PyTuple_GET_ITEM(orders, 0);
    terms->everywhere = PyTuple_GET_ITEM(orders, 1);
    terms->key = (const uint8_t *)PyBytes_AS_STRING(key);
    terms->limit = terms->raw_size;
    terms->ceiling = -1;
    if (PyBytes_GET_SIZE(key) != 32 || (terms->named == ONE_NAME && !PyUnicode_Check(terms->names)) ||
        (terms->named == BY_COLUMN && (!PyTuple_Check(terms->names) || PyTuple_GET_SIZE(terms->names) != 3))) {
        PyErr_SetString(PyExc_ValueError, "a key of 32 bytes, and names as they are named");
        return -1;
    }
    if (args[9] == Py_None)
        return 0;
    terms->piece = 1;
    if (!PyTuple_Check(args[9])) {
        PyErr_SetString(PyExc_TypeError, "a piece is a tuple, or None");
        return -1;
    }
    if (!PyArg_ParseTuple(args[9], "nnnnniO!O!O", &terms->offset, &terms->limit, &terms->floor, &terms->ceiling, &terms->passed,
                          &terms->flags, &PyDict_Type, &terms->seen, &PyTuple_Type, &terms->lasting, &terms->where))
        return -1;
    if (terms->offset < 0 || terms->limit < terms->offset || terms->limit > terms->raw_size || terms->floor < 0 ||
        terms->floor > terms->text_size) {
        PyErr_SetString(PyExc_ValueError, "a piece that is not within the body");
        return -1;
    }
    return 0;
}

/* What becomes of what was found, as `screen` gives it; NULL with an exception. */
static PyObject *settle_found(Judge *self, Terms *terms, const Found *found, size_t count)
{
    Settled settled = {.begin = terms->offset, .script = (terms->flags & IN_SCRIPT) != 0};
    if (terms->named == BY_COLUMN) {
        PyObject *pair = PyTuple_GetSlice(terms->names, 0, 2);
        int bad = pair == NULL || read_columns(pair, &settled.columns) < 0;
        Py_XDECREF(pair); /* `names` holds what is in it */
        if (bad)
            return NULL;
        settled.elsewhere = PyTuple_GET_ITEM(terms->names, 2);
    }
    PyObject *given = NULL;
    int failed = settle_all(self, &settled, terms, found, count) < 0;
    PyObject *out = failed ? NULL : changed(&settled, terms->view->raw, terms->offset, terms->limit);
    if (out != NULL && keep_counts(self, &settled, terms->counts) < 0)
        Py_CLEAR(out);
    if (failed && settled.left)
        given = Py_NewRef(Py_None);
    else if (out != NULL && !terms->piece)
        given = PyTuple_Pack(2, out, settled.would ? Py_True : Py_False);
    else if (out != NULL) {
        PyObject *path = settled.follows ? Py_BuildValue("OOOnn", settled.path.stack, settled.path.key,
                                                         settled.path.in_string ? Py_True : Py_False, settled.path.from, settled.followed)
                                         : Py_NewRef(Py_None);
        if (path != NULL)
            given = Py_BuildValue("OOnN", out, settled.would ? Py_True : Py_False, terms->limit - terms->offset, path);
    }
    Py_XDECREF(out);
    forget_settled(&settled);
    return given;
}

#endif
