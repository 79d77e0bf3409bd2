/* A text as a person would read it, and the way back to the bytes that spell it: waf/sensitive/views.py is the reference. */
#ifndef WAF_FINDER_VIEWS_H
#define WAF_FINDER_VIEWS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <structmember.h>
#include "_finder_text.h"

enum { FILLER = 0x80, LONGEST_UNIT = 12 };

typedef struct { /* where a unit stands in the body, and in the text */
    uint32_t where, start;
} Unit;

typedef struct {
    PyObject_HEAD
    PyObject *raw, *text, *plain; /* `plain`: escapes of the same length undone; it is what units are read from */
    Unit *units;                  /* made when they are asked for */
    size_t count;
    int form;
} View;

static int hex_digit(uint8_t byte)
{
    if (is(byte, DIGIT))
        return byte - '0';
    byte = lower(byte);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Four hexadecimal digits as a number; -1 for what is none. */
static int four_hex(const uint8_t *at)
{
    int number = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        number = number << 4 | digit;
    }
    return number;
}

/* views._READ_U */
static int is_read(int point)
{
    return (point >= 0x20 && point <= 0x7f) || point == 0xa0 || point == 0xad || (point >= 0x2000 && point <= 0x2015) ||
           point == 0x202f || point == 0x2212;
}

/* views._one */
static uint8_t one_byte(long point)
{
    if (point >= 32 && point < 127)
        return (uint8_t)point;
    if (point < 32 || point == 0xa0 || (point >= 0x2000 && point <= 0x200a) || point == 0x202f)
        return point == 10 ? '\n' : ' ';
    return point == 0xad || (point >= 0x2010 && point <= 0x2015) || point == 0x2212 ? '-' : FILLER;
}

/* Escapes that a backslash begins and that stand for as many bytes as they have; in place. */
static int undo_backslashes(uint8_t *at, Py_ssize_t size)
{
    int undone = 0;
    uint8_t *end = at + size, *here = at;
    while (here + 1 < end && (here = memchr(here, '\\', (size_t)(end - here))) != NULL && here + 1 < end) {
        const char *same = NULL;
        switch (here[1]) {
        case '\\':
            same = "\x80\x80";
            break;
        case 'n':
            same = " \n";
            break;
        case '"':
            same = " \"";
            break;
        case 'r':
            same = " \r";
            break;
        case 't':
            same = " \t";
            break;
        case '\'':
            same = " '";
            break;
        case 'b':
        case 'f':
            same = "  ";
            break;
        case 'u':
            if (end - here >= 6) {
                int point = four_hex(here + 2);
                if (point >= 0 && !is_read(point)) {
                    memset(here, FILLER, 6);
                    undone = 1;
                    here += 6;
                    continue;
                }
            }
            break;
        default:
            break;
        }
        if (same == NULL) {
            here++;
            continue;
        }
        memcpy(here, same, 2);
        undone = 1;
        here += 2;
    }
    return undone;
}

/* The same for references of mark-up. "&amp;" leaves an "&" that may begin another, but no further "&amp;". */
static int undo_references(uint8_t *at, Py_ssize_t size)
{
    static const struct {
        const char *name, *same;
        int size;
    } known[] = {{"&lt;", "   <", 4}, {"&gt;", "   >", 4}, {"&quot;", "     \"", 6}, {"&apos;", "     '", 6}};
    int undone = 0;
    uint8_t *end = at + size, *here = at;
    while (here < end && (here = memchr(here, '&', (size_t)(end - here))) != NULL) {
        if (end - here >= 5 && memcmp(here, "&amp;", 5) == 0) {
            memcpy(here, "    &", 5);
            undone = 1;
            here += 4;
        }
        size_t i = 0;
        for (; i < sizeof known / sizeof *known; i++)
            if (end - here >= known[i].size && memcmp(here, known[i].name, (size_t)known[i].size) == 0)
                break;
        if (i < sizeof known / sizeof *known) {
            memcpy(here, known[i].same, (size_t)known[i].size);
            undone = 1;
            here += known[i].size;
        }
        else
            here++;
    }
    return undone;
}

