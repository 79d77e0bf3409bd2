/* Validators of keys, tokens and dates that have a twin in C: waf/sensitive/validate/secrets.py, cards.py and persons.py are the
 * reference, to which all is left that the shipped patterns do not let through. */
#ifndef WAF_FINDER_SECRETS_H
#define WAF_FINDER_SECRETS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "_finder_numbers.h"

enum { MOST_HEADER = 512, MOST_ENTROPY = 256 };

static double password(const uint8_t *value, Py_ssize_t size)
{
    static const char *const words[] = {"password", "pass", "pwd"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        Py_ssize_t at = 0;
        while (at < size && words[i][at] && lower(value[at]) == (uint8_t)words[i][at])
            at++;
        if (at == size && !words[i][at])
            return 0.0;
    }
    return is_placeholder(value, size) ? 0.0 : 1.0;
}

/* secrets.entropy */
static double entropy(const uint8_t *value, Py_ssize_t size)
{
    int counts[256] = {0};
    double surprise = 0.0;
    if (size > MOST_ENTROPY)
        size = MOST_ENTROPY;
    if (size == 0)
        return 0.0;
    for (Py_ssize_t i = 0; i < size; i++)
        counts[value[i]]++;
    for (int c = 0; c < 256; c++)
        if (counts[c] > 1)
            surprise += counts[c] * log2(counts[c]);
    return log2((double)size) - surprise / (double)size;
}

/* Whether there is as much entropy; UNSURE where rounding could tell. */
static double is_drawn(const uint8_t *value, Py_ssize_t size, double least)
{
    double found = entropy(value, size);
    if (fabs(found - least) < 1e-6)
        return UNSURE;
    return found >= least && !is_placeholder(value, size) ? 1.0 : 0.0;
}

static int kinds_of_value(const uint8_t *value, Py_ssize_t size)
{
    int kinds = 0;
    for (Py_ssize_t i = 0; i < size; i++)
        kinds |= is(value[i], LOWER | UPPER | DIGIT);
    return kinds;
}

static double aws_secret(const uint8_t *value, Py_ssize_t size)
{
    int kinds = kinds_of_value(value, size);
    if (!(kinds & LOWER) || !(kinds & UPPER))
        return 0.0;
    if (!(kinds & DIGIT) && memchr(value, '+', (size_t)size) == NULL && memchr(value, '/', (size_t)size) == NULL)
        return 0.0;
    return is_drawn(value, size, 4.0);
}

static double high_entropy(const uint8_t *value, Py_ssize_t size)
{
    int kinds = kinds_of_value(value, size);
    if (!(kinds & LOWER) + !(kinds & UPPER) + !(kinds & DIGIT) > 1)
        return 0.0;
    return is_drawn(value, size, 3.3);
}

static int base64_digit(uint8_t byte)
{
    if (is(byte, UPPER))
        return byte - 'A';
    if (is(byte, LOWER))
        return byte - 'a' + 26;
    if (is(byte, DIGIT))
        return byte - '0' + 52;
    return byte == '-' ? 62 : byte == '_' ? 63 : -1;
}

/* A flat JSON object of plain strings and whole numbers that names an algorithm, or none; UNSURE for any other text. */
static double names_algorithm(const uint8_t *text, Py_ssize_t size)
{
    int named = 0, first = 1;
    Py_ssize_t at = 1;
    if (size < 2 || text[0] != '{')
        return UNSURE;
    for (;; first = 0) {
        if (at < size && text[at] == '}' && first)
            return at + 1 == size ? 0.0 : UNSURE;
        for (int member = 1; member >= 0; member--) {
            if (at < size && text[at] == '"') {
                Py_ssize_t begin = ++at;
                while (at < size && text[at] != '"' && text[at] != '\\' && text[at] >= 32 && text[at] < 127)
                    at++;
                if (at >= size || text[at] != '"')
                    return UNSURE;
                named |= member && at - begin == 3 && (memcmp(text + begin, "alg", 3) == 0 || memcmp(text + begin, "enc", 3) == 0);
                at++;
            }
            else {
                Py_ssize_t begin = at;
                while (!member && at < size && is(text[at], DIGIT))
                    at++;
                if (at == begin || (at - begin > 1 && text[begin] == '0'))
                    return UNSURE;
            }
            if (at >= size || (member ? text[at] != ':' : text[at] != ',' && text[at] != '}'))
                return UNSURE;
            at++;
        }
        if (text[at - 1] == '}')
            return at == size ? (double)named : UNSURE;
    }
}

