/* Validators that have a twin in C: waf/sensitive/validate/cards.py and secrets.py are the reference. */
#ifndef WAF_FINDER_CHECKS_H
#define WAF_FINDER_CHECKS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include "_finder_text.h"

/* ------------------------------------------------------------------------------------------------------- cards */

static int luhn(const uint8_t *digits, Py_ssize_t size)
{
    static const uint8_t doubled[] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
    int sum = 0;
    for (Py_ssize_t i = 1; i <= size; i++) {
        int digit = digits[size - i] - '0';
        sum += i & 1 ? digit : doubled[digit];
    }
    return sum % 10 == 0;
}

static int one_digit(const uint8_t *digits, Py_ssize_t size)
{
    for (Py_ssize_t i = 1; i < size; i++)
        if (digits[i] != digits[0])
            return 0;
    return 1;
}

/* cards._ungrouped: the digits alone into `out` of 32 bytes; 0 where they are grouped as nobody does, -1 if too long. */
static Py_ssize_t ungrouped(const uint8_t *value, Py_ssize_t size, uint8_t *out)
{
    /* cards._GROUPS: lengths of groups as hexadecimal digits behind a 1. */
    static const uint32_t known[] = {0x14444, 0x1465, 0x14443, 0x1456, 0x1464, 0x14442, 0x14441, 0x14333,
                                     0x1445, 0x144443, 0x144442, 0x144441, 0x16d, 0x16a, 0x188, 0x1444};
    if (size > 32)
        return -1;
    uint8_t separator = memchr(value, ' ', (size_t)size) != NULL ? ' ' : '-';
    uint32_t groups = 1;
    Py_ssize_t made = 0, group = 0;
    for (Py_ssize_t i = 0; i <= size; i++) {
        if (i < size && is(value[i], DIGIT)) {
            out[made++] = value[i];
            group++;
            continue;
        }
        if (i < size && value[i] != separator)
            return 0;
        if (group > 15 && made == size)
            return made; /* without groups any length will do */
        if (group > 15 || groups >> 28)
            return 0;
        groups = groups << 4 | (uint32_t)group;
        group = 0;
    }
    if (made == size)
        return made;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i] == groups)
            return made;
    return 0;
}

/* cards._ISSUER */
static int issued(const uint8_t *digits, Py_ssize_t size)
{
    if (size < 13 || size > 19)
        return 0;
    int two = (digits[0] - '0') * 10 + digits[1] - '0';
    int four = two * 100 + (digits[2] - '0') * 10 + digits[3] - '0';
    switch (digits[0]) {
    case '4':
        return size == 13 || size == 16 || size == 19;
    case '5':
        return two >= 51 && two <= 55 && size == 16;
    case '2':
        return four >= 2221 && four <= 2720 && size == 16;
    case '3':
        if (two == 34 || two == 37)
            return size == 15;
        if (two == 36 || two == 38 || two == 39 || (four >= 3000 && four <= 3059))
            return size >= 14;
        return four >= 3528 && four <= 3589 && size >= 16;
    case '6':
        return (four == 6011 || (four >= 6440 && four <= 6599) || two == 62) && size >= 16;
    default:
        return 0;
    }
}

static double card(const uint8_t *value, Py_ssize_t size)
{
    uint8_t digits[32];
    Py_ssize_t count = ungrouped(value, size, digits);
    if (count <= 0 || !luhn(digits, count) || !issued(digits, count) || one_digit(digits, count))
        return 0.0;
    if (count == 17 || count == 18)
        return 0.6;
    if (count == 13) {
        int sum = 0;
        for (int i = 0; i < 13; i++)
            sum += (digits[12 - i] - '0') * (i & 1 ? 3 : 1);
        if (sum % 10 == 0)
            return 0.6; /* a right EAN as well */
    }
    return 1.0;
}

static double maestro(const uint8_t *value, Py_ssize_t size)
{
    uint8_t digits[32];
    Py_ssize_t count = ungrouped(value, size, digits);
    if (count < 12 || count > 19 || !luhn(digits, count) || one_digit(digits, count))
        return 0.0;
    return digits[0] == '6' || (digits[0] == '5' && (digits[1] == '0' || digits[1] >= '6')) ? 1.0 : 0.0;
}

/* ------------------------------------------------------------------------------------------------------- tokens */

/* secrets.is_placeholder */
static int is_placeholder(const uint8_t *value, Py_ssize_t size)
{
    static const char *const words[] = {"example", "sample", "placeholder", "changeme", "change_me", "your_",
                                        "your-",   "dummy",  "xxxxxx",      "***",      "...",       "<",
                                        "${",      "{{",     "%(",          "redacted", NULL};
    for (Py_ssize_t i = 0; i < size; i++) {
        if (memchr("espcydx*.<${%r", lower(value[i]), 14) == NULL)
            continue;
        for (const char *const *word = words; *word != NULL; word++) {
            Py_ssize_t at = 0;
            while ((*word)[at] && i + at < size && lower(value[i + at]) == (uint8_t)(*word)[at])
                at++;
            if (!(*word)[at])
                return 1;
        }
    }
    return 0;
}

/* secrets.token */
static double token(const uint8_t *value, Py_ssize_t size)
{
    uint8_t seen[256] = {0};
    int different = 0;
    for (Py_ssize_t i = 4; i < size; i++) {
        different += !seen[value[i]];
        seen[value[i]] = 1;
    }
    return different < 9 || is_placeholder(value, size) ? 0.0 : 1.0;
}

#endif
