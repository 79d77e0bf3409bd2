/* Where a value begins whose first byte is a digit or a capital at a word's edge, "+" or "(" (waf/sensitive/openings.py).
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

/* Which of the bytes at `at`, `OPENED_BLOCK` of them, a value may begin with, a bit for each; `word` is whether the byte before is a digit or a
 * capital, and is set to whether the last of these is. */
#if defined(__SSE2__)
#include <emmintrin.h>
enum { OPENED_BLOCK = 16 };

static inline uint32_t may_begin_values(const uint8_t *at, uint32_t *word)
{
    __m128i x = _mm_loadu_si128((const __m128i *)at);
    __m128i digit = _mm_sub_epi8(x, _mm_set1_epi8('0')), capital = _mm_sub_epi8(x, _mm_set1_epi8('A'));
    __m128i sign = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('+')), _mm_cmpeq_epi8(x, _mm_set1_epi8('(')));
    digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
    capital = _mm_cmpeq_epi8(_mm_min_epu8(capital, _mm_set1_epi8(25)), capital);
    uint32_t words = (uint32_t)_mm_movemask_epi8(_mm_or_si128(digit, capital));
    uint32_t begin = words & ~(words << 1 | *word);
    *word = words >> 15 & 1;
    return begin | (uint32_t)_mm_movemask_epi8(sign);
}
#else
enum { OPENED_BLOCK = 8 };

static inline uint32_t may_begin_values(const uint8_t *at, uint32_t *word)
{
    uint32_t found = 0;
    for (int i = 0; i < OPENED_BLOCK; i++) {
        uint32_t is_word = (uint8_t)(at[i] - '0') <= 9 || (uint8_t)(at[i] - 'A') <= 25;
        found |= (uint32_t)((is_word && !*word) || at[i] == '+' || at[i] == '(') << i;
        *word = is_word;
    }
    return found;
}
#endif

typedef int (*Opened)(void *to, uint64_t place, uint16_t form);

/* The forms of a value at `at`; -1 where `noted` failed. */
static inline int note_opening(const Openings *openings, const uint8_t *text, Py_ssize_t size, Py_ssize_t at, Opened noted, void *to)
{
    if (at > 0 && is_word_byte(text[at - 1]) && is_word_byte(text[at]))
        return 0;
    Running run;
    uint32_t forms = may_open(openings, text, size, at);
    for (int i = 0; forms != 0; i++, forms >>= 1)
        if ((forms & 1) && i < openings->count && run_at(&openings->programs[i], &run, text, size, at) >= 0 &&
            noted(to, (uint64_t)at, openings->forms[i]) < 0)
            return -1;
    return 0;
}

/* Tells `noted` each place where a form matches, with its number; it says by -1 that it failed, and so does this. */
static int note_openings(const Openings *openings, const uint8_t *text, Py_ssize_t size, Opened noted, void *to)
{
    uint32_t word = 0;
    for (Py_ssize_t base = 0; base < size; base += OPENED_BLOCK) {
        uint8_t rest[OPENED_BLOCK];
        const uint8_t *at = text + base;
        if (size - base < OPENED_BLOCK) {
            memset(rest, 0, sizeof rest);
            memcpy(rest, at, (size_t)(size - base));
            at = rest;
        }
        uint32_t begin = may_begin_values(at, &word);
        for (int i = 0; begin != 0; i++, begin >>= 1)
            if ((begin & 1) && note_opening(openings, text, size, base + i, noted, to) < 0)
                return -1;
    }
    return 0;
}
#endif
