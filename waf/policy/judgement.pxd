from waf.policy.settings cimport Settings


cdef class Judgement:
    cdef public object policy, reading, check, hits, response_tally, allowed_by
    cdef public Settings settings
    cdef public list findings
    cdef object _path

    cpdef path(self, bytes raw)
