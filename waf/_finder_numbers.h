/* Numbers of persons, banks and telephones, judged as waf/sensitive/validate does; that is the reference.
 *
 * Each function knows the shape that the patterns of rules/sensitive let through and leaves all else to the reference, by UNSURE: a
 * pattern of the configuration's own may name any validator for anything.
 */
#ifndef WAF_FINDER_NUMBERS_H
#define WAF_FINDER_NUMBERS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include "_finder_checks.h"
#include "_finder_text.h"

enum { MOST_VALUE = 64 };
static const double UNSURE = -2.0;

static inline uint8_t upper(uint8_t byte)
{
    return byte >= 'a' && byte <= 'z' ? byte - 32 : byte;
}

/* digits.plain, and upper case; -1 for what is longer than `out` of MOST_VALUE bytes. */
static Py_ssize_t plain_upper(const uint8_t *value, Py_ssize_t size, uint8_t *out)
{
    Py_ssize_t made = 0;
    if (size > MOST_VALUE)
        return -1;
    for (Py_ssize_t i = 0; i < size; i++)
        if (memchr(" -./()", value[i], 6) == NULL)
            out[made++] = upper(value[i]);
    return made;
}

/* Whether it is so many digits, as numbers in `out` of MOST_VALUE bytes. */
static int plain_digits(const uint8_t *value, Py_ssize_t size, Py_ssize_t wanted, uint8_t *out)
{
    Py_ssize_t made = plain_upper(value, size, out);
    if (made != wanted)
        return 0;
    for (Py_ssize_t i = 0; i < made; i++) {
        if (!is(out[i], DIGIT))
            return 0;
        out[i] -= '0';
    }
    return 1;
}

static int all_same(const uint8_t *at, Py_ssize_t size)
{
    return size > 0 && one_digit(at, size);
}

static int weighed(const uint8_t *digits, const int8_t *weights, int count)
{
    int sum = 0;
    for (int i = 0; i < count; i++)
        sum += digits[i] * weights[i];
    return sum;
}

static int luhn_numbers(const uint8_t *digits, int size)
{
    int sum = 0;
    for (int i = 1; i <= size; i++) {
        int digit = digits[size - i] * (i & 1 ? 1 : 2);
        sum += digit > 9 ? digit - 9 : digit;
    }
    return sum % 10 == 0;
}

static int number_of_digits(const uint8_t *digits, int size)
{
    int number = 0;
    for (int i = 0; i < size; i++)
        number = number * 10 + digits[i];
    return number;
}

/* ----------------------------------------------------------------------------------------------- persons, health */

static double ssn(const uint8_t *value, Py_ssize_t size)
{
    uint8_t d[MOST_VALUE];
    if (!plain_digits(value, size, 9, d))
        return UNSURE;
    int area = number_of_digits(d, 3), group = number_of_digits(d + 3, 2), serial = number_of_digits(d + 5, 4);
    int never = area == 0 || area == 666 || area >= 900 || group == 0 || serial == 0;
    return never || all_same(d, 9) || (area == 123 && group == 45 && serial == 6789) ? 0.0 : 1.0;
}

static double itin(const uint8_t *value, Py_ssize_t size)
{
    uint8_t d[MOST_VALUE];
    if (!plain_digits(value, size, 9, d))
        return UNSURE;
    int group = number_of_digits(d + 3, 2);
    int known = (group >= 50 && group <= 65) || (group >= 70 && group <= 88) || (group >= 90 && group <= 92) || group >= 94;
    return d[0] == 9 && known ? 1.0 : 0.0;
}

static double nino(const uint8_t *value, Py_ssize_t size)
{
    uint8_t text[MOST_VALUE];
    if (plain_upper(value, size, text) < 2)
        return UNSURE;
    static const char never[] = "BGGBKNNKNTTNZZ";
    for (int i = 0; never[i]; i += 2)
        if (text[0] == (uint8_t)never[i] && text[1] == (uint8_t)never[i + 1])
            return 0.0;
    return memchr("DFIQUV", text[0], 6) != NULL || memchr("DFIOQUV", text[1], 7) != NULL ? 0.0 : 1.0;
}

