/* The layers: encodings that apps undo (waf/inspect/layers.py). */

/* %uXXXX first, as a pass of its own: what it gives may be percent-encoded in turn. */
static uint8_t *percent_u(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    while (at < end) {
        if (*at == '%' && end - at >= 6 && (at[1] | 0x20) == 'u' && are_hex(at + 2, end, 4)) {
            out = character(number(at + 2, at + 6), out);
            at += 6;
        }
        else
            *out++ = *at++;
    }
    return out;
}

static uint8_t *unescaped(const uint8_t *at, const uint8_t *end, uint8_t *out, uint8_t plus)
{
    while (at < end) {
        if (*at == '%' && are_hex(at + 1, end, 2)) {
            *out++ = (uint8_t)(nibble[at[1]] << 4 | nibble[at[2]]);
            at += 3;
        }
        else {
            *out++ = *at == '+' ? plus : *at;
            at++;
        }
    }
    return out;
}

static uint8_t *percent(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    return unescaped(at, end, out, '+');
}

static uint8_t *percent_of_form(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    return unescaped(at, end, out, ' ');
}

/* Behind the reference that begins at `at`, with what it stands for in `out`; NULL where there is none. */
static const uint8_t *reference(const uint8_t *at, const uint8_t *end, uint8_t **out)
{
    static const char *const open[] = {"lt", "gt", "amp", "quot", "nbsp", "LT", "GT", "AMP", "QUOT"};
    const uint8_t *from = at + 1, *last;
    if (from < end && *from == '#') {
        int hex = end - from > 1 && (from[1] | 0x20) == 'x', wanted = hex ? HEX : DIGIT;
        from += 1 + hex;
        last = from;
        while (last < end && (kind[*last] & wanted))
            last++;
        if (last == from)
            return NULL;
        while (from < last - 1 && *from == '0')
            from++;
        if (last - from > (hex ? 6 : 7))
            return NULL;
        uint32_t point = 0;
        for (const uint8_t *digit = from; digit < last; digit++)
            point = point * (hex ? 16 : 10) + nibble[*digit];
        *out = character(point, *out);
        return last < end && *last == ';' ? last + 1 : last;
    }
    for (last = from; last < end && last - from < 20 && (kind[*last] & LETTER);)
        last++;
    const Name *name;
    if (last - from >= 2 && last < end && *last == ';') {
        name = named(from, (size_t)(last - from));
        last++;
    }
    else {
        size_t number = 0;
        while (number < sizeof open / sizeof *open && !starts(from, end, open[number]))
            number++;
        if (number == sizeof open / sizeof *open)
            return NULL;
        last = from + strlen(open[number]);
        name = named(from, strlen(open[number]));
    }
    if (name == NULL) /* one that stands for nothing in ASCII */
        *out = copied(at, last, *out);
    else
        *out = copied((const uint8_t *)name->text, (const uint8_t *)name->text + name->text_length, *out);
    return last;
}

static uint8_t *html(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    while (at < end) {
        const uint8_t *behind = *at == '&' ? reference(at, end, &out) : NULL;
        if (behind != NULL)
            at = behind;
        else
            *out++ = *at++;
    }
    return out;
}

/* Behind the coded escape whose backslash stands before `at`, with its code point; NULL where there is none. */
static const uint8_t *coded(const uint8_t *at, const uint8_t *end, uint32_t *point)
{
    if (at == end)
        return NULL;
    uint8_t letter = *at | 0x20;
    if (letter == 'x' && are_hex(at + 1, end, 2)) {
        *point = number(at + 1, at + 3);
        return at + 3;
    }
    if (letter == 'u') {
        if (starts(at + 1, end, "0000") && are_hex(at + 5, end, 4)) {
            *point = number(at + 5, at + 9);
            return at + 9;
        }
        if (are_hex(at + 1, end, 4)) {
            *point = number(at + 1, at + 5);
            return at + 5;
        }
        if (*at == 'u' && end - at > 2 && at[1] == '{') {
            const uint8_t *from = at + 2, *last = from;
            while (last < end && (kind[*last] & HEX))
                last++;
            while (from < last - 1 && *from == '0')
                from++;
            if (last > from && last - from <= 6 && last < end && *last == '}') {
                *point = number(from, last);
                return last + 1;
            }
        }
        return NULL;
    }
    if (*at >= '0' && *at <= '7') {
        uint32_t value = 0;
        int digits = 0;
        for (; digits < 3 && at < end && *at >= '0' && *at <= '7'; digits++, at++)
            value = value << 3 | (uint32_t)(*at - '0');
        *point = value & 0xff;
        return at;
    }
    return NULL;
}

/* A pair of surrogates, whose first backslash stands before `at`. */
static int is_pair(const uint8_t *at, const uint8_t *end)
{
    if (end - at < 11 || at[0] != 'u' || at[5] != '\\' || at[6] != 'u' || !are_hex(at + 1, end, 4)
        || !are_hex(at + 7, end, 4))
        return 0;
    uint32_t high = number(at + 1, at + 5), low = number(at + 7, at + 11);
    return high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000;
}

