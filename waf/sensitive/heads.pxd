cimport cython

from waf.messages cimport Headers, Request


@cython.locals(headers=Headers, index=dict, ranged=bint)
cpdef Request prepared(Request request)
