"""The programs that read a PDF's characters, each behind the same function: a file to its sheets, page by page."""
