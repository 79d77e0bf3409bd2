cdef class Stats:
    cdef public long connect_failures, connections, connections_refused, connects, exchanges, interim_dropped
    cdef public long own_errors, record_errors, resets_by_us, retries, tls_reloads, tunnels, unasked_bytes
