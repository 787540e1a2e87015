//! main.cf syntax, every parameter declared once, and lookup tables
