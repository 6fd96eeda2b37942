"""What tests and benches stand on: products that run, ports, pages' messages, boards, networks.

It imports the product, and neither tests nor bench; bench imports this, and never tests.
"""
