"""How far each claim stands from its band, over seeds that chose nothing.

running     execute notebooks under seeds, collect their claims, go on after an interruption
preparing   what a notebook's kernel does first: no claim stops it, and a saboteur is let in
saboteurs   which change has to break which claims
changes/    what the saboteurs change in the course
rows        from the runs to the rows of data/results/claims.json
stated      what claims a notebook states, read from its code
command     what the command runs, says and refuses
page        the ledger in the book, and whether it is in step with the notebooks
picture     every claim a line, with its band and its values, worst first
"""
