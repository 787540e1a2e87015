//! The SMTP and LMTP client dialogue without sockets, files or a clock