static double nhs(const uint8_t *value, Py_ssize_t size)
{
    static const int8_t weights[] = {10, 9, 8, 7, 6, 5, 4, 3, 2};
    uint8_t d[MOST_VALUE];
    if (!plain_digits(value, size, 10, d))
        return UNSURE;
    return (11 - weighed(d, weights, 9) % 11) % 11 == d[9] && !all_same(d, 10) ? 1.0 : 0.0;
}

static const char dni_letters[] = "TRWAGMYFPDXBNJZSQVHLCKE";

static double dni(const uint8_t *value, Py_ssize_t size)
{
    uint8_t text[MOST_VALUE];
    if (plain_upper(value, size, text) != 9)
        return UNSURE;
    for (int i = 0; i < 8; i++) {
        if (!is(text[i], DIGIT))
            return UNSURE;
        text[i] -= '0';
    }
    return (uint8_t)dni_letters[number_of_digits(text, 8) % 23] == text[8] && !all_same(text, 8) ? 1.0 : 0.0;
}

static double nie(const uint8_t *value, Py_ssize_t size)
{
    uint8_t text[MOST_VALUE];
    if (plain_upper(value, size, text) != 9 || text[0] < 'X' || text[0] > 'Z')
        return UNSURE;
    text[0] -= 'X';
    for (int i = 1; i < 8; i++) {
        if (!is(text[i], DIGIT))
            return UNSURE;
        text[i] -= '0';
    }
    return (uint8_t)dni_letters[number_of_digits(text, 8) % 23] == text[8] ? 1.0 : 0.0;
}

static double steuer_id(const uint8_t *value, Py_ssize_t size)
{
    uint8_t d[MOST_VALUE];
    int counts[10] = {0}, most = 0, repeated = 0, product = 10;
    if (!plain_digits(value, size, 11, d))
        return UNSURE;
    for (int i = 0; i < 10; i++)
        counts[d[i]]++;
    for (int i = 0; i < 10; i++) {
        most = counts[i] > most ? counts[i] : most;
        repeated += counts[i] > 1;
    }
    if (d[0] == 0 || (most != 2 && most != 3) || repeated > 1)
        return 0.0;
    for (int i = 0; i < 10; i++) {
        int total = (d[i] + product) % 10;
        product = 2 * (total ? total : 10) % 11;
    }
    return (11 - product) % 10 == d[10] ? 1.0 : 0.0;
}

static double bsn(const uint8_t *value, Py_ssize_t size)
{
    static const int8_t weights[] = {9, 8, 7, 6, 5, 4, 3, 2, -1};
    uint8_t d[MOST_VALUE];
    if (!plain_digits(value, size, 9, d))
        return UNSURE;
    return weighed(d, weights, 9) % 11 == 0 && !all_same(d, 9) ? 1.0 : 0.0;
}

static double pesel(const uint8_t *value, Py_ssize_t size)
{
    static const int8_t weights[] = {1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1};
    static const uint8_t days[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint8_t d[MOST_VALUE];
    if (size != 11 || !plain_digits(value, size, 11, d))
        return UNSURE;
    int month = number_of_digits(d + 2, 2) % 20, day = number_of_digits(d + 4, 2);
    return weighed(d, weights, 11) % 10 == 0 && month >= 1 && month <= 12 && day >= 1 && day <= days[month] ? 1.0 : 0.0;
}

static double aadhaar(const uint8_t *value, Py_ssize_t size)
{
    static const uint8_t table[10][10] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5}, {2, 3, 4, 0, 1, 7, 8, 9, 5, 6},
                                          {3, 4, 0, 1, 2, 8, 9, 5, 6, 7}, {4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
                                          {6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3}, {8, 7, 6, 5, 9, 3, 2, 1, 0, 4},
                                          {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}};
    static const uint8_t permuted[8][10] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4}, {5, 8, 0, 3, 7, 9, 6, 1, 4, 2},
                                            {8, 9, 1, 6, 0, 4, 3, 5, 2, 7}, {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
                                            {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8}};
    uint8_t d[MOST_VALUE], check = 0;
    int palindrome = 1;
    if (!plain_digits(value, size, 12, d))
        return UNSURE;
    for (int i = 0; i < 12; i++) {
        check = table[check][permuted[i & 7][d[11 - i]]];
        palindrome &= d[i] == d[11 - i];
    }
    return d[0] > 1 && !palindrome && check == 0 ? 1.0 : 0.0;
}

