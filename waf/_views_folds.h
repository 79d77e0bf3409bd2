/* The folds: ways in which a language lets the same be written differently (waf/inspect/folds.py). */

static int is_utf8(const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        uint32_t point;
        int length = *at < 0x80 ? 1 : wide(at, end, &point);
        if (!length)
            return 0;
        at += length;
    }
    return 1;
}

/* Rare blanks as blanks, and the opening of code within a comment as one. */
static uint8_t *plain_blanks(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    int latin = memchr(at, 0xa0, (size_t)(end - at)) != NULL && !is_utf8(at, end);
    while (at < end) {
        if (*at == '/' && end - at >= 3 && at[1] == '*' && (at[2] == '!' || at[2] == '+')) {
            at += 3;
            for (int digits = 0; digits < 6 && at < end && (kind[*at] & DIGIT); digits++)
                at++;
            *out++ = ' ';
            continue;
        }
        *out++ = *at == '\v' || *at == '\f' || (latin && *at == 0xa0) ? ' ' : *at;
        at++;
    }
    return out;
}

/* The next end of a comment from `at` on; `end` where there is none. */
static const uint8_t *closing(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 2) {
        const uint8_t *star = memchr(at, '*', (size_t)(end - at) - 1);
        if (star == NULL)
            return end;
        if (star[1] == '/')
            return star;
        at = star + 1;
    }
    return end;
}

/* Comments as a blank, and then what ends none. */
static uint8_t *without_comments(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    uint8_t *start = out, *last = out;
    while (at < end) {
        if (end - at >= 4 && at[0] == '/' && at[1] == '*') {
            const uint8_t *close = closing(at + 2, end);
            if (close == end) /* nor is any that begins later */
                break;
            *last++ = ' ';
            at = close + 2;
            continue;
        }
        *last++ = *at++;
    }
    last = copied(at, end, last);
    for (const uint8_t *from = start; from < last;) { /* in place: it never becomes longer */
        int stray = from[0] == '*' && last - from >= 2 && from[1] == '/';
        *out++ = stray ? ' ' : *from;
        from += 1 + stray;
    }
    return out;
}

static uint8_t *without_line_comments(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    while (at < end) {
        if (*at == '#' || (*at == '-' && end - at >= 2 && at[1] == '-')) {
            const uint8_t *line = memchr(at, '\n', (size_t)(end - at));
            if (line == NULL)
                break;
            *out++ = ' ';
            at = line + 1;
            continue;
        }
        *out++ = *at++;
    }
    return copied(at, end, out);
}

/* Comments within words as nothing. The end that is looked for is kept: it is the same for all that begin before it. */
static uint8_t *joined_words(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    const uint8_t *start = at, *close = at;
    while (at < end) {
        if (*at == '/' && end - at >= 4 && at[1] == '*' && at > start && (kind[at[-1]] & WORD)) {
            if (close < at + 2)
                close = closing(at + 2, end);
            if (close == end)
                break;
            if (end - close > 2 && (kind[close[2]] & WORD)) {
                at = close + 2;
                continue;
            }
        }
        *out++ = *at++;
    }
    return copied(at, end, out);
}

/* $IFS as a blank, expansions to nothing as nothing. */
static uint8_t *expansions(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    while (at < end) {
        if (*at == '`' && end - at >= 2 && at[1] == '`') {
            at += 2;
            continue;
        }
        if (*at != '$' || end - at < 2) {
            *out++ = *at++;
            continue;
        }
        const uint8_t *name = at[1] == '{' ? at + 2 : at + 1;
        if (end - name >= 3 && lower(name[0]) == 'i' && lower(name[1]) == 'f' && lower(name[2]) == 's') {
            name += 3;
            if (at[1] != '{') {
                *out++ = ' ';
                at = end - name >= 2 && name[0] == '$' && (kind[name[1]] & DIGIT) ? name + 2 : name;
                continue;
            }
            for (int more = 0; more < 20 && name < end && *name != '}'; more++)
                name++;
            if (name < end && *name == '}') {
                *out++ = ' ';
                at = name + 1;
                continue;
            }
        }
        uint8_t next = at[1];
        if (next == '@' || next == '*' || next == '!' || next == '#' || (kind[next] & DIGIT))
            at += 2;
        else if (next == '{' && end - at >= 4 && (at[2] == '@' || at[2] == '*' || at[2] == '!') && at[3] == '}')
            at += 4;
        else if (next == '(' && end - at >= 3 && at[2] == ')')
            at += 3;
        else
            *out++ = *at++;
    }
    return out;
}

/* Behind a list in braces that a shell makes words of; NULL where there is none. A comma with up to a hundred
 * characters before it and two hundred behind it must be there.
 */
