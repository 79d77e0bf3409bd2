cimport cython

from waf.messages cimport Headers, Request


cdef class Cookies:
    cdef dict _met

    cpdef met(self, bytes line)


cdef class Conforming:
    cdef object _query, _required
    cdef readonly Cookies cookies

    @cython.locals(headers=Headers, query=bytes, line=bytes, cookies=Cookies)
    cpdef bint holds(self, Request request) except -1
