cimport cython

from waf.sensitive.lines cimport Lines
from waf.sensitive.tally cimport Tally


cdef class RequestCheck:
    cdef object _finder, _key, _by_field
    cdef public object _clean  # tests take it away

    @cython.locals(tally=Tally, places=dict, names=dict, address=str, shown=str)
    cpdef object _look(self, object reading, Lines lines, list candidates, object make_orders)
