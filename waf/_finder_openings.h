/* Where a value begins whose first byte is a digit at a word's edge (waf/sensitive/openings.py).
 *
 * A table tells by the first bytes which forms one may be of, a bit for each; the program of each that is left is run. Each form is told of
 * once for a place where it matches.
 */
#ifndef WAF_FINDER_OPENINGS_H
#define WAF_FINDER_OPENINGS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include "_finder_programs.h"

enum { OPENED_BYTES = 16, OPENED_KINDS = 257, OPENED_END = 256, MOST_OPENED = 32 };

typedef struct {
    uint32_t first[OPENED_BYTES][OPENED_KINDS];
    Program programs[MOST_OPENED];
    uint16_t forms[MOST_OPENED];
    int count;
} Openings;

static void free_openings(Openings *openings)
{
    if (openings == NULL)
        return;
    for (int i = 0; i < openings->count; i++)
        Py_XDECREF(openings->programs[i].bytes);
    PyMem_Free(openings);
}

/* See openings.Told; NULL with an exception. Forms have numbers below `most`. */
static Openings *read_openings(PyObject *told, Py_ssize_t most)
{
    const char *table;
    Py_ssize_t size;
    PyObject *programs;
    if (!PyArg_ParseTuple(told, "y#O!:openings", &table, &size, &PyTuple_Type, &programs))
        return NULL;
    Openings *openings = PyMem_Calloc(1, sizeof *openings);
    if (openings == NULL)
        return (Openings *)PyErr_NoMemory();
    if (size != (Py_ssize_t)sizeof openings->first || PyTuple_GET_SIZE(programs) > MOST_OPENED) {
        PyErr_SetString(PyExc_ValueError, "not the first bytes of so many forms");
        free_openings(openings);
        return NULL;
    }
    memcpy(openings->first, table, sizeof openings->first);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(programs); i++) {
        PyObject *pair = PyTuple_GET_ITEM(programs, i), *code;
        int number;
        if (!PyTuple_Check(pair) || !PyArg_ParseTuple(pair, "iS:openings", &number, &code)) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_TypeError, "a form is a number and a program");
            free_openings(openings);
            return NULL;
        }
        if (number < 0 || number >= most || number > UINT16_MAX) {
            PyErr_SetString(PyExc_ValueError, "no such form");
            free_openings(openings);
            return NULL;
        }
        if (read_program(code, &openings->programs[i]) < 0) {
            free_openings(openings);
            return NULL;
        }
        openings->forms[i] = (uint16_t)number;
        openings->count = (int)i + 1;
    }
    return openings;
}

/* The forms that a value at `at` may be of. */
static inline uint32_t may_open(const Openings *openings, const uint8_t *text, Py_ssize_t size, Py_ssize_t at)
{
    uint32_t forms = openings->first[0][text[at]];
    for (int i = 1; forms != 0 && i < OPENED_BYTES; i++) {
        if (at + i >= size)
            return forms & openings->first[i][OPENED_END];
        forms &= openings->first[i][text[at + i]];
    }
    return forms;
}

static inline int is_digit_byte(uint8_t byte)
{
    return (uint8_t)(byte - '0') <= 9;
}

/* Whether a digit may be among eight bytes: one of 0x30 to 0x3f is. */
static inline int may_have_digit(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    word = (word ^ 0x3030303030303030u) & 0xf0f0f0f0f0f0f0f0u;
    return ((word - 0x0101010101010101u) & ~word & 0x8080808080808080u) != 0;
}

/* Tells `noted` each place where a form matches, with its number; it says by -1 that it failed, and so does this. */
static int note_openings(const Openings *openings, const uint8_t *text, Py_ssize_t size, int (*noted)(void *to, uint64_t place, uint16_t form),
                         void *to)
{
    Running run;
    for (Py_ssize_t at = 0; at < size;) {
        if (!is_digit_byte(text[at])) {
            at++;
            while (at + 8 <= size && !may_have_digit(text + at))
                at += 8;
            continue;
        }
        uint32_t forms = at > 0 && is_word_byte(text[at - 1]) ? 0 : may_open(openings, text, size, at);
        for (int i = 0; forms != 0; i++, forms >>= 1)
            if ((forms & 1) && i < openings->count && run_at(&openings->programs[i], &run, text, size, at) >= 0 &&
                noted(to, (uint64_t)at, openings->forms[i]) < 0)
                return -1;
        do
            at++;
        while (at < size && is_digit_byte(text[at]));
    }
    return 0;
}
#endif