static const uint8_t *braces(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *from = at + 2, *last = from, *comma = NULL;
    if (end - at < 4 || !((kind[at[1]] & LETTER) || at[1] == '/' || at[1] == '.'))
        return NULL;
    for (; last < end && last - from <= 301; last++) {
        uint8_t c = *last;
        if (c == '{' || c == '}' || c == '"' || c == '\'' || c == ':' || (kind[c] & WHITE))
            break;
        if (c == ',' && last - from <= 100)
            comma = last;
    }
    return comma != NULL && last < end && *last == '}' && last - comma - 1 <= 200 ? last + 1 : NULL;
}

/* Continued lines joined and lists in braces taken apart; a line that is joined may be within braces. */
static uint8_t *shell_words(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    uint8_t *start = out, *joined = out;
    while (at < end) {
        if (*at == '\\' && end - at >= 2 && at[1] == '\n')
            at += 2;
        else if (*at == '\\' && end - at >= 3 && at[1] == '\r' && at[2] == '\n')
            at += 3;
        else
            *joined++ = *at++;
    }
    for (const uint8_t *from = start; from < joined;) { /* in place: it never becomes longer */
        const uint8_t *behind = *from == '{' ? braces(from, joined) : NULL;
        if (behind == NULL) {
            *out++ = *from++;
            continue;
        }
        for (from++; from < behind - 1; from++)
            *out++ = *from == ',' ? ' ' : *from;
        from = behind;
    }
    return out;
}

static uint8_t *without(const uint8_t *at, const uint8_t *end, uint8_t *out, const char *dropped)
{
    uint8_t drop[256] = {0};
    for (; *dropped; dropped++)
        drop[(uint8_t)*dropped] = 1;
    for (; at < end; at++)
        if (!drop[*at])
            *out++ = *at;
    return out;
}

static uint8_t *unquoted(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    return without(at, end, out, "'\"\\^");
}

static uint8_t *unticked(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    return without(at, end, out, "'\"\\^`");
}

static uint8_t *uncareted(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    return without(at, end, out, "\"^");
}

static uint8_t slash(uint8_t c)
{
    return c == '\\' ? '/' : c;
}

/* Backslashes as slashes, and parameters of segments (";a=b" behind ".." or "/") as nothing. */
static uint8_t *without_parameters(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    while (at < end) {
        int dots = *at == '.' && end - at >= 3 && at[1] == '.' && at[2] == ';';
        if (dots || (slash(*at) == '/' && end - at >= 2 && at[1] == ';')) {
            const uint8_t *last = at + (dots ? 3 : 2), *from = last;
            while (last < end && last - from < 60 && slash(*last) != '/' && !(kind[*last] & WHITE))
                last++;
            if (last < end && slash(*last) == '/') {
                *out++ = dots ? '.' : '/';
                if (dots)
                    *out++ = '.';
                at = last;
                continue;
            }
        }
        *out++ = slash(*at++);
    }
    return out;
}

/* "//" and "/./" as "/". */
static uint8_t *single_slashes(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    while (at < end) {
        uint8_t c = *at++;
        *out++ = c;
        if (c == '/')
            for (;;) {
                if (at < end && *at == '/')
                    at++;
                else if (end - at >= 2 && at[0] == '.' && at[1] == '/')
                    at += 2;
                else
                    break;
            }
    }
    return out;
}

/* "/name/.." before another slash as nothing. */
static uint8_t *climbed(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    while (at < end) {
        if (*at == '/' && !starts(at + 1, end, "./") && !starts(at + 1, end, "../")) {
            const uint8_t *last = at + 1;
            while (last < end && last - at <= 255 && *last != '/' && !(kind[*last] & WHITE))
                last++;
            if (last > at + 1 && starts(last, end, "/../")) {
                at = last + 3;
                continue;
            }
        }
        *out++ = *at++;
    }
    return out;
}

/* What joins two strings as nothing, from the quote that ends the first to that which begins the second. */
static uint8_t *concatenated(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    while (at < end) {
        if (*at == '\'' || *at == '"') {
            const uint8_t *from = at + 1;
            for (int blanks = 0; blanks < 20 && from < end && (kind[*from] & WHITE); blanks++)
                from++;
            const uint8_t *sign = from;
            if (end - from >= 2 && from[0] == '|' && from[1] == '|')
                from += 2;
            else if (from < end && (*from == '+' || *from == '.' || *from == '&'))
                from++;
            if (from > sign) {
                for (int blanks = 0; blanks < 20 && from < end && (kind[*from] & WHITE); blanks++)
                    from++;
                if (from < end && (*from == '\'' || *from == '"')) {
                    at = from + 1;
                    continue;
                }
            }
        }
        *out++ = *at++;
    }
    return out;
}
