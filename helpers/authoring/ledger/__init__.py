"""How far each claim stands from its band, over seeds that chose nothing.

running     execute notebooks under seeds, collect their claims, go on after an interruption
preparing   what a notebook's kernel does first: no claim stops it, and a saboteur is let in
saboteurs   changes under which claims must fail, and which claims each one has to break
rows        from the runs to the rows of data/results/claims.json
picture     every claim a line, with its band and its values, worst first
"""