static double sin_number(const uint8_t *value, Py_ssize_t size)
{
    uint8_t d[MOST_VALUE];
    if (!plain_digits(value, size, 9, d))
        return UNSURE;
    return d[0] != 0 && d[0] != 8 && luhn_numbers(d, 9) && !all_same(d, 9) ? 1.0 : 0.0;
}

static double cpf(const uint8_t *value, Py_ssize_t size)
{
    static const int8_t weights[] = {11, 10, 9, 8, 7, 6, 5, 4, 3, 2};
    uint8_t d[MOST_VALUE];
    if (!plain_digits(value, size, 11, d))
        return UNSURE;
    return !all_same(d, 11) && weighed(d, weights + 1, 9) * 10 % 11 % 10 == d[9] && weighed(d, weights, 10) * 10 % 11 % 10 == d[10]
               ? 1.0
               : 0.0;
}

static double document(const uint8_t *value, Py_ssize_t size)
{
    uint8_t text[MOST_VALUE];
    Py_ssize_t made = plain_upper(value, size, text), digits = 0;
    if (made < 0)
        return UNSURE;
    for (Py_ssize_t i = 0; i < made; i++)
        digits += is(text[i], DIGIT) != 0;
    for (Py_ssize_t i = 0; digits >= 4 && digits < made; i++) /* of letters, case makes them different ones */
        if (!is(text[i], DIGIT))
            return 1.0;
    return digits >= 4 && !all_same(text, made) ? 1.0 : 0.0;
}

static double record_number(const uint8_t *value, Py_ssize_t size)
{
    Py_ssize_t digits = 0;
    for (Py_ssize_t i = 0; i < size; i++)
        digits += is(value[i], DIGIT) != 0;
    return digits >= 4 ? 1.0 : 0.0;
}

static double icd10(const uint8_t *value, Py_ssize_t size)
{
    uint8_t first = size > 0 ? upper(value[0]) : 0;
    return size == 0 ? UNSURE : first >= 'A' && first <= 'Z' && first != 'W' && first != 'X' && first != 'Y' ? 1.0 : 0.0;
}

static double npi(const uint8_t *value, Py_ssize_t size)
{
    uint8_t d[MOST_VALUE + 5] = {8, 0, 8, 4, 0};
    return !plain_digits(value, size, 10, d + 5) ? UNSURE : luhn_numbers(d, 15) ? 1.0 : 0.0;
}

static double dea(const uint8_t *value, Py_ssize_t size)
{
    uint8_t d[7];
    if (size < 7)
        return UNSURE;
    for (int i = 0; i < 7; i++) {
        if (!is(value[size - 7 + i], DIGIT))
            return UNSURE;
        d[i] = value[size - 7 + i] - '0';
    }
    return (d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5])) % 10 == d[6] ? 1.0 : 0.0;
}

/* ---------------------------------------------------------------------------------------------------------- banks */

static double routing(const uint8_t *value, Py_ssize_t size)
{
    static const int8_t weights[] = {3, 7, 1, 3, 7, 1, 3, 7, 1};
    uint8_t d[MOST_VALUE];
    if (!plain_digits(value, size, 9, d))
        return UNSURE;
    int prefix = number_of_digits(d, 2);
    int known = prefix <= 12 || (prefix >= 21 && prefix <= 32) || (prefix >= 61 && prefix <= 72) || prefix == 80;
    return known && !all_same(d, 9) && weighed(d, weights, 9) % 10 == 0 ? 1.0 : 0.0;
}

static double account(const uint8_t *value, Py_ssize_t size)
{
    uint8_t text[MOST_VALUE];
    Py_ssize_t made = plain_upper(value, size, text);
    return made < 1 || !is(text[0], DIGIT) ? UNSURE : all_same(text, made) ? 0.0 : 1.0;
}

