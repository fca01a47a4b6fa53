"""The course as a book: pages that live without a kernel, a server or a network.

building   the commands' work: the folder of sources, Sphinx, the files beside the pages
chapters   a notebook as committed, made into a page
pages      glossary, formulas, lineage, ledger, interface, made from the course itself
live       the views' modules as one script, and their states in the page
weights    the shipped translators as scripts
formulas   formulas as MathML
paper      the whole book as one PDF
slides     what is shown in class, as slides; they live as the pages do
js/        what runs in the page: live.js, translator.js, questions.js, slides.js
book.css   colours and layout that are the book's own; slides.css, the slides'
"""
