/* Forms of entities as waf/sensitive/readings.py makes them ready, and what judges by them. */
#ifndef WAF_FINDER_FORMS_H
#define WAF_FINDER_FORMS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "_finder_programs.h"
#include "_finder_secrets.h"
#include "_finder_text.h"

static const double ACT = 0.8, REPORT = 0.5, CONTEXT = 0.3, NEGATIVE = 0.45, LACKING = -1.0;

static int all_digits(const uint8_t *at, Py_ssize_t size)
{
    for (Py_ssize_t i = 0; i < size; i++)
        if (!is(at[i], DIGIT))
            return 0;
    return size > 0;
}

/* ------------------------------------------------------------------------------------------------------- forms */

typedef struct { /* which beginnings of words there are: what no word begins with needs no look by the pattern */
    int holds;   /* 0: nothing is known */
    uint32_t pairs[32], triples[64];
} Beginnings;

typedef struct {
    PyObject *call;  /* of `re`: match, search or finditer, as it is used; NULL: there is no such pattern */
    Program program; /* what runs instead, mostly */
} Pattern;

typedef struct {
    PyObject *entity; /* NULL: a form that is not looked at */
    PyObject *form, *validate, *said, *tests;
    Pattern match, iterate, before, after, endless, context, denied, negative;
    int led, group, numeric, regroups, labelled;
    Check check; /* the validator's twin; NULL: there is none */
    double confidence;
    Beginnings context_words, denied_words;
    PyObject *named, *neighbour; /* the entity's id, and what it must stand beside */
    const char *id, *beside;     /* the same; of the entity, which lives as long */
    int mask;       /* BY_PLACES, EVERYTHING, EMAIL */
    Py_ssize_t first, last;
} Form;

static inline uint32_t triple(const uint8_t *at)
{
    return ((uint32_t)at[0] * 1249u ^ (uint32_t)at[1] * 331u ^ at[2]) & 2047;
}

/* The first place from `from` on at which a word may begin; -1 for none. */
static Py_ssize_t beginning(const Beginnings *words, const uint8_t *at, Py_ssize_t size, Py_ssize_t from)
{
    for (Py_ssize_t i = from; i + 1 < size; i++) {
        if (words->pairs[at[i] & 31] >> (at[i + 1] & 31) & 1)
            return i;
        if (i + 2 < size) {
            uint32_t hash = triple(at + i);
            if (words->triples[hash >> 5] >> (hash & 31) & 1)
                return i;
        }
    }
    return -1;
}

static int begins_here(const Beginnings *words, const uint8_t *at, Py_ssize_t size)
{
    return !words->holds || beginning(words, at, size, 0) >= 0;
}

static int read_beginnings(PyObject *tuple, Beginnings *words)
{
    if (tuple == Py_None)
        return 0;
    if (!PyTuple_Check(tuple)) {
        PyErr_SetString(PyExc_TypeError, "beginnings of words are a tuple or None");
        return -1;
    }
    words->holds = 1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *word = PyTuple_GET_ITEM(tuple, i);
        if (!PyBytes_Check(word) || PyBytes_GET_SIZE(word) < 2) {
            PyErr_SetString(PyExc_TypeError, "a beginning is of two bytes at least");
            return -1;
        }
        const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(word);
        if (PyBytes_GET_SIZE(word) == 2)
            words->pairs[at[0] & 31] |= 1u << (at[1] & 31);
        else {
            uint32_t hash = triple(at);
            words->triples[hash >> 5] |= 1u << (hash & 31);
        }
    }
    return 0;
}

typedef struct {
    PyObject_HEAD
    Form *forms;
    PyObject **entities; /* of the forms, borrowed, close together */
    Py_ssize_t count;
    int strict;
    PyObject *hit, *count_type, *say, *quiet, *elements, *structures, *domains, *span;
    PyObject *entity, *start, *end, *score, *test, *text, *report, *elsewhere, *address, *action, *count_word, *sure,
        *registers; /* words */
} Judge;

typedef struct { /* a value found */
    Py_ssize_t start, end, order;
    double score;
    Form *form; /* NULL: one that overlaps a surer one */
    int test;
} Found;

#endif
