//! Parses the arguments, wires the parts together and dispatches.

fn main() {}