/* The check digits, of which most that looks like an IBAN has wrong ones; the structure of its country is another matter. */
static double iban(const uint8_t *value, Py_ssize_t size)
{
    uint8_t text[MOST_VALUE];
    Py_ssize_t made = plain_upper(value, size, text);
    if (made < 5)
        return UNSURE;
    unsigned rest = 0;
    for (Py_ssize_t i = 4; i < made + 4; i++) {
        uint8_t byte = text[i < made ? i : i - made];
        if (is(byte, DIGIT))
            rest = (rest * 10 + byte - '0') % 97;
        else if (is(byte, UPPER))
            rest = (rest * 100 + byte - 'A' + 10) % 97;
        else
            return UNSURE;
    }
    return rest == 1 ? UNSURE : 0.0;
}

/* Whether it has the structure of its country: `structures` holds it by the country's letters, a byte for each character. */
static double structured(const uint8_t *value, Py_ssize_t size, PyObject *structures)
{
    uint8_t text[MOST_VALUE];
    Py_ssize_t made = plain_upper(value, size, text);
    PyObject *country = made < 2 ? NULL : PyBytes_FromStringAndSize((const char *)text, 2);
    PyObject *structure = country == NULL ? NULL : PyDict_GetItemWithError(structures, country); /* borrowed */
    Py_XDECREF(country);
    if (structure == NULL)
        return PyErr_Occurred() ? -1.0 : 0.0;
    if (!PyBytes_Check(structure) || PyBytes_GET_SIZE(structure) != made)
        return 0.0;
    for (Py_ssize_t i = 2; i < made; i++) {
        char wanted = PyBytes_AS_STRING(structure)[i];
        if (!is(text[i], wanted == 'n' ? DIGIT : wanted == 'a' ? UPPER : UPPER | DIGIT))
            return 0.0;
    }
    return 1.0;
}

/* ------------------------------------------------------------------------------------------- addresses, telephones */

/* All but whether the top-level domain exists. */
static double email(const uint8_t *value, Py_ssize_t size)
{
    Py_ssize_t sign = last_of(value, size, '@');
    if (sign <= 0 || sign > 64)
        return 0.0;
    const uint8_t *host = value + sign + 1;
    Py_ssize_t left = size - sign - 1, label = 0, dots = 0;
    for (Py_ssize_t i = 0; i < sign; i++)
        if (!(is(value[i], DIGIT | UPPER | LOWER) || memchr("._%+'-", value[i], 6) != NULL) ||
            (value[i] == '.' && (i == 0 || i + 1 == sign || value[i + 1] == '.')))
            return 0.0;
    for (Py_ssize_t i = 0; i < left; i++) {
        if (host[i] == '.') {
            if (i == label || host[i - 1] == '-' || i - label > 63)
                return 0.0;
            label = i + 1;
            dots++;
        }
        else if (!is(host[i], DIGIT | UPPER | LOWER) && (host[i] != '-' || i == label))
            return 0.0;
    }
    return dots == 0 || left - label < 2 || left - label > 63 ? 0.0 : UNSURE;
}

/* Whether the top-level domain of what `email` lets pass is one of `domains`. */
static double at_home(const uint8_t *value, Py_ssize_t size, PyObject *domains)
{
    const uint8_t *top = value + last_of(value, size, '.') + 1;
    Py_ssize_t left = value + size - top, letters = 0;
    char name[24];
    if (left >= 6 && memcmp(top, "xn--", 4) == 0)
        return 1.0;
    for (; letters < left && letters < 24 && is(top[letters], UPPER | LOWER); letters++)
        name[letters] = (char)lower(top[letters]);
    if (letters != left)
        return 0.0;
    PyObject *domain = PyBytes_FromStringAndSize(name, left);
    int known = domain == NULL ? -1 : PySet_Contains(domains, domain);
    Py_XDECREF(domain);
    return known;
}

