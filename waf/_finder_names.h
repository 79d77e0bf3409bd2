/* Names without what in them may be of somebody: `places.untold` in waf/sensitive/places.py is the reference. */
#ifndef WAF_FINDER_NAMES_H
#define WAF_FINDER_NAMES_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include "_finder_text.h"

enum { LONGEST_LOOKED_AT = 160, LONG_WORD = 20, MORE_DIGITS = 4 }; /* places.LONGEST; as in places._TELLING */

static inline int is_of(Py_UCS4 letter, int kinds)
{
    return letter < 0x80 && is((uint8_t)letter, kinds);
}

static inline int is_letter_of_word(Py_UCS4 letter)
{
    return letter == '_' || Py_UNICODE_ISALNUM(letter);
}

static inline int is_one_of(Py_UCS4 letter, const char *signs)
{
    return letter != 0 && letter < 0x80 && strchr(signs, (int)letter) != NULL;
}

/* Behind the address of mail that begins at `at`; `at` where none does. */
static Py_ssize_t behind_address(const Py_UCS4 *text, Py_ssize_t size, Py_ssize_t at)
{
    if (at > 0 && (is_letter_of_word(text[at - 1]) || is_one_of(text[at - 1], ".+%-")))
        return at;
    Py_ssize_t sign = at;
    while (sign < size && (is_letter_of_word(text[sign]) || is_one_of(text[sign], ".+%-")))
        sign++;
    if (sign == at || sign == size || text[sign] != '@')
        return at;
    Py_ssize_t end = sign + 1;
    while (end < size && (is_letter_of_word(text[end]) || is_one_of(text[end], ".-")))
        end++;
    return end > sign + 1 ? end : at;
}

/* The same of a number, in groups or not, with few letters. */
static Py_ssize_t behind_number(const Py_UCS4 *text, Py_ssize_t size, Py_ssize_t at)
{
    Py_ssize_t end = at;
    while (end < size && end < at + 2 && is_of(text[end], UPPER))
        end++;
    if (end == size || !is_of(text[end], DIGIT))
        return at;
    int more = 0;
    for (Py_ssize_t next = ++end;; more++, end = ++next) {
        if (next < size && is_one_of(text[next], " ./-"))
            next++;
        if (next < size && is_of(text[next], UPPER))
            next++;
        if (next >= size || !is_of(text[next], DIGIT))
            break;
    }
    if (more < MORE_DIGITS)
        return at;
    while (end < size && is_of(text[end], DIGIT | UPPER | LOWER))
        end++;
    return end;
}

/* Behind a long run of letters, "_" and "-", and of digits where these are among `kinds`. */
static Py_ssize_t behind_run(const Py_UCS4 *text, Py_ssize_t size, Py_ssize_t at, int kinds)
{
    Py_ssize_t end = at;
    while (end < size && (is_of(text[end], kinds) || text[end] == '_' || text[end] == '-'))
        end++;
    return end - at >= LONG_WORD ? end : at;
}

PyDoc_STRVAR(untold_doc, "untold(name) -> str\n\nAs `places.untold`; of a name that is no longer than what is looked at.");

static PyObject *module_untold(PyObject *unused, PyObject *name)
{
    Py_UCS4 text[LONGEST_LOOKED_AT], out[LONGEST_LOOKED_AT];
    if (!PyUnicode_Check(name) || PyUnicode_GET_LENGTH(name) > LONGEST_LOOKED_AT) {
        PyErr_SetString(PyExc_ValueError, "a name of no more than is looked at");
        return NULL;
    }
    Py_ssize_t size = PyUnicode_GET_LENGTH(name), made = 0, behind;
    if (size > 0 && PyUnicode_AsUCS4(name, text, LONGEST_LOOKED_AT, 0) == NULL)
        return NULL;
    for (Py_ssize_t at = 0; at < size;) {
        if ((behind = behind_address(text, size, at)) > at || (behind = behind_number(text, size, at)) > at)
            out[made++] = '*';
        else if ((behind = behind_run(text, size, at, UPPER | LOWER)) > at && !(behind < size && is_of(text[behind], DIGIT))) {
            memcpy(out + made, text + at, (size_t)(behind - at) * sizeof *out);
            made += behind - at;
        }
        else if ((behind = behind_run(text, size, at, DIGIT | UPPER | LOWER)) > at)
            out[made++] = '*';
        else {
            out[made++] = text[at];
            behind = at + 1;
        }
        at = behind;
    }
    return PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, out, made);
}

#endif
