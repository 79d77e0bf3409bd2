from waf.sensitive.tally cimport Tally


cpdef tuple settled(object terms, object seen, list found, Tally tally)

cdef object _screened(
    object terms, object seen, list found, Tally tally, object grammar, object columns, object piece
)
