//! Everything that crosses a process border: types, framing, descriptors