/* contact._CALLING: digits of the calling code, 0 for none. */
static int calling(const uint8_t *d, Py_ssize_t size)
{
    if (size < 1)
        return 0;
    if (d[0] == '1' || d[0] == '7')
        return 1;
    static const struct {
        const char *two, *three; /* by the second digit */
    } codes[10] = {{"", ""}, {"", ""}, {"02789", "13456"}, {"0123469", "578"}, {"013456789", "2"},
                   {"12345678", "09"}, {"0123456", "789"}, {"", ""}, {"1246", "0578"}, {"0123458", "679"}};
    if (size < 2 || !is(d[0], DIGIT) || !is(d[1], DIGIT))
        return 0;
    int first = d[0] - '0';
    if (strchr(codes[first].two, d[1]) != NULL)
        return 2;
    if (size < 3 || !is(d[2], DIGIT) || strchr(codes[first].three, d[1]) == NULL)
        return 0;
    const char *third = "0123456789";
    if (first == 2 && d[1] == '1')
        third = "1238";
    else if (first == 9)
        third = d[1] == '6' ? "012345678" : d[1] == '7' ? "012345679" : "234568";
    return strchr(third, d[2]) != NULL ? 3 : 0;
}

static double international(const uint8_t *value, Py_ssize_t size)
{
    static const struct {
        uint8_t code, least, most;
    } lengths[] = {{1, 10, 10}, {7, 10, 10}, {44, 9, 10}, {33, 9, 9}, {34, 9, 9}, {39, 8, 11}, {31, 9, 9}, {32, 8, 9}, {41, 9, 9}, {43, 7, 13},
                   {45, 8, 8}, {46, 7, 10}, {47, 8, 8}, {48, 9, 9}, {49, 7, 12}, {55, 10, 11}, {61, 9, 9}, {81, 9, 10}, {86, 10, 11}, {91, 10, 10}};
    uint8_t d[MOST_VALUE], tight[MOST_VALUE];
    Py_ssize_t made = plain_upper(value + 1, size - 1, d), kept = 0;
    if (made < 0)
        return UNSURE;
    for (Py_ssize_t i = 0; i < made; i++)
        if (!is(d[i], DIGIT))
            return 0.0;
    int code = calling(d, made), number = 0;
    if (code == 0)
        return 0.0;
    for (int i = 0; i < code; i++)
        number = number * 10 + d[i] - '0';
    const uint8_t *rest = d + code;
    Py_ssize_t left = made - code;
    if (left > 0 && rest[0] == '0') {
        for (Py_ssize_t i = 1; i < size; i++)
            if (value[i] != ' ')
                tight[kept++] = value[i];
        for (Py_ssize_t i = 0; i + 2 < kept; i++)
            if (memcmp(tight + i, "(0)", 3) == 0) {
                rest++;
                left--;
                break;
            }
    }
    Py_ssize_t least = 6, most = 12;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        if (lengths[i].code == number) {
            least = lengths[i].least;
            most = lengths[i].most;
        }
    return left >= least && left <= most && !all_same(rest, left) ? 1.0 : 0.0;
}

static double phone(const uint8_t *value, Py_ssize_t size)
{
    uint8_t d[MOST_VALUE];
    if (size > 0 && value[0] == '+')
        return international(value, size);
    Py_ssize_t made = plain_upper(value, size, d);
    if (made < 0)
        return UNSURE;
    int different = 0, other = 0;
    for (Py_ssize_t i = 0; i < made; i++) {
        if (!is(d[i], DIGIT))
            return UNSURE;
        different += memchr(d, d[i], (size_t)i) == NULL;
    }
    if (size > 4 && value[0] == '(' && value[4] == ')') {
        const uint8_t *n = d + (made == 11 && d[0] == '1');
        int fits = (n == d ? made == 10 : 1) && n[0] >= '2' && n[1] != '9' && n[3] >= '2' && (n[1] != '1' || n[2] != '1');
        return fits && !all_same(d + made - 7, 7) ? 1.0 : 0.0;
    }
    for (Py_ssize_t i = 0; i < size; i++)
        other += !is(value[i], DIGIT);
    int decimal = other == 1 && memchr(value, '.', (size_t)size) != NULL;
    return made >= 7 && made <= 13 && different > 2 && !decimal ? 1.0 : 0.0;
}

#endif
