/* What becomes of the hits of a body, or of a piece of one, as waf/sensitive/stream.py settles them. */
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
#include "_finder_views.h"

/* ------------------------------------------------------------------------------------------ what becomes of hits */

enum { ONE_NAME, BY_LABEL, BY_PATH, BY_COLUMN };                      /* how fields are named */
enum { NO_RULE, JSON_RULE, MEMBER_RULE, HTML_RULE, SCRIPT_RULE };     /* where bare numbers may stand, containers._BARE */
enum { BESIDE = 400, LONGEST_KEPT = 512, PARTIAL = 8, BLANKS = 64 }; /* beside.BESIDE; stream._PARTIAL, stream._SPACES */
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

/* Whether what stands behind a number ends it where the grammar allows digits only: containers._MEMBER_AFTER and _CODE_AFTER. */
static int ends_bare(const uint8_t *text, Py_ssize_t size, Py_ssize_t end, const char *behind)
{
    while (end < size && (text[end] == ' ' || text[end] == '\t'))
        end++;
    return end == size || memchr(behind, text[end], strlen(behind)) != NULL;
}

/* containers.is_bare_number for digits. */
static int is_bare(int rule, const uint8_t *text, Py_ssize_t size, Py_ssize_t start, Py_ssize_t end)
{
    if (rule == NO_RULE || (start > 0 && memchr("\"'`", text[start - 1], 3) != NULL))
        return 0;
    if (!ends_bare(text, size, end, rule == SCRIPT_RULE ? "\r\n,}]);+*/<>?&|:-" : "\r\n,}]"))
        return 0;
    Py_ssize_t low = start > 40 ? start - 40 : 0, at = start;
    if (rule != SCRIPT_RULE && at > low && text[at - 1] == '-')
        at--;
    for (; at > low && is_json_blank(text[at - 1]); at--)
        if (rule == JSON_RULE && text[at - 1] == '\n')
            return 1;
    if (at == low)
        return rule == JSON_RULE;
    if (rule == JSON_RULE)
        return memchr(":[,{", text[at - 1], 4) != NULL;
    if (rule == SCRIPT_RULE)
        return memchr("=:([,+*/<>?&|!;{-", text[at - 1], 17) != NULL ||
               (at - low >= 6 && memcmp(text + at - 6, "return", 6) == 0 && (at - low == 6 || !is_word(text[at - 7])));
    if (text[--at] != ':')
        return 0;
    while (at > low && (text[at - 1] == ' ' || text[at - 1] == '\t'))
        at--;
    return at > low && (text[at - 1] == '"' || text[at - 1] == '\'');
}