/* The unit at `at`: how many bytes it has, and the byte that it stands for; 0 for none. */
static int unit_at(const uint8_t *at, const uint8_t *end, uint8_t *byte)
{
    static const struct {
        const char *name;
        uint8_t byte;
    } names[] = {{"&nbsp;", ' '}, {"&ensp;", ' '}, {"&emsp;", ' '}, {"&thinsp;", ' '}, {"&ndash;", '-'}, {"&hyphen;", '-'},
                 {"&dash;", '-'}, {"&minus;", '-'}, {"&commat;", '@'}, {"&period;", '.'}, {"&sol;", '/'}, {"&plus;", '+'},
                 {"&equals;", '='}, {"&colon;", ':'}, {"&lowbar;", '_'}, {"&num;", '#'}};
    Py_ssize_t left = end - at;
    if (at[0] == '\\') {
        if (left >= 2 && at[1] == '/') {
            *byte = '/';
            return 2;
        }
        if (left >= 6 && at[1] == 'u') {
            int point = four_hex(at + 2);
            if (point < 0 || !is_read(point))
                return 0;
            *byte = one_byte(point);
            return 6;
        }
        if (left >= 4 && at[1] == 'x' && at[2] >= '2' && at[2] <= '7' && hex_digit(at[3]) >= 0) {
            *byte = one_byte((at[2] - '0') << 4 | hex_digit(at[3]));
            return 4;
        }
        return 0;
    }
    if (at[0] == '&') {
        if (left >= 4 && at[1] == '#') {
            int hex = at[2] == 'x' || at[2] == 'X', size = hex ? 3 : 2, first = size;
            long point = 0;
            for (; size < left && size - first < (hex ? 6 : 7); size++) {
                int digit = hex ? hex_digit(at[size]) : is(at[size], DIGIT) ? at[size] - '0' : -1;
                if (digit < 0)
                    break;
                point = point * (hex ? 16 : 10) + digit;
            }
            if (size == first || size >= left || at[size] != ';')
                return 0;
            *byte = one_byte(point);
            return size + 1;
        }
        for (size_t i = 0; left >= 5 && i < sizeof names / sizeof *names; i++) {
            if (names[i].name[1] != at[1])
                continue;
            size_t size = strlen(names[i].name);
            if ((size_t)left >= size && memcmp(at, names[i].name, size) == 0) {
                *byte = names[i].byte;
                return (int)size;
            }
        }
        return 0;
    }
    if (at[0] == 0xc2 && left >= 2 && at[1] == 0xa0) {
        *byte = ' ';
        return 2;
    }
    if (at[0] == 0xe2 && left >= 3) {
        if (at[1] == 0x88 && at[2] == 0x92) {
            *byte = '-';
            return 3;
        }
        if (at[1] == 0x80 && (at[2] == 0x82 || at[2] == 0x83 || at[2] == 0x87 || at[2] == 0x89 || at[2] == 0xaf)) {
            *byte = ' ';
            return 3;
        }
        if (at[1] == 0x80 && at[2] >= 0x90 && at[2] <= 0x93) {
            *byte = '-';
            return 3;
        }
    }
    return 0;
}

static int percent_at(const uint8_t *at, const uint8_t *end, uint8_t *byte)
{
    if (end - at < 3 || hex_digit(at[1]) < 0 || hex_digit(at[2]) < 0)
        return 0;
    *byte = one_byte(hex_digit(at[1]) << 4 | hex_digit(at[2]));
    return 3;
}

typedef struct { /* goes from unit to unit */
    const uint8_t *end, *next[4]; /* of each byte that may begin one, the next; `end` where there is no more */
    const uint8_t *starts;
    int kinds;
} Units;

