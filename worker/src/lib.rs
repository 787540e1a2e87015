//! The delivery path: one message, one next hop, every recipient a verdict
