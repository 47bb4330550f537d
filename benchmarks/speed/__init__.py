"""How fast is a study beside real peers, and beside what the arithmetic alone would need? See benchmarks/README.md."""
