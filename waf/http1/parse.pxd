from waf.messages cimport Request, Response

cimport cython


@cython.locals(request=Request)
cpdef Request request_head(bytes data, object limits, object hosts=*)

cpdef Response response_head(bytes data, object limits, bytes method)
