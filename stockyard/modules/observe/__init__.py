"""What is seen and told of a call: logging, responseheaders, tracelink."""
