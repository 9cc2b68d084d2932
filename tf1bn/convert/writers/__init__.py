"""Files of other frameworks, each written by the library that its readers use."""