static double jwt(const uint8_t *value, Py_ssize_t size)
{
    uint8_t text[MOST_HEADER];
    uint32_t bits = 0;
    Py_ssize_t made = 0, at = 0;
    for (; at < size && value[at] != '.'; at++) {
        int digit = base64_digit(value[at]);
        if (digit < 0 || made + 3 > MOST_HEADER)
            return UNSURE;
        bits = bits << 6 | (uint32_t)digit;
        if ((at & 3) == 3) {
            text[made++] = (uint8_t)(bits >> 16);
            text[made++] = (uint8_t)(bits >> 8);
            text[made++] = (uint8_t)bits;
        }
    }
    switch (at & 3) {
    case 1:
        return UNSURE;
    case 2:
        text[made++] = (uint8_t)(bits >> 4);
        break;
    case 3:
        text[made++] = (uint8_t)(bits >> 10);
        text[made++] = (uint8_t)(bits >> 2);
        break;
    default:
        break;
    }
    return names_algorithm(text, made);
}

static double track(const uint8_t *value, Py_ssize_t size)
{
    for (Py_ssize_t at = 0; at < size; at++) {
        Py_ssize_t count = 0;
        while (count < 19 && at + count < size && is(value[at + count], DIGIT))
            count++;
        if (count >= 12)
            return luhn(value + at, count) && issued(value + at, count) ? 1.0 : 0.0;
        at += count;
    }
    return 0.0;
}

static double date(const uint8_t *value, Py_ssize_t size)
{
    static const int days[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int parts[3] = {0}, count = 0, letters = 0, digits = 0;
    for (Py_ssize_t i = 0; i < size; i++) {
        letters = is(value[i], UPPER | LOWER) ? letters + 1 : 0;
        if (letters == 3)
            return 1.0;
    }
    for (Py_ssize_t i = 0; i < size; i++) {
        if (!is(value[i], DIGIT)) {
            digits = 0;
            continue;
        }
        if (digits == 0 && count++ == 3)
            return 0.0;
        if (++digits > 8)
            return UNSURE;
        parts[count - 1] = parts[count - 1] * 10 + value[i] - '0';
    }
    if (count == 1 && size == 8) {
        if (digits != 8)
            return UNSURE;
        int whole = parts[0];
        parts[0] = whole / 10000;
        parts[1] = whole / 100 % 100;
        parts[2] = whole % 100;
        count = 3;
    }
    if (count != 3)
        return 0.0;
    int year = parts[0], month = parts[1], day = parts[2];
    if (parts[0] <= 31) {
        int turned = parts[1] > 12;
        year = parts[2];
        month = parts[turned ? 0 : 1];
        day = parts[turned ? 1 : 0];
    }
    int right = year < 100 || (year >= 1900 && year <= 2035);
    return right && month >= 1 && month <= 12 && day >= 1 && day <= days[month] ? 1.0 : 0.0;
}

static double codice_fiscale(const uint8_t *value, Py_ssize_t size)
{
    static const uint8_t odd[] = {1,  0,  5,  7,  9,  13, 15, 17, 19, 21, 2,  4,  18,
                                  20, 11, 3,  6,  8,  12, 14, 16, 10, 22, 25, 24, 23};
    int total = 0;
    if (size != 16)
        return UNSURE;
    for (int i = 0; i < 16; i++) {
        uint8_t byte = upper(value[i]);
        int number = is(byte, DIGIT) ? byte - '0' : byte - 'A';
        if (!is(byte, DIGIT | UPPER))
            return UNSURE;
        if (i == 15)
            return !is(byte, DIGIT) && total % 26 == number ? 1.0 : 0.0;
        total += i % 2 == 0 ? odd[number] : number;
    }
    return UNSURE;
}

/* ------------------------------------------------------------------------------------------------------ all of them */

typedef double (*Check)(const uint8_t *value, Py_ssize_t size);

static const struct {
    const char *name;
    Check check;
} checks[] = {{"card", card}, {"maestro", maestro}, {"token", token}, {"ssn", ssn}, {"itin", itin}, {"nino", nino},
              {"nhs", nhs}, {"dni", dni}, {"nie", nie}, {"steuer_id", steuer_id}, {"bsn", bsn}, {"pesel", pesel},
              {"aadhaar", aadhaar}, {"sin", sin_number}, {"cpf", cpf}, {"document", document}, {"record_number", record_number},
              {"icd10", icd10}, {"npi", npi}, {"dea", dea}, {"routing", routing}, {"account", account}, {"iban", iban},
              {"email", email}, {"phone", phone}, {"jwt", jwt}, {"password", password}, {"aws_secret", aws_secret},
              {"high_entropy", high_entropy}, {"track", track}, {"date", date}, {"codice_fiscale", codice_fiscale}};

static Check check_named(const char *name)
{
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (strcmp(checks[i].name, name) == 0)
            return checks[i].check;
    return NULL;
}

#endif
