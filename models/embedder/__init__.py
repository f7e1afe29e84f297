"""How the word vectors and the model of rephrasing are made."""