static const uint8_t *look_for(uint8_t byte, const uint8_t *at, const uint8_t *end)
{
    const uint8_t *found = at < end ? memchr(at, byte, (size_t)(end - at)) : NULL;
    return found != NULL ? found : end;
}

static Units units_of(const uint8_t *at, Py_ssize_t size, int form)
{
    Units units = {.end = at + size, .starts = (const uint8_t *)(form ? "%" : "\\&\xc2\xe2"), .kinds = form ? 1 : 4};
    for (int i = 0; i < units.kinds; i++)
        units.next[i] = look_for(units.starts[i], at, units.end);
    return units;
}

/* The next unit: how many bytes it has; 0 at the end. */
static int next_unit(Units *units, const uint8_t **where, uint8_t *byte)
{
    for (;;) {
        int first = 0;
        for (int i = 1; i < units->kinds; i++)
            if (units->next[i] < units->next[first])
                first = i;
        const uint8_t *at = units->next[first];
        if (at == units->end)
            return 0;
        int size = units->kinds == 1 ? percent_at(at, units->end, byte) : unit_at(at, units->end, byte);
        const uint8_t *behind = at + (size ? size : 1);
        for (int i = 0; i < units->kinds; i++)
            if (units->next[i] < behind)
                units->next[i] = look_for(units->starts[i], behind, units->end);
        if (size) {
            *where = at;
            return size;
        }
    }
}

enum { STEP = 2048 };

/* Whether a text holds anything that could be an escape, or (not of a form) a byte beyond ASCII: one pass, for the common case. */
static int may_be_escaped(const uint8_t *at, Py_ssize_t size, int form)
{
    uint8_t one = form ? '%' : '\\', other = form ? '+' : '&', beyond = form ? 0 : 0x80;
    for (Py_ssize_t from = 0; from < size; from += STEP) {
        Py_ssize_t upto = size - from < STEP ? size : from + STEP;
        uint8_t found = 0;
        for (Py_ssize_t i = from; i < upto; i++) /* without a way out, so that it is done for many bytes at once */
            found |= (uint8_t)((at[i] == one) | (at[i] == other) | (at[i] & beyond));
        if (found)
            return 1;
    }
    return 0;
}

static int has(PyObject *bytes, uint8_t byte)
{
    return memchr(PyBytes_AS_STRING(bytes), byte, (size_t)PyBytes_GET_SIZE(bytes)) != NULL;
}

/* `raw` with escapes of the same length undone: a new reference, to `raw` itself where there is none. */
static PyObject *plain_of(PyObject *raw, int form)
{
    Py_ssize_t size = PyBytes_GET_SIZE(raw);
    int backslashes = !form && has(raw, '\\'), references = !form && has(raw, '&') && has(raw, ';');
    if (form ? !has(raw, '+') : !backslashes && !references)
        return Py_NewRef(raw);
    PyObject *plain = PyBytes_FromStringAndSize(PyBytes_AS_STRING(raw), size);
    if (plain == NULL || size == 0)
        return plain;
    uint8_t *at = (uint8_t *)PyBytes_AS_STRING(plain);
    int undone = form;
    if (backslashes)
        undone |= undo_backslashes(at, size);
    if (references)
        undone |= undo_references(at, size);
    for (uint8_t *here = at; form && (here = memchr(here, '+', (size_t)(at + size - here))) != NULL;)
        *here = ' ';
    if (!undone)
        Py_SETREF(plain, Py_NewRef(raw));
    return plain;
}

static PyTypeObject ViewType;

