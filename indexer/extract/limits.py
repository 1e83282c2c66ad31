"""How much of a document is read at most, in one place. Seconds and megabytes are settings; these are not."""

PAGES = 3000
CHARACTERS = 20_000_000
WORDS_ON_PAGE = 400_000
MESSAGE_BYTES = 512 << 20
"""What a worker may hand over for one document."""
DOCUMENTS_PER_WORKER = 50
"""After so many a worker makes room for a fresh one, so that what its libraries leak does not add up."""
WORKER_START_SECONDS = 60.0

OCR_PIXELS = 40_000_000
"""Of a page that is rendered for Tesseract; a larger one is rendered at fewer dots per inch."""
OCR_DPI = 300
OCR_PAGE_SECONDS = 60.0
OCR_TIMES = 10
"""So many times the seconds of other documents has one that Tesseract may have to read."""
