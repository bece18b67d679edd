"""Response streams, and the parts that they are made of."""
