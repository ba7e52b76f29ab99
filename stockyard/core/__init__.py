"""The heart: values and rules. Nothing here touches a socket, a file or a database."""
