/* Where a value begins whose first byte is a digit or a capital at a word's edge, "+" or "(" (waf/sensitive/openings.py).
 *
 * A table tells by the first bytes which forms one may be of, a bit for each; the program of each that is left is run. Each form is told of
 * once for a place where it matches. Led forms have a table of their own, may begin with small letters too, and are looked for only where one
 * of their words, which the engine tells of, is near.
 */
#ifndef WAF_FINDER_OPENINGS_H
#define WAF_FINDER_OPENINGS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include "_finder_programs.h"

enum { OPENED_BYTES = 16, OPENED_KINDS = 257, OPENED_END = 256, MOST_OPENED = 64, MOST_GROUPS = 64 };

typedef struct {
    uint64_t first[OPENED_BYTES][OPENED_KINDS]; /* by the kind of a byte, of which there are few: all are close together */
    uint16_t kinds[OPENED_KINDS];
    Program programs[MOST_OPENED];
    uint16_t forms[MOST_OPENED];
    uint8_t groups[MOST_OPENED]; /* by whose words it is led */
    int count;
} Opened;

typedef struct {
    Opened alone, led;
    Py_ssize_t asked; /* the engine's own forms; what it tells of with greater numbers are words */
    Py_ssize_t gap;   /* bytes between a word and a value */
    int groups;
} Openings;

typedef struct {
    Py_ssize_t end;
    int group;
} Word;

static void free_opened(Opened *opened)
{
    for (int i = 0; i < opened->count; i++)
        Py_CLEAR(opened->programs[i].bytes);
    opened->count = 0;
}

static void free_openings(Openings *openings)
{
    if (openings == NULL)
        return;
    free_opened(&openings->alone);
    free_opened(&openings->led);
    PyMem_Free(openings);
}

/* Bytes that say the same at each place are of one kind. */
static void read_kinds(const uint8_t *table, Opened *opened)
{
    int count = 0;
    for (int byte = 0; byte < OPENED_KINDS; byte++) {
        int kind = 0, same = 0;
        for (; kind < count && !same; kind += !same) {
            same = 1;
            for (int i = 0; i < OPENED_BYTES && same; i++)
                same = memcmp(&opened->first[i][kind], table + ((size_t)i * OPENED_KINDS + (size_t)byte) * sizeof(uint64_t), sizeof(uint64_t)) == 0;
        }
        if (!same) {
            for (int i = 0; i < OPENED_BYTES; i++)
                memcpy(&opened->first[i][kind], table + ((size_t)i * OPENED_KINDS + (size_t)byte) * sizeof(uint64_t), sizeof(uint64_t));
            count++;
        }
        opened->kinds[byte] = (uint16_t)kind;
    }
}

/* See openings.Table; -1 with an exception. Forms have numbers below `most`. */
static int read_opened(PyObject *told, Py_ssize_t most, int groups, Opened *opened)
{
    const char *table;
    Py_ssize_t size;
    PyObject *programs;
    if (!PyArg_ParseTuple(told, "y#O!:openings", &table, &size, &PyTuple_Type, &programs))
        return -1;
    if (size != (Py_ssize_t)sizeof opened->first || PyTuple_GET_SIZE(programs) > MOST_OPENED) {
        PyErr_SetString(PyExc_ValueError, "not the first bytes of so many forms");
        return -1;
    }
    read_kinds((const uint8_t *)table, opened);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(programs); i++) {
        PyObject *one = PyTuple_GET_ITEM(programs, i), *code;
        int number, group;
        if (!PyTuple_Check(one) || !PyArg_ParseTuple(one, "iSi:openings", &number, &code, &group)) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_TypeError, "a form is a number, a program and a group");
            return -1;
        }
        if (number < 0 || number >= most || number > UINT16_MAX || group < 0 || group >= groups) {
            PyErr_SetString(PyExc_ValueError, "no such form, or no such group");
            return -1;
        }
        if (read_program(code, &opened->programs[i]) < 0)
            return -1;
        opened->forms[i] = (uint16_t)number;
        opened->groups[i] = (uint8_t)group;
        opened->count = (int)i + 1;
    }
    return 0;
}

/* See openings.Told; NULL with an exception. */
static Openings *read_openings(PyObject *told, Py_ssize_t most)
{
    PyObject *alone, *led;
    Py_ssize_t asked, gap;
    int groups;
    if (!PyArg_ParseTuple(told, "O!O!nin:openings", &PyTuple_Type, &alone, &PyTuple_Type, &led, &asked, &groups, &gap))
        return NULL;
    if (asked < 0 || asked > most || groups < 0 || groups > MOST_GROUPS || gap < 0) {
        PyErr_SetString(PyExc_ValueError, "not so many forms and groups");
        return NULL;
    }
    Openings *openings = PyMem_Calloc(1, sizeof *openings);
    if (openings == NULL)
        return (Openings *)PyErr_NoMemory();
    openings->asked = asked;
    openings->groups = groups;
    openings->gap = gap;
    if (read_opened(alone, most, 1, &openings->alone) < 0 || read_opened(led, most, groups, &openings->led) < 0) {
        free_openings(openings);
        return NULL;
    }
    return openings;
}

