"""Web pages: `chrome` takes away what only stands around the text, `markup` reads the rest into `pieces`, `about` finds title,
authors and date. Markdown is rendered and read by `markup` too.
"""
