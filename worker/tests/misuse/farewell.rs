//! The end of a TLS session that is not kept.

use crate::rig::Worker;
use crate::server::{Offers, Server};
use proto::job::Fate;
use std::time::Duration;

/// Long enough that a client which leaves at once has left; what is told from it is only that this one has not.
const A_WHILE: Duration = Duration::from_millis(400);

#[test]
fn the_server_s_close_notify_is_awaited_where_that_is_asked_for() {
    for fast in ["yes", "no"] {
        let server = Server::start(Offers::Tls);
        let fast_shutdown = format!("tls_fast_shutdown_enable={fast}");
        let mut worker = Worker::start(&["smtp_tls_connection_reuse=no", &fast_shutdown]);
        worker.deliver(&server);
        worker.miss();
        worker.miss();
        assert_eq!(worker.fate(), Fate::Sent);
        let connection = server.connection(0);
        connection.wait_for("QUIT", 1);
        if fast == "no" {
            assert!(!connection.ends_within(A_WHILE));
            connection.send_close_notify();
        }
        assert!(connection.octets_at_end() > 0);
        worker.end();
    }
}