/* stream.Redactor._container_at for digits in mark-up: within a script it has a grammar of its own. Places ascend. */
static int rule_at(Settled *settled, const Terms *terms, Py_ssize_t start, Py_ssize_t end)
{
    const uint8_t *text = terms->text;
    if (terms->rule != HTML_RULE || (start > 0 && text[start - 1] == '>' && end < terms->text_size && text[end] == '<'))
        return terms->rule == HTML_RULE ? MEMBER_RULE : terms->rule;
    for (;;) {
        const uint8_t *tag = settled->tags_at < start ? memchr(text + settled->tags_at, '<', (size_t)(start - settled->tags_at)) : NULL;
        if (tag == NULL)
            break;
        int closes = terms->text_size - (tag - text) > 1 && tag[1] == '/';
        settled->tags_at = tag - text + 1;
        if (terms->text_size - settled->tags_at >= 6 + closes && memcmp(tag + 1 + closes, "script", 6) == 0)
            settled->script = !closes;
    }
    if (settled->tags_at < start)
        settled->tags_at = start;
    return settled->script ? SCRIPT_RULE : MEMBER_RULE;
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

static int number_at(PyObject *object, PyObject *name, Py_ssize_t *number)
{
    PyObject *value = PyObject_GetAttr(object, name);
    if (value == NULL)
        return -1;
    *number = PyLong_AsSsize_t(value);
    Py_DECREF(value);
    return *number == -1 && PyErr_Occurred() ? -1 : 0;
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

/* The address of the value at `start`: a new reference, or NULL with an exception or, if `left`, without. */
static PyObject *address_of(Settled *settled, const Terms *terms, Py_ssize_t start)
{
    PyObject *key, *address, *names = terms->names;
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

static int note_change(Settled *settled, Change change)
{
    Change *changes = more_room(settled->changes, settled->changes_count, &settled->changes_room, sizeof *changes);
    if (changes == NULL)
        return -1;
    settled->changes = changes;
    changes[settled->changes_count++] = change;
    return 0;
}

/* edits.applied to what of the body stands in [low, high); takes nothing. */
static PyObject *changed(Settled *settled, PyObject *raw, Py_ssize_t low, Py_ssize_t high)
{
    const char *old = PyBytes_AS_STRING(raw);
    Py_ssize_t made = 0, done = low;
    if (settled->changes_count == 0 && low == 0 && high == PyBytes_GET_SIZE(raw))
        return Py_NewRef(raw);
    for (size_t i = 0; i < settled->changes_count; i++) {
        Change *change = &settled->changes[i];
        if (change->start > done)
            made += change->start - done;
        made += change->text == NULL ? change->end - change->start : PyBytes_GET_SIZE(change->text);
        done = change->end;
    }
    made += high > done ? high - done : 0;
    PyObject *out = PyBytes_FromStringAndSize(NULL, made);
    if (out == NULL || made == 0)
        return out;
    char *at = PyBytes_AS_STRING(out);
    done = low;
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
    if (high > done)
        memcpy(at, old + done, (size_t)(high - done));
    return out;
}

/* views.spelled into `out`, which holds as many bytes as `piece`; 0 where it takes more or fewer. */
static int spelled(const uint8_t *piece, Py_ssize_t size, uint8_t byte, uint8_t *out)
{
    char room[LONGEST_UNIT + 4];
    int made = 0;
    if (size == 1) {
        *out = byte;
        return 1;
    }
    if (piece[0] == '\\' && (piece[1] == 'u' || piece[1] == 'x'))
        made = snprintf(room, sizeof room, piece[1] == 'u' ? "\\u%04x" : "\\x%02x", byte);
    else if (piece[0] == '%')
        made = snprintf(room, sizeof room, "%%%02X", byte);
    else if (piece[0] == '&' && piece[1] == '#' && (piece[2] == 'x' || piece[2] == 'X'))
        made = snprintf(room, sizeof room, "&#%c%0*x;", piece[2], (int)size - 4, byte);
    else if (piece[0] == '&' && piece[1] == '#')
        made = snprintf(room, sizeof room, "&#%0*d;", (int)size - 3, byte);
    else {
        memset(out, byte, (size_t)size);
        return 1;
    }
    if (made != size)
        return 0;
    memcpy(out, room, (size_t)size);
    return 1;
}

/* views.over: `value` written over what spells the text from `start` on; 0 where it does not fit, -1 with an exception. */
static int write_over(View *view, Py_ssize_t start, const uint8_t *value, Py_ssize_t size, uint8_t *out)
{
    const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(view->text), *raw = (const uint8_t *)PyBytes_AS_STRING(view->raw);
    if (map_units(view) < 0)
        return -1;
    for (Py_ssize_t i = 0; i < size; i++) {
        Py_ssize_t from, upto;
        view_at(view, start + i, &from, &upto);
        if (value[i] == text[start + i])
            memcpy(out, raw + from, (size_t)(upto - from));
        else if (!spelled(raw + from, upto - from, value[i], out))
            return 0;
        out += upto - from;
    }
    return 1;
}

/* What masks a value that is spelled by [from, upto), of which all before `first` has gone: 1 and bytes; 0 where it does not fit, -1 with
 * an exception. */
static int masked_text(const Terms *terms, const Found *found, Py_ssize_t from, Py_ssize_t upto, Py_ssize_t first, int bare,
                       PyObject **out)
{
    Py_ssize_t size = found->end - found->start;
    uint8_t room[LONGEST_KEPT], *value = size > LONGEST_KEPT ? PyMem_Malloc((size_t)size) : room;
    PyObject *text = value == NULL ? NULL : PyBytes_FromStringAndSize(NULL, upto - from);
    int fits = -1;
    if (value == NULL)
        PyErr_NoMemory();
    else if (text != NULL) {
        memcpy(value, terms->text + found->start, (size_t)size);
        mask(value, size, found->form->mask, found->form->first, found->form->last);
        for (Py_ssize_t i = 0; bare && i < size; i++)
            value[i] = value[i] == '*' ? '0' : value[i];
        if (bare && size > 1 && value[0] == '0')
            value[0] = '1';
        fits = write_over(terms->view, found->start, value, size, (uint8_t *)PyBytes_AS_STRING(text));
    }
    if (value != room)
        PyMem_Free(value);
    if (fits > 0 && first > from) {
        PyObject *rest = PyBytes_FromStringAndSize(PyBytes_AS_STRING(text) + (first - from), upto - first);
        Py_SETREF(text, rest);
        fits = rest == NULL ? -1 : 1;
    }
    if (fits > 0)
        *out = text;
    else
        Py_XDECREF(text);
    return fits;
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
        Py_XDECREF(settled->places[i].address);
        Py_XDECREF(settled->places[i].action);
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

/* What takes a value's place; -1 with an exception. */
static int change_value(Judge *self, Settled *settled, const Terms *terms, const Found *found, Py_ssize_t from, Py_ssize_t upto,
                        Py_ssize_t first, PyObject *wanted)
{
    Py_ssize_t size = found->end - found->start;
    if (says(wanted, "mask")) {
        const uint8_t *value = terms->text + found->start;
        int bare = all_digits(value, size) && terms->rule != NO_RULE;
        if (bare)
            bare = is_bare(rule_at(settled, terms, found->start, found->end), terms->text, terms->text_size, found->start, found->end);
        if (!bare && first == from && upto - from == size && memcmp(value, terms->raw + from, (size_t)size) == 0)
            return note_change(settled, (Change){from, upto, NULL, found->form});
        Change change = {first, upto, NULL, found->form};
        int fits = masked_text(terms, found, from, upto, first, bare, &change.text);
        if (fits != 0) {
            if (fits > 0 && note_change(settled, change) < 0) {
                Py_DECREF(change.text);
                fits = -1;
            }
            return fits < 0 ? -1 : 0;
        }
    }
    return ask_edit(self, settled, terms->edit, found, first, upto, wanted, terms->raw_size);
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
    PyObject *last = PyDict_GetItemString(terms->seen, found[which].form->beside); /* borrowed */
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
