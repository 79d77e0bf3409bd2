/* Readers of bytes by their kinds: each file that includes this has a table `kind` of 256 bytes before it. */
#ifndef WAF_KINDS_H
#define WAF_KINDS_H

static int is(const uint8_t *at, const uint8_t *end, int wanted)
{
    return at < end && (kind[*at] & wanted);
}

static int at_is(const uint8_t *at, const uint8_t *end, uint8_t c)
{
    return at < end && *at == c;
}

static const uint8_t *run(const uint8_t *at, const uint8_t *end, int wanted)
{
    while (is(at, end, wanted))
        at++;
    return at;
}

#endif