static View *view_of(PyObject *raw, int form)
{
    if (PyBytes_GET_SIZE(raw) > (Py_ssize_t)UINT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "a text of more than four gigabytes");
        return NULL;
    }
    View *view = PyObject_New(View, &ViewType);
    if (view == NULL)
        return NULL;
    view->raw = Py_NewRef(raw);
    view->text = NULL;
    view->units = NULL;
    view->count = 0;
    view->form = form;
    if (!may_be_escaped((const uint8_t *)PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw), form)) {
        view->plain = Py_NewRef(raw);
        view->text = Py_NewRef(raw);
        return view;
    }
    view->plain = plain_of(raw, form);
    if (view->plain == NULL) {
        Py_DECREF(view);
        return NULL;
    }
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(view->plain), *done = at, *where;
    Py_ssize_t size = PyBytes_GET_SIZE(view->plain), made = 0;
    Units units = units_of(at, size, form);
    uint8_t byte, *out = NULL;
    for (int unit; (unit = next_unit(&units, &where, &byte)) > 0; done = where + unit) {
        if (out == NULL) {
            view->text = PyBytes_FromStringAndSize(NULL, size);
            if (view->text == NULL) {
                Py_DECREF(view);
                return NULL;
            }
            out = (uint8_t *)PyBytes_AS_STRING(view->text);
        }
        memcpy(out + made, done, (size_t)(where - done));
        made += where - done;
        out[made++] = byte;
        view->count++;
    }
    if (out == NULL)
        view->text = Py_NewRef(view->plain);
    else {
        memcpy(out + made, done, (size_t)(at + size - done));
        made += at + size - done;
        if (_PyBytes_Resize(&view->text, made) < 0) {
            Py_DECREF(view);
            return NULL;
        }
    }
    return view;
}

