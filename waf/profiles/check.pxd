cimport cython

from waf.messages cimport Headers, Request
from waf.profiles.conforming cimport Conforming


cdef class Profile:
    cdef readonly str version
    cdef readonly object cap
    cdef object _root, _common, _headers, _mask
    cdef dict _direct
    cdef bint _common_cookies

    @cython.locals(direct=dict, head=Conforming)
    cpdef check(self, Request request, object fields, object content_type, bint quick=*)
    @cython.locals(headers=Headers, index=dict, doubled=bint)
    cdef _check_headers(self, Request request, list findings)
    cdef _find(self, Request request, list findings)
