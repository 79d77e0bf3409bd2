from waf.value cimport Value


cdef class Settings(Value):
    cdef readonly str name, over_limit
    cdef readonly object mode, profile_cap
    cdef readonly frozenset allow_methods, allow_types
    cdef readonly long long inspect_body, body
    cdef readonly object level
    cdef readonly bint signatures, sensitive, profiles, profile_loosens, responses
