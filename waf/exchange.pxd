cdef class Exchange:
    cdef public object id, trace_id, peer, request, response, verdict, response_verdict, outcome, fault, detail
    cdef public object bypass, policy_version, generation, route, fields, policy_data
    cdef public double started, wall, head_at, client_body_at, admitted_at, sent_upstream_at, answered_at, ended
    cdef public double overhead
    cdef public long long sent_status, attempts, bytes_from_client, bytes_to_client, bytes_from_app
