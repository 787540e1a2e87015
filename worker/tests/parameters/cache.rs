//! Which sessions are given to the cache, and with which limits.

use crate::row::{Row, check, row};

fn kept(name: &'static str, value: &'static str) -> Row {
    row(name, value).store()
}

#[test]
fn which_sessions_are_parked() {
    check(vec![
        kept("smtp_connection_cache_on_demand", "no").with("heard QUIT").without("parked idle"),
        row("smtp_connection_cache_destinations", "127.0.0.1").with("parked idle").without("heard QUIT"),
    ]);
}

#[test]
fn for_how_long_they_are_parked() {
    check(vec![
        kept("smtp_connection_cache_time_limit", "1s").with("parked idle=1000 ").without("parked idle=2000 "),
        kept("smtp_connection_reuse_time_limit", "50s").with("retires=soon").without("retires=late"),
        kept("smtp_connection_reuse_count_limit", "7").with("uses=7 "),
    ]);
}
