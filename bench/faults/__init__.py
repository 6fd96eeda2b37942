"""What is killed, cut, filled up and flooded while the ledger is kept: one module per kind of fault."""