/* The forms that a value at `at` may be of. */
static inline uint64_t may_open(const Opened *opened, const uint8_t *text, Py_ssize_t size, Py_ssize_t at)
{
    uint64_t forms = opened->first[0][opened->kinds[text[at]]];
    for (int i = 1; forms != 0 && i < OPENED_BYTES; i++) {
        if (at + i >= size)
            return forms & opened->first[i][opened->kinds[OPENED_END]];
        forms &= opened->first[i][opened->kinds[text[at + i]]];
    }
    return forms;
}

/* Which of the bytes at `at`, `OPENED_BLOCK` of them, a value may begin with, a bit for each; `word` is whether the byte before is a digit or a
 * letter, and is set to whether the last of these is. */
#if defined(__SSE2__)
#include <emmintrin.h>
enum { OPENED_BLOCK = 16 };

static inline uint32_t may_begin_values(const uint8_t *at, uint32_t *word)
{
    __m128i x = _mm_loadu_si128((const __m128i *)at);
    __m128i digit = _mm_sub_epi8(x, _mm_set1_epi8('0'));
    __m128i letter = _mm_sub_epi8(_mm_or_si128(x, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i sign = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('+')), _mm_cmpeq_epi8(x, _mm_set1_epi8('(')));
    digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
    letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);
    uint32_t words = (uint32_t)_mm_movemask_epi8(_mm_or_si128(digit, letter));
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
        uint32_t is_word = (uint8_t)(at[i] - '0') <= 9 || (uint8_t)((at[i] | 0x20) - 'a') <= 25;
        found |= (uint32_t)((is_word && !*word) || at[i] == '+' || at[i] == '(') << i;
        *word = is_word;
    }
    return found;
}
#endif

typedef int (*Told)(void *to, uint64_t place, uint16_t form);

typedef struct {
    const Word *words; /* in the order of their ends */
    size_t count, next;
    Py_ssize_t last[MOST_GROUPS]; /* where the last word of each group ended, and one more; 0 for none */
    Py_ssize_t latest;            /* the same of all */
} Leads;

/* The forms of a value at `at`; -1 where `told` failed. */
static inline int note_opening(const Openings *openings, Leads *leads, const uint8_t *text, Py_ssize_t size, Py_ssize_t at, Told told, void *to)
{
    if (at > 0 && is_word_byte(text[at - 1]) && is_word_byte(text[at]))
        return 0;
    Running run;
    uint64_t forms = may_open(&openings->alone, text, size, at);
    for (int i = 0; forms != 0; i++, forms >>= 1)
        if ((forms & 1) && i < openings->alone.count && run_at(&openings->alone.programs[i], &run, text, size, at) >= 0 &&
            told(to, (uint64_t)at, openings->alone.forms[i]) < 0)
            return -1;
    for (; leads->next < leads->count && leads->words[leads->next].end <= at; leads->next++) {
        leads->latest = leads->words[leads->next].end + 1;
        leads->last[leads->words[leads->next].group] = leads->latest;
    }
    if (leads->latest == 0 || at + 1 - leads->latest > openings->gap)
        return 0;
    forms = may_open(&openings->led, text, size, at);
    for (int i = 0; forms != 0; i++, forms >>= 1) {
        if (!(forms & 1) || i >= openings->led.count)
            continue;
        Py_ssize_t last = leads->last[openings->led.groups[i]];
        if (last == 0 || at + 1 - last > openings->gap)
            continue;
        Py_ssize_t end = run_at(&openings->led.programs[i], &run, text, size, at);
        if (end >= 0 && told(to, (uint64_t)end, openings->led.forms[i]) < 0)
            return -1;
    }
    return 0;
}

/* Tells `told` each place where a form matches (of a led one, where the match ends), with its number; it says by -1 that it failed, and so
 * does this. */
static int note_openings(const Openings *openings, const Word *words, size_t count, const uint8_t *text, Py_ssize_t size, Told told, void *to)
{
    Leads leads = {.words = words, .count = count};
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
            if ((begin & 1) && note_opening(openings, &leads, text, size, base + i, told, to) < 0)
                return -1;
    }
    return 0;
}
#endif
