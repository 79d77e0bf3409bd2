cimport cython

from waf.messages cimport Headers, Request, Response


@cython.locals(headers=Headers, index=dict, ranged=bint)
cpdef Request prepared(Request request)

@cython.locals(lines=list, changed=Response, strong=bint, lower=bytes, name=bytes, value=bytes)
cpdef Response truthful(Response response, bint decoded, bint gzipped, bint lengthens)
