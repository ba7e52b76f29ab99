"""Record calls and report on them: logging, responseheaders, tracelink."""
