"""What saboteurs change in the course, each change a function of this process without a result.

replacing   put one thing in the place of another, wherever the course holds it
looking     how a query finds its keys: weights, masks, positions, layers
reading     what a recurrent network keeps of what it read
learning    how long a model is trained, and whether it is trained at all
measuring   what is asked of a trained model, and what it is judged by
"""
