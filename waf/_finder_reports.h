/* What takes Hyperscan's reports: Notices (waf/sensitive/candidates.py) and Signs (waf/sensitive/sieve.py). */
#ifndef WAF_FINDER_REPORTS_H
#define WAF_FINDER_REPORTS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <structmember.h>

#include "_finder_known.h"
#include "_finder_numerals.h"
#include "_finder_openings.h"

/* -------------------------------------------------------------------------------------- what Hyperscan reports */

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    uint8_t *led; /* by form: the end of a match is its place, else its start */
    Py_ssize_t forms;
    uint64_t base, *found;
    size_t count, room;
    Openings *openings; /* of the forms that are looked for here; NULL: of none */
    Word *words;        /* in the text at hand, of led ones among these */
    size_t word_count, word_room;
} Notices;

static int note_word(Notices *self, Py_ssize_t end, int group)
{
    if (self->word_count == self->word_room) {
        size_t room = self->word_room ? self->word_room * 2 : 64;
        Word *more = PyMem_Realloc(self->words, room * sizeof *more);
        if (more == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        self->words = more;
        self->word_room = room;
    }
    self->words[self->word_count++] = (Word){end, group};
    return 0;
}

/* One candidate more; -1 with an exception. */
static int note_candidate(void *to, uint64_t place, uint16_t form)
{
    Notices *self = to;
    uint64_t found = (self->base + place) << 16 | form;
    if (self->count > 0 && self->found[self->count - 1] == found)
        return 0; /* one more end of the same match */
    if (self->count == self->room) {
        size_t room = self->room ? self->room * 2 : 64;
        uint64_t *more = PyMem_Realloc(self->found, room * sizeof *more);
        if (more == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        self->found = more;
        self->room = room;
    }
    self->found[self->count++] = found;
    return 0;
}

static PyObject *notices_call(PyObject *object, PyObject *const *args, size_t flags, PyObject *names)
{
    Notices *self = (Notices *)object;
    if (PyVectorcall_NARGS(flags) < 3 || names != NULL) {
        PyErr_SetString(PyExc_TypeError, "a match has an id, a start and an end");
        return NULL;
    }
    unsigned long long form = PyLong_AsUnsignedLongLong(args[0]);
    unsigned long long from = PyLong_AsUnsignedLongLong(args[1]);
    unsigned long long upto = PyLong_AsUnsignedLongLong(args[2]);
    if (PyErr_Occurred())
        return NULL;
    Openings *openings = self->openings;
    unsigned long long known = openings == NULL ? (unsigned long long)self->forms : (unsigned long long)(openings->asked + openings->groups);
    if (form >= known || upto > PY_SSIZE_T_MAX) {
        PyErr_SetString(PyExc_ValueError, "no such form");
        return NULL;
    }
    if (openings != NULL && form >= (unsigned long long)openings->asked) {
        if (note_word(self, (Py_ssize_t)upto, (int)(form - (unsigned long long)openings->asked)) < 0)
            return NULL;
        Py_RETURN_NONE;
    }
    if (note_candidate(self, self->led[form] ? upto : from, (uint16_t)form) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(openings_doc, "openings(text)\n\nTakes the candidates of the forms that are looked for here, not by Hyperscan, which has told of "
                           "the words in the text.");

static int by_end(const void *one, const void *other)
{
    Py_ssize_t a = ((const Word *)one)->end, b = ((const Word *)other)->end;
    return (a > b) - (a < b);
}

static PyObject *notices_openings(Notices *self, PyObject *text)
{
    if (!PyBytes_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "a text of bytes");
        return NULL;
    }
    size_t count = self->word_count;
    self->word_count = 0;
    for (size_t i = 1; i < count; i++)
        if (self->words[i - 1].end > self->words[i].end) { /* the engine promises no order */
            qsort(self->words, count, sizeof *self->words, by_end);
            break;
        }
    if (self->openings != NULL && note_openings(self->openings, self->words, count, (const uint8_t *)PyBytes_AS_STRING(text),
                                                PyBytes_GET_SIZE(text), note_candidate, self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(begin_doc, "begin(base)\n\nPlaces of the matches to come count from `base`.");

static PyObject *notices_begin(Notices *self, PyObject *base)
{
    unsigned long long place = PyLong_AsUnsignedLongLong(base);
    if (PyErr_Occurred())
        return NULL;
    self->base = place;
    self->word_count = 0;
    Py_RETURN_NONE;
}

static int by_place(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

PyDoc_STRVAR(take_doc, "take() -> list[int]\n\nThe candidates noticed since the last call, in order, each once.");

static PyObject *notices_take(Notices *self, PyObject *unused)
{
    size_t count = self->count, kept = 0;
    self->count = 0;
    if (count > 1)
        qsort(self->found, count, sizeof *self->found, by_place);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || self->found[kept - 1] != self->found[i])
            self->found[kept++] = self->found[i];
    PyObject *list = PyList_New((Py_ssize_t)kept);
    for (size_t i = 0; list != NULL && i < kept; i++) {
        PyObject *number = PyLong_FromUnsignedLongLong(self->found[i]);
        if (number == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, number);
    }
    if (self->room > 4096) { /* a dense body must not hold its memory for ever */
        PyMem_Free(self->found);
        self->found = NULL;
        self->room = 0;
    }
    if (self->word_room > 4096) {
        PyMem_Free(self->words);
        self->words = NULL;
        self->word_count = self->word_room = 0;
    }
    return list;
}

static PyObject *notices_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    Notices *self = (Notices *)PyType_GenericNew(type, args, kwargs);
    if (self != NULL)
        self->call = notices_call; /* without forms none is known */
    return (PyObject *)self;
}

static int notices_init(Notices *self, PyObject *args, PyObject *kwargs)
{
    const char *led;
    Py_ssize_t size;
    PyObject *told = NULL;
    if (self->led != NULL) {
        PyErr_SetString(PyExc_TypeError, "made once");
        return -1;
    }
    if (!PyArg_ParseTuple(args, "y#|O!", &led, &size, &PyTuple_Type, &told))
        return -1;
    if (told != NULL && self->openings == NULL && (self->openings = read_openings(told, size)) == NULL)
        return -1;
    self->led = PyMem_Malloc((size_t)size + 1);
    if (self->led == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(self->led, led, (size_t)size);
    self->forms = size;
    return 0;
}

static void notices_dealloc(Notices *self)
{
    free_openings(self->openings);
    PyMem_Free(self->words);
    PyMem_Free(self->led);
    PyMem_Free(self->found);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef notices_methods[] = {
    {"begin", (PyCFunction)notices_begin, METH_O, begin_doc},
    {"openings", (PyCFunction)notices_openings, METH_O, openings_doc},
    {"take", (PyCFunction)notices_take, METH_NOARGS, take_doc},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject NoticesType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "waf._finder.Notices",
    .tp_doc = PyDoc_STR("Notices(led, openings=None): called with each match that Hyperscan reports; `led` says of each form, by a "
                        "byte, whether its candidates are named by their ends. `openings`: see `openings.Told`."),
    .tp_basicsize = sizeof(Notices),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_new = notices_new,
    .tp_init = (initproc)notices_init,
    .tp_dealloc = (destructor)notices_dealloc,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(Notices, call),
    .tp_methods = notices_methods,
};

/* ------------------------------------------------------------------------------------------------------- signs */

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    uint8_t *wide; /* by sign: 0, or one of the two below */
    Py_ssize_t signs;
    uint64_t reach, *ends;
    size_t count, room, most;
    char others; /* one of theirs was found */
    Py_ssize_t base; /* places of the signs to come count from here */
    struct Known *known; /* NULL where nothing is remembered */
#ifdef WAF_NUMERALS
    Heads heads;    /* signs of numbers */
    PyObject *told; /* what they point into; NULL where there are none */
#endif
} Signs;

/* It is not enough to look around it; it is an expression of others, for whom it is only noticed. */
enum { WIDE_SIGN = 1, OTHERS_SIGN = 2 };

static inline void mark(Signs *self, uint64_t end)
{
#ifdef WAF_KNOWN
    if (self->known != NULL)
        known_mark(self->known, (Py_ssize_t)end);
#endif
}

/* One more: 1 where that is too many, -1 with an exception. */
static int note_sign(void *to, uint64_t end)
{
    Signs *self = to;
    if (self->count == self->room) {
        size_t room = self->room ? self->room * 2 : 64;
        uint64_t *more = PyMem_Realloc(self->ends, room * sizeof *more);
        if (more == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        self->ends = more;
        self->room = room;
    }
    end += (uint64_t)self->base;
    self->ends[self->count++] = end;
    mark(self, end);
    return self->count > self->most;
}

PyDoc_STRVAR(signs_heed_doc, "heed(headed, heads, longer, least, fixed, exactly, behind)\n\nThe signs of numbers that `numerals` looks for (see "
                             "numerals.py).");

#ifdef WAF_NUMERALS
static void forget_numerals(Signs *self)
{
    Py_CLEAR(self->heads.headed.bytes);
    Py_CLEAR(self->heads.longer.bytes);
    Py_CLEAR(self->heads.fixed.bytes);
    Py_CLEAR(self->told);
    memset(&self->heads, 0, sizeof self->heads);
}
#endif

static PyObject *signs_heed(Signs *self, PyObject *args)
{
#ifdef WAF_NUMERALS
    PyObject *headed, *longer, *fixed;
    Heads heads = {0};
    const char *starts, *behind;
    Py_ssize_t size, width;
    if (!PyArg_ParseTuple(args, "Oy#OiOiy#", &headed, &starts, &size, &longer, &heads.least, &fixed, &heads.exactly, &behind, &width))
        return NULL;
    forget_numerals(self);
    if (read_program(headed, &heads.headed) < 0 || read_program(longer, &heads.longer) < 0 || read_program(fixed, &heads.fixed) < 0) {
        self->heads = heads;
        forget_numerals(self);
        return NULL;
    }
    heads.heads = (const uint8_t *)starts;
    heads.count = (size_t)size / HEAD;
    heads.behind = (const uint8_t *)behind;
    heads.mixed = are_mixed(&heads);
    self->heads = heads;
    self->told = Py_NewRef(args); /* holds the bytes of `heads` and `behind` */
    if (size % HEAD != 0 || width != 32 || (heads.count && heads.headed.code == NULL) || (heads.least && heads.longer.code == NULL) ||
        (heads.exactly && heads.fixed.code == NULL)) {
        forget_numerals(self);
        PyErr_SetString(PyExc_ValueError, "heads of six bytes, 32 bytes, and a program for each kind");
        return NULL;
    }
    Py_RETURN_NONE;
#else
    PyErr_SetString(PyExc_NotImplementedError, "not on this machine");
    return NULL;
#endif
}

PyDoc_STRVAR(signs_numerals_doc,
             "numerals(text) -> bool\n\nTakes the signs of numbers in a text too, once it is told to `heed` them; True where it is cheaper to "
             "search all of it.");

static PyObject *signs_numerals(Signs *self, PyObject *text)
{
#ifdef WAF_NUMERALS
    if (!PyBytes_Check(text) || self->told == NULL) {
        PyErr_SetString(PyExc_TypeError, "a text of bytes, and signs to heed");
        return NULL;
    }
    int enough = note_numerals((const uint8_t *)PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), &self->heads, note_sign, self);
    return enough < 0 ? NULL : PyBool_FromLong(enough);
#else
    PyErr_SetString(PyExc_NotImplementedError, "not on this machine");
    return NULL;
#endif
}

static PyObject *signs_call(PyObject *object, PyObject *const *args, size_t flags, PyObject *names)
{
    Signs *self = (Signs *)object;
    if (PyVectorcall_NARGS(flags) < 3 || names != NULL) {
        PyErr_SetString(PyExc_TypeError, "a match has an id, a start and an end");
        return NULL;
    }
    unsigned long long sign = PyLong_AsUnsignedLongLong(args[0]);
    unsigned long long end = PyLong_AsUnsignedLongLong(args[2]);
    if (PyErr_Occurred())
        return NULL;
    if (sign >= (unsigned long long)self->signs) {
        PyErr_SetString(PyExc_ValueError, "no such sign");
        return NULL;
    }
    if (self->wide[sign] == OTHERS_SIGN) {
        self->others = 1;
        mark(self, end + (uint64_t)self->base);
        Py_RETURN_NONE;
    }
    int enough = note_sign(self, end);
    if (enough < 0)
        return NULL;
    if (enough || self->wide[sign] == WIDE_SIGN)
        Py_RETURN_TRUE;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(signs_begin_doc, "begin(most)\n\nA new text, in which more than `most` signs are too many.");

static PyObject *signs_begin(Signs *self, PyObject *number)
{
    unsigned long long most = PyLong_AsUnsignedLongLong(number);
    if (PyErr_Occurred())
        return NULL;
    self->most = (size_t)most;
    self->count = 0;
    self->others = 0;
    self->base = 0;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(signs_at_doc, "at(base)\n\nPlaces of the signs to come count from `base`.");

static PyObject *signs_at(Signs *self, PyObject *base)
{
    Py_ssize_t place = PyLong_AsSsize_t(base);
    if (place < 0) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "a place is no less than nothing");
        return NULL;
    }
    self->base = place;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(signs_remember_doc, "remember(key, margin)\n\nRemember what had no sign in it, by prints with `key`, `KNOWN_KEY` secret bytes; what is "
                                 "found at a place depends on `margin` bytes around it.");

static PyObject *signs_remember(Signs *self, PyObject *args)
{
#ifdef WAF_KNOWN
    const char *key;
    Py_ssize_t size, margin;
    if (!PyArg_ParseTuple(args, "y#n", &key, &size, &margin))
        return NULL;
    if (size != KNOWN_KEY || margin < 0 || margin > STRETCH_LEAST || self->known != NULL) {
        PyErr_SetString(PyExc_ValueError, "once, with KNOWN_KEY bytes, and a margin of STRETCH_LEAST at most");
        return NULL;
    }
    self->known = PyMem_Calloc(1, sizeof *self->known);
    if (self->known == NULL)
        return PyErr_NoMemory();
    memcpy(self->known->key, key, KNOWN_KEY);
    self->known->margin = margin;
    Py_RETURN_NONE;
#else
    PyErr_SetString(PyExc_NotImplementedError, "not on this machine");
    return NULL;
#endif
}

/* The same list, or NULL; then it is given up. */
static PyObject *with_part(PyObject *parts, Py_ssize_t low, Py_ssize_t high)
{
    PyObject *part = parts == NULL ? NULL : Py_BuildValue("nn", low, high);
    if (part == NULL || PyList_Append(parts, part) < 0)
        Py_CLEAR(parts);
    Py_XDECREF(part);
    return parts;
}

PyDoc_STRVAR(signs_parts_doc, "parts(text) -> list[tuple[int, int]]\n\nThe parts of a text, after `begin`, in which there may be signs: all but what is remembered.");

static PyObject *signs_parts(Signs *self, PyObject *text)
{
#ifdef WAF_KNOWN
    if (!PyBytes_Check(text) || self->known == NULL) {
        PyErr_SetString(PyExc_TypeError, "a text of bytes, and a memory");
        return NULL;
    }
    Known *known = self->known;
    Py_ssize_t size = PyBytes_GET_SIZE(text), start = 0, low = 0, high = -1;
    if (known_begin(known, (const uint8_t *)PyBytes_AS_STRING(text), size) < 0)
        return NULL;
    PyObject *parts = PyList_New(0);
    for (int i = 0; parts != NULL && i <= known->count; i++) {
        int rest = i == known->count; /* what is behind the stretches */
        Py_ssize_t end = rest ? size : known->stretches[i].end;
        if (rest ? start < size : !known->stretches[i].known) {
            Py_ssize_t from = start > known->margin ? start - known->margin : 0;
            if (high >= 0 && from > high) {
                parts = with_part(parts, low, high);
                high = -1;
            }
            if (high < 0)
                low = from;
            high = size - end > known->margin ? end + known->margin : size;
        }
        start = end;
    }
    if (high >= 0)
        parts = with_part(parts, low, high);
    return parts;
#else
    PyErr_SetString(PyExc_NotImplementedError, "not on this machine");
    return NULL;
#endif
}

PyDoc_STRVAR(signs_learn_doc, "learn()\n\nThe parts of the text were searched to their ends: what has no sign in it is remembered.");

static PyObject *signs_learn(Signs *self, PyObject *unused)
{
#ifdef WAF_KNOWN
    if (self->known != NULL)
        known_learn(self->known);
#endif
    Py_RETURN_NONE;
}

PyDoc_STRVAR(signs_windows_doc, "windows(first) -> list[tuple[int, int]]\n\nWhat is within reach of the signs, in order and "
                                "apart; `first`: the beginning of the text counts as one.");

static PyObject *signs_windows(Signs *self, PyObject *first)
{
    int begins = PyObject_IsTrue(first);
    if (begins < 0)
        return NULL;
    PyObject *windows = PyList_New(0);
    if (windows == NULL || (self->count == 0 && !begins))
        return windows;
    if (self->count > 1)
        qsort(self->ends, self->count, sizeof *self->ends, by_place);
    uint64_t reach = self->reach, end = begins ? 0 : self->ends[0];
    uint64_t low = end > reach ? end - reach : 0, high = end + reach;
    for (size_t i = 0; i <= self->count; i++) {
        int last = i == self->count;
        end = last ? 0 : self->ends[i];
        if (last || end > high + reach) {
            PyObject *window = Py_BuildValue("KK", (unsigned long long)low, (unsigned long long)high);
            int failed = window == NULL || PyList_Append(windows, window) < 0;
            Py_XDECREF(window);
            if (failed) {
                Py_DECREF(windows);
                return NULL;
            }
            low = end > reach ? end - reach : 0;
        }
        high = end + reach;
    }
    return windows;
}

static PyObject *signs_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    Signs *self = (Signs *)PyType_GenericNew(type, args, kwargs);
    if (self != NULL)
        self->call = signs_call; /* without `wide` none is known */
    return (PyObject *)self;
}

static int signs_init(Signs *self, PyObject *args, PyObject *kwargs)
{
    const char *wide;
    Py_ssize_t size, reach;
    if (self->wide != NULL) {
        PyErr_SetString(PyExc_TypeError, "made once");
        return -1;
    }
    if (!PyArg_ParseTuple(args, "y#n", &wide, &size, &reach))
        return -1;
    if (reach < 0) {
        PyErr_SetString(PyExc_ValueError, "a reach is no less than nothing");
        return -1;
    }
    self->wide = PyMem_Malloc((size_t)size + 1);
    if (self->wide == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(self->wide, wide, (size_t)size);
    self->signs = size;
    self->reach = (uint64_t)reach;
    return 0;
}

static void signs_dealloc(Signs *self)
{
    PyMem_Free(self->wide);
    PyMem_Free(self->ends);
#ifdef WAF_NUMERALS
    forget_numerals(self);
#endif
#ifdef WAF_KNOWN
    known_free(self->known);
#endif
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef signs_methods[] = {
    {"begin", (PyCFunction)signs_begin, METH_O, signs_begin_doc},
    {"at", (PyCFunction)signs_at, METH_O, signs_at_doc},
    {"remember", (PyCFunction)signs_remember, METH_VARARGS, signs_remember_doc},
    {"parts", (PyCFunction)signs_parts, METH_O, signs_parts_doc},
    {"learn", (PyCFunction)signs_learn, METH_NOARGS, signs_learn_doc},
    {"heed", (PyCFunction)signs_heed, METH_VARARGS, signs_heed_doc},
    {"numerals", (PyCFunction)signs_numerals, METH_O, signs_numerals_doc},
    {"windows", (PyCFunction)signs_windows, METH_O, signs_windows_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef signs_members[] = {
    {"others", T_BOOL, offsetof(Signs, others), READONLY, PyDoc_STR("One of theirs was found in the text.")},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject SignsType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "waf._finder.Signs",
    .tp_doc = PyDoc_STR("Signs(wide, reach): called with each sign that Hyperscan reports; `wide` says of each, by a byte, "
                        "whether it ends the search (1), or is others' and only noticed (2)."),
    .tp_basicsize = sizeof(Signs),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_new = signs_new,
    .tp_init = (initproc)signs_init,
    .tp_dealloc = (destructor)signs_dealloc,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(Signs, call),
    .tp_methods = signs_methods,
    .tp_members = signs_members,
};

#endif
