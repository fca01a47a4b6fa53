"""The course as a book: pages that live without a kernel, a server or a network.

building   the commands' work: the folder of sources, Sphinx, the files beside the pages
chapters   a notebook as committed, made into a page
pages      glossary, formulas, lineage, ledger, interface, made from the course itself
boxes      the text box that the book adds to notebook 12
live       the views' modules as one script, and their states in the page
weights    the shipped translators as scripts
formulas   formulas as MathML
search     the words of every section, for the search page
paper      the whole book as one PDF
slides     what is shown in class, as slides; they live as the pages do
js/        what runs in the page: live.js, translator.js, transformer.js, questions.js, search.js,
           slides.js
templates/ what the theme's head leaves out
book.css   colours and layout that are the book's own; slides.css, the slides'
"""