/* Where each unit stands; -1 with an exception. */
static int map_units(View *view)
{
    if (view->count == 0 || view->units != NULL)
        return 0;
    view->units = PyMem_Malloc(view->count * sizeof *view->units);
    if (view->units == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(view->plain), *where;
    Units units = units_of(at, PyBytes_GET_SIZE(view->plain), view->form);
    Py_ssize_t saved = 0;
    uint8_t byte;
    for (size_t i = 0; i < view->count; i++) {
        int unit = next_unit(&units, &where, &byte);
        view->units[i] = (Unit){(uint32_t)(where - at), (uint32_t)(where - at - saved)};
        saved += unit - 1;
    }
    return 0;
}

static Py_ssize_t unit_size(const View *view, size_t i)
{
    const Unit *unit = &view->units[i];
    if (i + 1 < view->count)
        return (Py_ssize_t)(unit[1].where - unit[0].where) - (Py_ssize_t)(unit[1].start - unit[0].start) + 1;
    return PyBytes_GET_SIZE(view->raw) - (Py_ssize_t)unit->where - (PyBytes_GET_SIZE(view->text) - (Py_ssize_t)unit->start) + 1;
}

/* How many units begin at or before a place of the text, or of the body. */
static size_t units_upto(const View *view, Py_ssize_t place, int in_text)
{
    size_t low = 0, high = view->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if ((Py_ssize_t)(in_text ? view->units[middle].start : view->units[middle].where) <= place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The bytes of the body that spell the one at `place`; units are mapped. */
static void view_at(const View *view, Py_ssize_t place, Py_ssize_t *from, Py_ssize_t *upto)
{
    size_t before = units_upto(view, place, 1);
    *from = place;
    if (before > 0) {
        const Unit *unit = &view->units[before - 1];
        Py_ssize_t size = unit_size(view, before - 1);
        if ((Py_ssize_t)unit->start == place) {
            *from = (Py_ssize_t)unit->where;
            *upto = *from + size;
            return;
        }
        *from = (Py_ssize_t)unit->where + size + place - (Py_ssize_t)unit->start - 1;
    }
    *upto = *from + 1;
}

static int view_span(View *view, Py_ssize_t start, Py_ssize_t end, Py_ssize_t *from, Py_ssize_t *upto)
{
    if (map_units(view) < 0)
        return -1;
    Py_ssize_t behind;
    view_at(view, start, from, &behind);
    if (start == end)
        *upto = *from;
    else
        view_at(view, end - 1, &behind, upto);
    return 0;
}

/* The index in the text of what stands at `offset` of the body, or of the unit that it is a part of. */
static int view_place(View *view, Py_ssize_t offset, Py_ssize_t *place)
{
    if (map_units(view) < 0)
        return -1;
    size_t before = units_upto(view, offset, 0);
    *place = offset;
    if (before > 0) {
        const Unit *unit = &view->units[before - 1];
        Py_ssize_t past = offset - (Py_ssize_t)unit->where - unit_size(view, before - 1);
        *place = (Py_ssize_t)unit->start + (past < 0 ? 0 : 1 + past);
    }
    return 0;
}

static int two_places(PyObject *const *args, Py_ssize_t nargs, Py_ssize_t wanted, Py_ssize_t *places)
{
    if (nargs != wanted) {
        PyErr_SetString(PyExc_TypeError, "a place, or two of a span");
        return -1;
    }
    for (Py_ssize_t i = 0; i < wanted; i++) {
        places[i] = PyLong_AsSsize_t(args[i]);
        if (places[i] == -1 && PyErr_Occurred())
            return -1;
    }
    return 0;
}

PyDoc_STRVAR(view_at_doc, "at(place) -> (int, int)\n\nThe bytes of `raw` that spell `text[place]`, from and to.");

static PyObject *view_at_place(View *self, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t place, from, upto;
    if (two_places(args, nargs, 1, &place) < 0 || map_units(self) < 0)
        return NULL;
    view_at(self, place, &from, &upto);
    return Py_BuildValue("nn", from, upto);
}

PyDoc_STRVAR(view_span_doc, "span(start, end) -> (int, int)\n\nThe bytes of `raw` that spell `text[start:end]`.");

static PyObject *view_span_of(View *self, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t places[2], from, upto;
    if (two_places(args, nargs, 2, places) < 0 || view_span(self, places[0], places[1], &from, &upto) < 0)
        return NULL;
    return Py_BuildValue("nn", from, upto);
}

PyDoc_STRVAR(view_place_doc,
             "place(offset) -> int\n\nThe index in `text` of what stands at `raw[offset]` or of the unit that it is a part of.");

static PyObject *view_place_of(View *self, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t offset;
    if (two_places(args, nargs, 1, &offset) < 0 || view_place(self, offset, &offset) < 0)
        return NULL;
    return PyLong_FromSsize_t(offset);
}

static void view_dealloc(View *self)
{
    Py_XDECREF(self->raw);
    Py_XDECREF(self->text);
    Py_XDECREF(self->plain);
    PyMem_Free(self->units);
    PyObject_Free(self);
}

static PyMethodDef view_methods[] = {
    {"at", (PyCFunction)(void (*)(void))view_at_place, METH_FASTCALL, view_at_doc},
    {"span", (PyCFunction)(void (*)(void))view_span_of, METH_FASTCALL, view_span_doc},
    {"place", (PyCFunction)(void (*)(void))view_place_of, METH_FASTCALL, view_place_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef view_members[] = {
    {"raw", T_OBJECT_EX, offsetof(View, raw), READONLY, "the bytes as they are"},
    {"text", T_OBJECT_EX, offsetof(View, text), READONLY, "what they spell"},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject ViewType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "waf._finder.View",
    .tp_doc = PyDoc_STR("What a text spells, made by `view`; see waf/sensitive/views.py."),
    .tp_basicsize = sizeof(View),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = (destructor)view_dealloc,
    .tp_methods = view_methods,
    .tp_members = view_members,
};

PyDoc_STRVAR(view_doc, "view(raw, form) -> View\n\nAs `views.view`.");

static PyObject *module_view(PyObject *unused, PyObject *const *args, Py_ssize_t nargs)
{
    int form;
    if (nargs != 2 || !PyBytes_Check(args[0]) || (form = PyObject_IsTrue(args[1])) < 0) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "view(raw, form)");
        return NULL;
    }
    return (PyObject *)view_of(args[0], form);
}

#endif