/* The reference holds doubled backslashes by a control (0x1a), which becomes one again at the end wherever it stands;
 * a backslash that is left over is dropped, and never stands before what was decoded.
 */
static uint8_t *js(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    static const char letters[] = "nrtbfv", controls[] = "\n\r\t\b\f\v";
    while (at < end) {
        if (*at != '\\') {
            *out++ = *at == 0x1a ? '\\' : *at;
            at++;
            continue;
        }
        at++;
        if (at == end)
            break;
        uint32_t point;
        if (*at == '\\') {
            *out++ = *at++;
            continue;
        }
        if (is_pair(at, end)) {
            uint32_t high = number(at + 1, at + 5), low = number(at + 7, at + 11);
            out = character(0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff), out);
            at += 11;
            continue;
        }
        const uint8_t *behind = coded(at, end, &point);
        if (behind != NULL) {
            out = character(point == 0x1a ? '\\' : point, out);
            at = behind;
            continue;
        }
        const char *letter = *at ? strchr(letters, *at) : NULL;
        if (letter != NULL) {
            *out++ = (uint8_t)controls[letter - letters];
            at++;
        }
        else if (*at == '\n')
            at++;
        else if (*at == '\r' && end - at > 1 && at[1] == '\n')
            at += 2;
    }
    return out;
}

static uint8_t *css(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    while (at < end) {
        if (*at == '\\') {
            const uint8_t *from = at + 1;
            while (from < end && from - at <= 4 && *from == '0')
                from++;
            if (from < end && *from >= '2' && *from <= '7' && are_hex(from, end, 2) && !are_hex(from + 2, end, 1)) {
                *out++ = (uint8_t)number(from, from + 2);
                at = from + 2;
                if (at < end && (kind[*at] & WHITE) && *at != '\v')
                    at++;
                continue;
            }
        }
        *out++ = *at++;
    }
    return out;
}

/* The bytes of an overlong sequence, which is never part of a well-formed character; 0 where there is none. */
static int overlong(const uint8_t *at, const uint8_t *end, uint32_t *point)
{
    int length = *at == 0xc0 || *at == 0xc1 ? 2 : *at == 0xe0 ? 3 : *at == 0xf0 ? 4 : 0;
    if (length == 0 || end - at < length || (at[1] & 0xc0) != 0x80)
        return 0;
    if ((length == 3 && at[1] > 0x9f) || (length == 4 && at[1] > 0x8f))
        return 0;
    *point = length == 2 ? *at & 0x1f : 0;
    for (int i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | (at[i] & 0x3f);
    }
    return length;
}

static uint8_t *plain_characters(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    while (at < end) {
        uint32_t point;
        if (*at < 0x80) {
            *out++ = *at++;
            continue;
        }
        int length = overlong(at, end, &point);
        if (length && point >= 0xd800 && point < 0xe000)
            point = 0xfffd;
        if (!length)
            length = wide(at, end, &point);
        if (!length) {
            *out++ = *at++;
            continue;
        }
        at += length;
        const Form *form = point < 0x80 ? NULL : form_of(point);
        if (form != NULL && form->length)
            out = copied((const uint8_t *)form->text, (const uint8_t *)form->text + form->length - 1, out);
        else
            out = character(point, out);
    }
    return out;
}

/* A run of base64 as UTF-16 (RFC 2152) in `out`; NULL where it is no text, or has no character of ASCII. */
static uint8_t *shifted(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    uint32_t bits = 0, high = 0;
    int have = 0, plain = 0;
    if ((end - at) % 4 == 1)
        end--;
    for (; at < end; at++) {
        uint8_t c = *at;
        uint32_t value = c >= 'a' ? c - 'a' + 26u : c >= 'A' ? c - 'A' + 0u : c >= '0' ? c - '0' + 52u : c == '+' ? 62 : 63;
        bits = bits << 6 | value;
        have += 6;
        if (have < 16)
            continue;
        have -= 16;
        uint32_t unit = bits >> have & 0xffff;
        bits &= (1u << have) - 1;
        if (unit >= 0xdc00 && unit < 0xe000) {
            if (!high)
                return NULL;
            out = character(0x10000 + ((high & 0x3ff) << 10) + (unit & 0x3ff), out);
            high = 0;
            continue;
        }
        if (high)
            return NULL;
        if (unit >= 0xd800 && unit < 0xdc00) {
            high = unit;
            continue;
        }
        if (unit == 0x7f || (unit < 0x20 && unit != 0 && !(unit >= 9 && unit <= 13)))
            return NULL;
        plain |= unit < 0x80;
        out = character(unit, out);
    }
    return high || !plain ? NULL : out;
}

static uint8_t *utf7(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    while (at < end) {
        if (*at == '+') {
            const uint8_t *last = at + 1;
            while (last < end && last - at <= 2000 && (kind[*last] & CODED))
                last++;
            if (last - at > 2) {
                uint8_t *behind = shifted(at + 1, last, out);
                if (last < end && *last == '-')
                    last++;
                out = behind != NULL ? behind : copied(at, last, out);
                at = last;
                continue;
            }
        }
        *out++ = *at++;
    }
    return out;
}
