"""How the read side's tables came to be what they are; each runs on big tables without blocking writes."""
