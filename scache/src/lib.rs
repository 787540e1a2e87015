//! The connection cache daemon: holds descriptors and opaque bytes, knows nothing of mail
