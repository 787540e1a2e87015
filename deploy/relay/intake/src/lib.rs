//! The SMTP listener's dialogue without sockets
